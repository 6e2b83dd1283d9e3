"""The coarse clock: who is late is told, once, and a busy loop is noticed."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from toron.net.sweep import NEVER, Sweep


class Due:
    """Notes when it was told."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.told: list[float] = []

    def expired(self, now: float) -> None:
        assert self.deadline == NEVER
        self.told.append(now)


class Sweeps(SynchronousTestCase):
    """Every second, from the hundredth on."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(100)
        self.sweep = Sweep(self.clock, 1.0)
        self.sweep.startService()

    def test_who_is_late_is_told_once(self) -> None:
        soon, later, never = Due(102.5), Due(105.0), Due(NEVER)
        for due in (soon, later, never):
            self.sweep.watch(due)
        self.clock.pump([1.0] * 10)
        self.assertEqual((soon.told, later.told, never.told), ([103.0], [105.0], []))
        soon.deadline = 112.0
        self.clock.pump([1.0] * 3)
        self.assertEqual(soon.told, [103.0, 112.0])

    def test_who_is_forgotten_is_not(self) -> None:
        due = Due(101.0)
        self.sweep.watch(due)
        self.sweep.forget(due)
        self.sweep.forget(due)
        self.clock.advance(1)
        self.assertEqual(due.told, [])

    def test_one_may_change_another_while_they_are_told(self) -> None:
        first, second = Due(101.0), Due(101.0)
        told: list[Due] = []

        def expired(due: Due, other: Due) -> None:
            told.append(due)
            other.deadline = NEVER

        first.expired = lambda now: expired(first, second)  # type: ignore[method-assign]
        second.expired = lambda now: expired(second, first)  # type: ignore[method-assign]
        for due in (first, second):
            self.sweep.watch(due)
        self.clock.advance(1)
        self.assertEqual(len(told), 1)

    def test_one_that_fails_does_not_keep_the_others_from_theirs(self) -> None:
        def expired(now: float) -> None:
            raise ZeroDivisionError

        broken, due = Due(101.0), Due(102.0)
        broken.expired = expired  # type: ignore[method-assign]
        for each in (broken, due):
            self.sweep.watch(each)
        self.clock.pump([1.0] * 3)
        self.assertEqual(due.told, [102.0])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_the_time_and_how_late_it_is(self) -> None:
        looks: list[float] = []
        self.sweep.looked = lambda: looks.append(self.sweep.lag)
        self.assertEqual(self.sweep.now, 100.0)
        self.clock.advance(1)
        self.clock.advance(3.5)
        self.assertEqual(self.sweep.now, 104.5)
        self.assertEqual(looks, [0.0, 2.5])

    def test_nothing_after_the_stop(self) -> None:
        due = Due(101.0)
        self.sweep.watch(due)
        self.sweep.stopService()
        self.clock.advance(5)
        self.assertEqual(due.told, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])
