"""The parent: who is started and when, what is passed on, what a stop waits for."""

from __future__ import annotations

import pickle
from typing import Any

from tests.workers.case import ONE, TWO, SupervisorCase
from toron.net.gateway import Gateway
from toron.workers.messages import (
    Begin,
    Counted,
    Failed,
    Health,
    Hurry,
    Leaving,
    Lines,
    Ready,
    Report,
    Said,
    Serve,
    Stop,
)
from toron.workers.supervisor import GRACE, QUICK

CRASHED = "died by signal 11 (Segmentation fault)"
COUNTED = Counted(number=1, grown=[], dropped=0, lag=0.0, cpu=0.0, resident=0)


class Life(SupervisorCase):
    def test_what_a_worker_is_told(self) -> None:
        one, two = self.start()
        begins: list[Begin] = [one.begin, two.begin]  # type: ignore[attr-defined]
        self.assertEqual([(b.number, b.seats, b.seat) for b in begins], [(1, 4, 0), (2, 4, 1)])
        for process, begin, slot in zip((one, two), begins, (0, 1), strict=True):
            for doors in self.part.doors:
                given = process.given[begin.sockets[doors.listener]]
                self.assertEqual(given, doors.sockets[slot].fileno())
            self.assertEqual(
                [process.given[fd] for fd in begin.memories], self.supervisor._packed.descriptors
            )
        loaded, values, counts, *_ = pickle.loads(begins[0].pickled)
        self.assertEqual(loaded.config.workers, 2)
        self.assertEqual((len(values), len(counts)), (1, 2), "a secret; a guard's and a middleware's memory")
        self.assertEqual(
            begins[0].servers, [Health("api", url, True, "checked before") for url in (ONE, TWO)]
        )

    def test_ready_when_all_are(self) -> None:
        _, two = self.start(0)
        self.assertNotIn("toron is ready", " ".join(self.said))
        self.assertFalse(self.part.readiness.ready)
        two.says(Ready())
        self.assertIn(f"toron is ready: web on {self.part.doors[0].port}", self.said[-1])
        self.assertTrue(self.part.readiness.ready)
        self.assertFalse(self.gateway.ready_at_once)

    def test_one_that_can_not_start_ends_the_start(self) -> None:
        one, _ = self.start()
        one.says(Failed("a.yaml:1:1: no such key"))
        one.dies(None, 1)
        self.assertEqual(self.failures, ["a.yaml:1:1: no such key"])
        self.assertEqual(len(self.reactor.processes), 2)

    def test_so_does_one_that_dies_before_it_is_ready(self) -> None:
        _, two = self.start(0)
        two.prints(b"Segmentation fault\n")
        two.dies(11)
        self.assertEqual(
            self.failures, ["worker 2 died by signal 11 (Segmentation fault) before it was ready"]
        )
        self.assertIn("worker 2 printed: Segmentation fault", self.said)

    def test_and_one_that_can_not_be_run(self) -> None:
        self.reactor.problem = OSError(13, "Permission denied")
        self.supervisor.startService()
        self.assertEqual(self.failures, ["worker 1 can not be started: [Errno 13] Permission denied"])

    def test_one_that_dies_is_replaced_at_once(self) -> None:
        _, two = self.start(0, 1)
        self.reactor.advance(QUICK)
        two.dies()
        three = self.reactor.processes[2]
        begin = three.heard()[0]
        self.assertEqual((begin.number, begin.seat), (2, 2))
        self.assertEqual(three.given[begin.sockets["web"]], self.part.doors[0].sockets[1].fileno())
        self.assertIn("worker 2 (pid 1001) died by signal 9 (Killed); starting another", self.said)
        self.assertTrue(self.part.readiness.ready)
        self.assertEqual(
            (self.samples()["toron_workers"], self.samples()["toron_worker_restarts_total"]), (1, 1)
        )
        self.assertEqual(self.failures, [])

    def test_one_that_dies_again_and_again_has_to_wait(self) -> None:
        self.start(0, 1)
        self.reactor.processes[-1].dies()
        self.assertEqual(len(self.reactor.processes), 3, "it may happen once")
        for delay in ("0.1", "0.2", "0.4", "0.8", "1.6", "3.2", "6.4", "10", "10"):
            started = len(self.reactor.processes)
            self.reactor.processes[-1].dies()
            self.assertTrue(self.said[-1].endswith(f"; starting another in {delay} s"), self.said[-1])
            self.reactor.advance(float(delay) - 0.01)
            self.assertEqual(len(self.reactor.processes), started)
            self.reactor.advance(0.02)
            self.assertEqual(len(self.reactor.processes), started + 1)
        self.reactor.processes[-1].says(Ready())
        self.reactor.advance(QUICK)
        self.reactor.processes[-1].dies()
        self.assertEqual(len(self.reactor.processes), 13)

    def test_not_ready_without_any(self) -> None:
        one, two = self.start(0, 1)
        one.dies()
        self.assertTrue(self.part.readiness.ready)
        two.dies()
        self.assertEqual(self.part.readiness.reasons, ["no worker"])
        self.reactor.advance(1)
        self.reactor.processes[-1].says(Ready())
        self.assertTrue(self.part.readiness.ready)

    def test_one_that_is_asked_to_end_is_replaced_while_it_drains(self) -> None:
        one, _ = self.start(0, 1)
        one.says(Leaving())
        self.assertEqual(len(self.reactor.processes), 3)
        self.assertEqual(self.reactor.processes[2].heard()[0].number, 1)
        one.dies(None, 0)
        self.assertIn("worker 1 (pid 1000) ended with 0", self.said)
        self.assertEqual(len(self.reactor.processes), 3)

    def test_there_are_only_so_many_seats(self) -> None:
        processes = self.start(0, 1)
        for _ in range(2):
            processes[-1].says(Ready(), Leaving())
        self.assertEqual(len(processes), 4)
        processes[-1].says(Ready(), Leaving())
        self.assertEqual(len(processes), 4)
        processes[1].dies(None, 0)
        self.reactor.advance(1)
        self.assertEqual(len(processes), 5)
        self.assertEqual(processes[-1].heard()[0].seat, 1)


