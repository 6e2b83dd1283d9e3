"""What came since a change, and what came before it, by the routes' own counts."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from toron.changing.condition import Scope, Span
from toron.changing.samples import BEFORE, MOST, Samples
from toron.core.server import Server
from toron.core.wait import as_deferred
from toron.observe.metrics import Metrics
from toron.observe.readiness import Readiness

ALL = Scope()


class NoLog:
    dropped = 0


class Comparisons(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.metrics = Metrics(Readiness(), self.clock.seconds, "1", NoLog())
        self.samples = Samples(self.clock, self.metrics)

    def done(self, work: Any) -> Any:
        """The result of a coroutine that waits for nobody but the loop."""
        found = as_deferred(work)
        while not found.called:
            self.clock.advance(0)
        return self.successResultOf(found)

    def answer(self, route: str, count: int, status: int = 200, seconds: float = 0.002) -> None:
        for _ in range(count):
            self.metrics.route(route).answered("web", status, seconds)

    def change(self) -> None:
        self.done(self.samples.remember())
        self.done(self.samples.begin())

    def read(self, scope: Scope = ALL, least: int = 1) -> tuple[Span, Span]:
        self.done(self.samples.go_on())
        return self.samples.read(scope, least)

    def test_before_and_after(self) -> None:
        self.answer("a", 7)
        self.done(self.samples.remember())
        self.clock.advance(10)
        self.answer("a", 100)
        self.answer("b", 50, 502)
        self.change()
        self.clock.advance(2)
        self.answer("b", 3, 503)
        self.answer("new", 4)
        now, before = self.read()
        self.assertEqual((now.counted.requests, now.counted.errors, now.seconds), (7, 3, 2.0))
        self.assertEqual((before.counted.requests, before.counted.errors, before.seconds), (150, 50, 10.0))
        now, before = self.read(Scope("route", "b"))
        self.assertEqual((now.counted.requests, before.counted.requests), (3, 50))
        now, before = self.read(Scope("route", "nobody"))
        self.assertEqual((now.counted.requests, before.counted.requests), (0, 0))

    def test_of_a_backend(self) -> None:
        servers = [Server(f"http://127.0.0.1:{port}") for port in (1, 2)]
        stats = [self.metrics.server("shop", each) for each in servers]
        self.metrics.server("other", servers[0]).answered(200, 0.1)
        self.change()
        self.clock.advance(1)
        stats[0].answered(200, 0.1)
        stats[1].answered(500, 0.1)
        stats[1].fail("connect_failed")
        now, _ = self.read(Scope("backend", "shop"))
        self.assertEqual((now.counted.requests, now.counted.errors, now.counted.timed), (3, 2, 2))

    def test_of_a_backend_that_is_relayed_to(self) -> None:
        stats = self.metrics.server("db", Server("tcp://127.0.0.1:1"))
        self.change()
        self.clock.advance(1)
        stats.connections += 3
        stats.fail("connect_failed")
        now, _ = self.read(Scope("backend", "db"))
        self.assertEqual((now.counted.requests, now.counted.errors), (4, 1))

    def test_lately_where_that_is_enough(self) -> None:
        self.change()
        self.clock.advance(1)
        self.answer("a", 100, 500)
        for _ in range(20):
            self.clock.advance(1)
            self.answer("a", 5)
            self.done(self.samples.go_on())
        now, _ = self.read(least=20)
        self.assertEqual((now.counted.requests, now.counted.errors, now.seconds), (50, 0, 10.0))
        now, _ = self.read(least=60)
        self.assertEqual((now.counted.requests, now.counted.errors, now.seconds), (200, 100, 21.0))

    def test_a_minute_before_at_most(self) -> None:
        for _ in range(12):
            self.answer("a", 10)
            self.done(self.samples.remember())
            self.clock.advance(10)
        self.change()
        _, before = self.read()
        self.assertEqual(before.seconds, BEFORE)
        self.assertEqual(before.counted.requests, 50)

    def test_a_long_watch_is_bounded(self) -> None:
        self.change()
        for _ in range(MOST * 3):
            self.clock.advance(1)
            self.answer("a", 1)
            self.done(self.samples.go_on())
        self.assertLessEqual(len(self.samples._since), MOST)
        now, _ = self.read(least=1000)
        self.assertEqual((now.counted.requests, now.seconds), (MOST * 3, MOST * 3.0))

    def test_nothing_is_known_without_a_change(self) -> None:
        self.answer("a", 10)
        self.done(self.samples.remember())
        self.assertEqual([each.seconds for each in self.samples.read(Scope(), 1)], [0.0, 0.0])
        self.change()
        self.read()
        self.samples.end()
        self.assertEqual([each.seconds for each in self.samples.read(Scope(), 1)], [0.0, 0.0])

    def test_what_did_not_change_is_kept_once(self) -> None:
        for number in range(120):
            self.answer(f"r{number}", 1)
        first = self.done(self.samples.take())
        self.answer("r7", 1)
        second = self.done(self.samples.take())
        changed = [key for key, counted in second.counts.items() if first.counts[key] is not counted]
        self.assertEqual(changed, [("route", "r7")])

    def test_workers_are_asked_first(self) -> None:
        def refresh() -> Any:
            self.answer("a", 3)
            return succeed(None)

        self.metrics.refresh = refresh
        self.assertEqual(self.done(self.samples.take()).counts["route", "a"].requests, 3)
