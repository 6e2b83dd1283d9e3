"""What /metrics says of certificates that renew themselves."""

from __future__ import annotations

from tests.acme.case import NOW, AcmeCase
from toron.acme.failure import AcmeFailed
from toron.acme.http_01 import Answers
from toron.acme.keeper import Keeper


class Numbers(AcmeCase):
    def setUp(self) -> None:
        super().setUp()
        self.keeper = Keeper(
            self.clock, self.random, self.wall, Answers(), lambda reactor, ca: self.directory
        )

    def test_two_certificates_of_one_name_are_one_series(self) -> None:
        for number, names in enumerate((("a.test",), ("a.test", "b.test")), 1):
            record = self.keeper.upkeep(self.wanted(*names)).record
            record.issued = number
            record.failed(AcmeFailed("x", word="hook"), NOW + 60 * number, asked=False)
        found = [sample.value for family in self.keeper.families() for sample in family.samples]
        self.assertEqual(found, [3, 2, 1, NOW + 60])

    def test_families(self) -> None:
        keeper = self.keeper
        upkeep = keeper.upkeep(self.wanted("a.test", "b.test"))
        upkeep.record.issued = 2
        upkeep.record.failed(AcmeFailed("x", word="hook"), NOW + 60, asked=False)
        found = {
            (sample.name, *sorted(sample.labels.items())): sample.value
            for family in keeper.families()
            for sample in family.samples
        }
        name = ("name", "a.test")
        self.assertEqual(
            found,
            {
                ("toron_acme_issued_total", name): 2,
                ("toron_acme_failures_total", name, ("reason", "hook")): 1,
                ("toron_acme_failures_in_a_row", name): 1,
                ("toron_acme_next_try_timestamp_seconds", name): NOW + 60,
            },
        )
