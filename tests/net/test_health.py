"""Checks are made again and again, each with an end, and the backend hears of changes only."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from toron.core.backend import Backend
from toron.core.refusal import CONNECT_REFUSED, Refusal
from toron.core.rise_fall import ProbeFailed, RiseFall
from toron.core.server import Server
from toron.core.wait import Cancelled, Wait
from toron.net.health import HealthCheck
from toron.observe.stats import ServerStats


class Checks(SynchronousTestCase):
    """A probe whose outcome the test decides: None passes, an error is raised, "wait" never ends."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.outcome: BaseException | str | None = None
        self.asked: list[float] = []
        self.cancelled = 0
        self.changes: list[tuple[bool, str]] = []
        self.said: list[Any] = []
        self.server = Server("http://127.0.0.1:1")
        self.stats = ServerStats("b", self.server)

    def check(self, rise: int = 2, fall: int = 3, healthy: bool = True, seed: int = 1) -> HealthCheck:
        balancer: Any = None
        backend = Backend("b", [self.server], balancer)
        self.server.healthy = healthy
        backend.changed = lambda server, up, why: self.changes.append((up, why))
        made = HealthCheck(
            self.clock, random.Random(seed), backend, self.server, self.probe, RiseFall(rise, fall, healthy),
            10.0, 4.0, self.stats,
        )  # fmt: skip
        kept: Any = self.said.append
        made.log = Logger(observer=kept)
        made.startService()
        self.addCleanup(made.stopService)
        return made

    async def probe(self, server: Server) -> None:
        self.asked.append(self.clock.seconds())
        if self.outcome == "wait":
            try:
                await Wait[None]()
            except Cancelled:
                self.cancelled += 1
                raise
        if isinstance(self.outcome, BaseException):
            raise self.outcome

    def until(self, condition: Callable[[], bool]) -> None:
        for _ in range(10_000):
            if condition():
                return
            self.clock.advance(0.1)
        self.fail("it did not happen")

    def after(self, count: int) -> None:
        """Let so many more checks be made, and end."""
        done = self.stats.probes_passed + self.stats.probes_failed + count
        self.until(lambda: self.stats.probes_passed + self.stats.probes_failed >= done)

    def test_the_first_one_is_soon(self) -> None:
        self.check()
        self.clock.advance(1.0)
        self.assertEqual(len(self.asked), 1)

    def test_every_interval_more_or_less(self) -> None:
        self.check()
        self.after(50)
        waits = [after - before for before, after in zip(self.asked, self.asked[1:], strict=False)]
        self.assertGreater(min(waits), 8.9)
        self.assertLess(max(waits), 11.2)
        self.assertGreater(max(waits) - min(waits), 0.5, "they do not march in step")

    def test_down_after_three_up_after_two(self) -> None:
        self.check()
        self.outcome = ProbeFailed("status 500")
        self.after(2)
        self.assertEqual(self.changes, [])
        self.after(1)
        self.assertEqual((self.changes, self.server.healthy), ([(False, "status 500")], False))
        self.outcome = None
        self.after(1)
        self.assertEqual(len(self.changes), 1)
        self.after(1)
        self.assertEqual((self.changes[1:], self.server.healthy), ([(True, "checks pass")], True))
        self.after(3)
        self.assertEqual(len(self.changes), 2)
        self.assertEqual((self.stats.probes_passed, self.stats.probes_failed), (5, 3))

    def test_somebody_else_is_told(self) -> None:
        told: list[tuple[Server, bool, str]] = []
        self.check().tell = lambda *what: told.append(what)
        self.outcome = ProbeFailed("status 500")
        self.after(3)
        self.assertEqual((told, self.changes), ([(self.server, False, "status 500")], []))

    def test_in_turn_changes_nothing(self) -> None:
        self.check()
        for outcome in (None, ProbeFailed("no"), ProbeFailed("no")) * 4:
            self.outcome = outcome
            self.after(1)
        self.assertEqual(self.changes, [])

    def test_not_trusted_before(self) -> None:
        self.check(healthy=False)
        self.after(2)
        self.assertEqual(self.changes, [(True, "checks pass")])

    def test_a_server_that_says_nothing(self) -> None:
        self.check(fall=1)
        self.outcome = "wait"
        self.until(lambda: bool(self.asked))
        self.clock.advance(3.9)
        self.assertEqual(self.changes, [])
        self.clock.advance(0.2)
        self.assertEqual((self.changes, self.cancelled), ([(False, "no answer in 4 s")], 1))
        self.outcome = None
        self.after(2)
        self.assertEqual(len(self.changes), 2, "it is asked again all the same")

    def test_a_server_that_cannot_be_reached(self) -> None:
        self.check(fall=1)
        self.outcome = Refusal(CONNECT_REFUSED)
        self.after(1)
        self.assertEqual(
            self.changes, [(False, "upstream_connect_refused: The server refused the connection.")]
        )

    def test_a_probe_that_is_broken(self) -> None:
        self.check(fall=1)
        self.outcome = ZeroDivisionError()
        self.after(1)
        self.assertEqual(self.changes, [(False, "the probe is broken: ZeroDivisionError")])
        self.assertEqual([event["log_level"].name for event in self.said], ["critical", "debug"])
        self.after(1)

    def test_a_stop_before_the_first(self) -> None:
        self.check().stopService()
        self.clock.advance(100)
        self.assertEqual((self.asked, self.clock.getDelayedCalls()), ([], []))

    def test_a_stop_in_the_middle(self) -> None:
        check = self.check(fall=1)
        self.outcome = "wait"
        self.until(lambda: bool(self.asked))
        check.stopService()
        self.assertEqual(self.cancelled, 1)
        self.clock.advance(100)
        self.assertEqual((len(self.asked), self.changes, self.clock.getDelayedCalls()), (1, [], []))

    def test_when_it_is_known_how_a_server_is(self) -> None:
        check = self.check(rise=2, healthy=False)
        self.assertTrue(check.unsure)
        self.after(1)
        self.assertTrue(check.unsure, "it may be well")
        self.after(1)
        self.assertFalse(check.unsure)
        for outcome in (None, ProbeFailed("status 500")):
            self.setUp()
            self.outcome = outcome
            check = self.check(fall=3)
            self.after(1)
            self.assertFalse(check.unsure, "it serves until it is known to be ill")
        check = self.check(healthy=False)
        check.resume(True)
        self.assertFalse(check.unsure, "it is known from before")