class Stops(SupervisorCase):
    def test_it_waits_for_all(self) -> None:
        one, two = self.start(0, 1)
        done = self.supervisor.stopService()
        self.assertEqual((one.heard(), two.heard()), ([Stop()], [Stop()]))
        one.dies(None, 0)
        self.assertNoResult(done)
        two.says(Leaving())
        two.dies(None, 0)
        self.successResultOf(done)
        self.assertEqual(len(self.reactor.processes), 2)
        self.reactor.advance(100)
        self.assertEqual((one.killed, two.killed), (0, 0))

    def test_in_a_hurry(self) -> None:
        one, two = self.start(0, 1)
        done = self.supervisor.stopService()
        self.gateway.hurry()
        self.assertEqual(one.heard(), [Stop(), Hurry()])
        self.reactor.advance(GRACE)
        self.assertEqual((one.killed, two.killed), (1, 1))
        one.dies()
        two.dies()
        self.successResultOf(done)

    def test_in_a_hurry_from_the_beginning(self) -> None:
        one, _ = self.start(0, 1)
        self.gateway.hurry()
        self.assertEqual(one.heard(), [])
        self.supervisor.stopService()
        self.assertEqual(one.heard(), [Stop(), Hurry()])

    def test_not_for_ever(self) -> None:
        one, two = self.start(0, 1)
        self.supervisor.stopService()
        one.dies(None, 0)
        self.reactor.advance(7 + GRACE - 0.1)
        self.assertEqual(two.killed, 0)
        self.reactor.advance(0.1)
        self.assertEqual((one.killed, two.killed), (0, 1))
        self.assertIn("worker 2 does not end: it is killed", self.said)

    def test_one_that_does_not_serve_yet_is_not_waited_for(self) -> None:
        _, two = self.start(0)
        self.supervisor.stopService()
        self.assertEqual((two.killed, two.heard()), (1, []))

    def test_one_that_was_to_be_started_is_not(self) -> None:
        one, two = self.start(0, 1)
        two.dies()
        self.reactor.processes[2].dies()
        done = self.supervisor.stopService()
        one.dies(None, 0)
        self.successResultOf(done)
        self.reactor.advance(10)
        self.assertEqual(len(self.reactor.processes), 3)

    def test_when_there_are_none(self) -> None:
        self.successResultOf(self.supervisor.stopService())


