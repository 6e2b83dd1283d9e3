"""What /metrics says of certificates."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.observe.certificates import CertificateStats


class CertificateStatsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.stats = CertificateStats()

    def samples(self) -> dict[tuple[str, ...], float]:
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in self.stats.families()
            for sample in family.samples
            if not sample.name.endswith("_created")
        }

    def test_none(self) -> None:
        self.assertEqual(self.samples(), {})

    def test_ends(self) -> None:
        self.stats.ends = lambda: [("a.test", 20.0), ("b.test", 5.0), ("a.test", 10.0), ("a.test", 30.0)]
        name = "toron_certificate_not_after_timestamp_seconds"
        self.assertEqual(self.samples(), {(name, "a.test"): 10, (name, "b.test"): 5})

    def test_replaced(self) -> None:
        for result in ("applied", "rejected", "applied"):
            self.stats.renewed("a.test", result)
        name = "toron_certificate_reloads_total"
        self.assertEqual(self.samples(), {(name, "a.test", "applied"): 2, (name, "a.test", "rejected"): 1})
