"""A watch ends once: by its time, by its condition, or because somebody decided."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import fail
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.changing.test_samples import NoLog
from toron.changing.condition_text import read_condition
from toron.changing.watch import Watch
from toron.core.wait import as_deferred
from toron.observe.metrics import Metrics
from toron.observe.readiness import Readiness


class Watching(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.metrics = Metrics(Readiness(), self.clock.seconds, "1", NoLog())
        self.watch = Watch(self.clock, self.metrics)
        self.watch.start()
        self.events: list[str] = []

    def begin(self, seconds: float = 10.0, text: str = "5xx > 0") -> None:
        def note(event: str) -> Callable[..., None]:
            return lambda *why: self.events.append(": ".join([event, *why]))

        self.successResultOf(as_deferred(self.watch.remember()))
        self.successResultOf(
            as_deferred(self.watch.begin(seconds, read_condition(text), 20, note("over"), note("holds")))
        )

    def advance(self, seconds: float) -> None:
        self.clock.pump([0.1] * round(seconds * 10))

    def bad(self) -> None:
        self.metrics.route("a").answered("web", 502, 0.1)

    def test_its_time(self) -> None:
        self.begin(10)
        self.assertEqual(self.watch.left, 10)
        self.advance(9.5)
        self.assertEqual(self.events, [])
        self.advance(1)
        self.assertEqual(self.events, ["over"])

    def test_its_condition(self) -> None:
        self.begin()
        self.advance(2)
        self.assertEqual(self.watch.figures, ("5xx is 0 (0 requests in 1.6s)",))
        self.bad()
        self.advance(5)
        self.assertEqual(len(self.events), 1)
        self.assertTrue(self.events[0].startswith("holds: 5xx is 1 > 0 (1 request in 2.1"), self.events)

    def test_somebody(self) -> None:
        self.begin()
        self.watch.end()
        self.bad()
        self.advance(30)
        self.assertEqual((self.events, self.watch.left), ([], 0.0))

    def test_the_next_one(self) -> None:
        self.begin(5)
        self.watch.end()
        self.begin(30)
        self.advance(10)
        self.assertEqual(self.events, [], "the time of the first does not end the second")
        self.advance(21)
        self.assertEqual(self.events, ["over"])

    def test_counting_that_fails_now_and_then(self) -> None:
        self.begin()
        self.metrics.refresh = lambda: fail(RuntimeError("a worker is gone"))
        self.advance(1)
        self.assertTrue(self.flushLoggedErrors(RuntimeError))
        self.metrics.refresh = None
        self.bad()
        self.advance(1)
        self.assertEqual(len(self.events), 1)

    def test_stopped(self) -> None:
        self.begin()
        self.watch.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.advance(30)
        self.assertEqual(self.events, [])

    def test_it_counts_while_nothing_is_watched(self) -> None:
        for _ in range(3):
            for _ in range(100):
                self.metrics.route("a").answered("web", 200, 0.002)
            self.advance(10)
        self.begin(10, "rate < 0.5x")
        self.advance(7)
        self.assertTrue(self.events[0].startswith("holds: rate is 0/s < 0.5x = 5/s"), self.events)
