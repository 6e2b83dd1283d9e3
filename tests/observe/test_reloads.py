"""What /metrics says of reloads."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.observe.reloads import Reloads


class ReloadsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.now = 100.0
        self.reloads = Reloads(lambda: self.now)

    def samples(self) -> dict[str, float]:
        return {
            sample.name + "".join(sample.labels.values()): sample.value
            for family in self.reloads.families()
            for sample in family.samples
        }

    def test_before_any(self) -> None:
        self.assertEqual(
            self.samples(),
            {
                "toron_config_reloads_totalapplied": 0,
                "toron_config_reloads_totalrejected": 0,
                "toron_config_rollbacks_totalcondition": 0,
                "toron_config_rollbacks_totalnot_confirmed": 0,
                "toron_config_rollbacks_totalasked": 0,
                "toron_config_last_reload_successful": 1,
                "toron_config_last_reload_success_timestamp_seconds": 100,
            },
        )

    def test_what_the_last_one_was(self) -> None:
        self.now = 200.0
        self.reloads.ended("rejected")
        found = self.samples()
        self.assertEqual(found["toron_config_last_reload_successful"], 0)
        self.assertEqual(found["toron_config_last_reload_success_timestamp_seconds"], 100)
        self.reloads.ended("applied")
        found = self.samples()
        self.assertEqual(found["toron_config_last_reload_successful"], 1)
        self.assertEqual(found["toron_config_last_reload_success_timestamp_seconds"], 200)
        self.assertEqual(found["toron_config_reloads_totalrejected"], 1)
        self.assertEqual(found["toron_config_reloads_totalapplied"], 1)

    def test_what_served_before_comes_back(self) -> None:
        for why in ("condition", "asked", "condition"):
            self.reloads.went_back(why)
        found = self.samples()
        self.assertEqual(found["toron_config_rollbacks_totalcondition"], 2)
        self.assertEqual(found["toron_config_rollbacks_totalasked"], 1)
