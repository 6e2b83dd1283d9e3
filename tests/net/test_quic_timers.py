"""Tests of deadlines that change all the time."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from toron.net.quic_timers import Timers
from toron.net.sweep import NEVER


class Someone:
    """Something with a deadline."""

    def __init__(self, case: Deadlines, again: float = NEVER) -> None:
        self.due = self.listed = NEVER
        self.told: list[float] = []
        self.again = again
        self._timers = case.timers

    def at(self, due: float) -> None:
        self.due = due
        self._timers.set(self)

    def timeout(self, now: float) -> None:
        self.told.append(now)
        self.due = now + self.again


class Deadlines(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.timers = Timers(self.clock)

    def pass_(self, *seconds: float) -> None:
        for each in seconds:
            self.clock.advance(each)

    def test_each_is_told_in_time(self) -> None:
        first, second, third = Someone(self), Someone(self), Someone(self)
        second.at(2)
        first.at(1)
        third.at(2)
        self.pass_(0.9)
        self.assertEqual(first.told, [])
        self.pass_(0.1, 1)
        self.assertEqual([each.told for each in (first, second, third)], [[1], [2], [2]])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_there_is_one_timed_call(self) -> None:
        for number in range(100):
            Someone(self).at(1 + number % 7)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_one_that_moves_back_is_told_later(self) -> None:
        someone = Someone(self)
        for due in (1, 2, 3, 2.5):
            someone.at(due)
        self.pass_(1, 1)
        self.assertEqual(someone.told, [])
        self.pass_(0.5)
        self.assertEqual(someone.told, [2.5])

    def test_one_that_moves_forward_is_told_sooner_and_once(self) -> None:
        someone = Someone(self)
        for due in (3, 2, 1):
            someone.at(due)
        self.pass_(1, 1, 1, 1)
        self.assertEqual(someone.told, [1])

    def test_one_that_goes_on(self) -> None:
        someone = Someone(self, again=1)
        someone.at(1)
        self.pass_(1, 1, 1)
        self.assertEqual(someone.told, [1, 2, 3])

    def test_one_that_is_always_due_keeps_nobody_from_their_turn(self) -> None:
        someone, other = Someone(self, again=0), Someone(self)
        someone.at(1)
        other.at(1)
        self.pass_(1)
        self.assertEqual((someone.told, other.told), ([1], [1]))
        self.pass_(0)
        self.assertEqual(someone.told, [1])
        self.pass_(0.002, 0.002)
        self.assertEqual(len(someone.told), 3)

    def test_one_that_waits_for_nothing_any_more(self) -> None:
        someone = Someone(self)
        someone.at(1)
        someone.at(NEVER)
        self.pass_(1, 5)
        self.assertEqual(someone.told, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nobody_is_told_after_a_stop(self) -> None:
        someone = Someone(self)
        someone.at(1)
        self.timers.stop()
        self.timers.stop()
        self.pass_(2)
        self.assertEqual(someone.told, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])