class Passing(SupervisorCase):
    """What workers say is passed on."""

    def test_lines(self) -> None:
        one, _ = self.start(0, 1)
        passed: list[bytes] = []
        log: Any = self.part.access_log
        self.patch(log, "pass_on", passed.append)
        one.says(Lines(b"a\n"), Lines(b"b\n"))
        self.assertEqual(passed, [b"a\n", b"b\n"])

    def test_the_log_is_opened_anew_when_the_old_one_is_whole(self) -> None:
        one, two = self.start(0, 1)
        steps: list[Any] = []
        log: Any = self.part.access_log
        self.patch(log, "pass_on", steps.append)
        self.patch(log, "reopen", lambda: steps.append("reopened"))
        self.gateway.reopen()
        self.assertEqual((one.heard(), two.heard()), ([Report(1)], [Report(1)]))
        one.says(Lines(b"a\n"), COUNTED)
        two.says(Lines(b"b\n"), COUNTED)
        self.assertEqual(steps, [b"a\n", b"b\n", "reopened"])

    def test_the_log(self) -> None:
        _, two = self.start(0, 1)
        two.says(Said("warn", "toron.net.accept", "it {is} late"), Said("warn", "toron.net.accept", "later"))
        self.assertEqual(self.said[-2:], ["worker 2: it {is} late", "worker 2: later"])

    def test_what_a_dead_worker_held_is_given_back(self) -> None:
        self.start(0, 1)
        (counts,) = (each for limits in self.part.limits for each in limits.shared)
        counts._seat = 1
        self.assertEqual([counts.add("", 2) for _ in range(3)], [True, True, False])
        counts._seat = 0
        self.reactor.processes[1].dies()
        self.assertEqual([counts.add("", 2) for _ in range(3)], [True, True, False])


class Succession(SupervisorCase):
    """Another gateway serves, until it says that this one may."""

    def setUp(self) -> None:
        super().setUp()
        self.go: list[Any] = []
        self.gateway.permit = self.go.append

    def test_workers_wait(self) -> None:
        one, two = self.start(0)
        self.assertTrue(one.begin.wait and two.begin.wait)  # type: ignore[attr-defined]
        self.assertEqual(self.go, [])
        two.says(Ready())
        self.assertEqual((len(self.go), self.part.readiness.ready), (1, False))
        one.dies()
        third = self.reactor.processes[2]
        self.assertTrue(third.heard()[0].wait)
        self.go[0]()
        self.assertEqual((two.heard(), third.heard()), ([Serve()], [Serve()]))
        self.assertTrue(self.part.readiness.ready)
        two.dies()
        self.assertFalse(self.reactor.processes[3].heard()[0].wait, "from now on it is as ever")

    def test_handed_over(self) -> None:
        one, two = self.start(0, 1)
        self.gateway.linger = 60.0
        self.gateway.handed_over()
        self.assertEqual(one.heard(), [Stop(handed_over=True)], "at once")
        two.dies(None, 0)
        self.assertEqual(len(self.reactor.processes), 2, "nobody takes its place")
        self.supervisor.stopService()
        self.reactor.advance(60 + GRACE - 1)
        self.assertEqual(one.killed, 0)
        self.reactor.advance(1)
        self.assertEqual(one.killed, 1)


class Tree(SupervisorCase):
    def test_where_it_stands(self) -> None:
        self.assertIsInstance(self.gateway, Gateway)
        self.assertEqual(
            [type(each).__name__ for each in self.gateway],
            ["AccessLog", "Sweep", "CertificateCare", "Stapling", *["HealthCheck"] * 2, "Supervisor"],
        )
        self.assertEqual([each.listener for each in self.gateway.bound], ["web", "dns"])
        self.assertEqual(self.gateway.listeners, self.part.doors)
