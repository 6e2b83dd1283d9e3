"""What workers count is added up, and a page of metrics waits for it."""

from __future__ import annotations

from typing import Any

from tests.workers.case import SupervisorCase
from toron.workers.messages import Counted, Report
from toron.workers.tally import FRESH


class Counting(SupervisorCase):
    def counted(self, number: int = 0, connections: int = 1, **more: Any) -> Counted:
        grown: Any = [
            (("listener", "web"), "connections", (), connections),
            (("listener", "web"), "active", (), connections),
        ]
        usual = {"dropped": 0, "lag": 0.1, "cpu": 1.0, "resident": 5}
        return Counted(number=number, grown=grown, **{**usual, **more})

    def test_it_is_added_up(self) -> None:
        one, two = self.start(0, 1)
        stats = self.part.metrics.listener("web")
        one.says(self.counted(connections=2), self.counted())
        two.says(self.counted(lag=0.3, cpu=2.0))
        self.assertEqual((stats.connections, stats.active), (4, 4))
        self.assertEqual(self.part.metrics.worker_lag, 0.3)
        samples = self.samples()
        self.assertEqual(samples["toron_worker_cpu_seconds2"], 2.0)
        self.assertEqual(samples["toron_worker_resident_memory_bytes1"], 5)
        two.dies()
        self.assertEqual((stats.connections, stats.active), (4, 3), "what it held is given back")
        self.assertEqual(self.part.metrics.worker_lag, 0.1)
        self.assertNotIn("toron_worker_cpu_seconds2", self.samples())

    def test_lines_that_were_dropped(self) -> None:
        one, two = self.start(0, 1)
        for process, dropped in ((one, 2), (one, 3), (two, 1), (one, 3)):
            process.says(self.counted(dropped=dropped))
        two.dies()
        self.reactor.advance(1)
        self.reactor.processes[2].says(self.counted(dropped=1))
        self.assertEqual(self.part.metrics.dropped_by_workers, 5)

    def test_a_page_waits_for_all(self) -> None:
        one, two = self.start(0, 1)
        fresh, other = self.supervisor._tally.refresh(), self.supervisor._tally.refresh()
        self.assertEqual((one.heard(), two.heard()), ([Report(1)], [Report(1)]))
        one.says(self.counted(1))
        two.says(self.counted(0))
        self.assertNoResult(fresh)
        two.says(self.counted(1))
        self.successResultOf(fresh)
        self.successResultOf(other)
        self.supervisor._tally.refresh()
        self.assertEqual(one.heard(), [Report(2)])

    def test_but_not_for_long(self) -> None:
        one, _ = self.start(0, 1)
        fresh = self.supervisor._tally.refresh()
        one.says(self.counted(1))
        self.reactor.advance(FRESH)
        self.successResultOf(fresh)

    def test_nor_for_who_is_gone(self) -> None:
        one, two = self.start(0, 1)
        fresh = self.supervisor._tally.refresh()
        one.says(self.counted(1))
        two.dies()
        self.successResultOf(fresh)

    def test_nor_for_nobody(self) -> None:
        self.start()
        self.successResultOf(self.supervisor._tally.refresh())
