"""All workers are asked what lives in them."""

from __future__ import annotations

from tests.workers.case import SupervisorCase
from toron.core.wait import as_deferred
from toron.net.living import Found, Living, Tally, Wanted
from toron.workers.messages import Lives, Look
from toron.workers.questions import SECONDS


def living(worker: int, since: float) -> Living:
    return Living("web", "h2", "192.0.2.1:1", since, 1, [], "", "", 1, 2, worker)


class Asking(SupervisorCase):
    def test_all_of_them(self) -> None:
        one, two = self.start(0, 1)
        wanted = Wanted(listener="web", limit=2)
        found = as_deferred(self.supervisor.asking.connections(wanted))
        self.assertEqual((one.heard(), two.heard()), ([Look(1, wanted)], [Look(1, wanted)]))
        one.says(Lives(1, Found(5, [living(1, 30.0), living(1, 10.0)])))
        one.says(Lives(1, Found(5, [])))
        self.assertNoResult(found)
        two.says(Lives(1, Found(1, [living(2, 20.0)])))
        result = self.successResultOf(found)
        self.assertEqual((result.total, [each.since for each in result.connections]), (6, [10.0, 20.0]))
        two.says(Lives(1, Found(1, [])), Lives(7, Found(1, [])))

    def test_counts_of_all_of_them(self) -> None:
        one, two = self.start(0, 1)
        found = as_deferred(self.supervisor.asking.connections(Wanted(limit=0, tallies=True)))
        for each, count in ((one, 2), (two, 3)):
            each.says(Lives(1, Found(count, [], [Tally("web", "h2", "", "", count)])))
        self.assertEqual([each.count for each in self.successResultOf(found).tallies], [2, 3])

    def test_one_that_does_not_answer(self) -> None:
        one, _ = self.start(0, 1)
        found = as_deferred(self.supervisor.asking.connections(Wanted()))
        one.says(Lives(1, Found(1, [living(1, 1.0)])))
        self.reactor.advance(SECONDS)
        self.assertEqual(self.successResultOf(found).total, 1)

    def test_one_that_dies_meanwhile(self) -> None:
        one, two = self.start(0, 1)
        found = as_deferred(self.supervisor.asking.connections(Wanted()))
        one.says(Lives(1, Found(1, [living(1, 1.0)])))
        two.dies()
        self.assertEqual(self.successResultOf(found).total, 1)

    def test_nobody_is_ready(self) -> None:
        self.start()
        self.assertEqual(
            self.successResultOf(as_deferred(self.supervisor.asking.connections(Wanted()))).total, 0
        )

    def test_how_they_are(self) -> None:
        self.start(0)
        self.reactor.advance(5)
        first, second = self.supervisor.asking.workers()
        self.assertEqual((first.number, first.ready, first.uptime), (1, True, 5.0))
        self.assertEqual((second.number, second.ready), (2, False))
