"""It is looked at while the service runs, and not before or after."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from toron.net.looking import Looking


class Counting(Looking):
    looks = 0

    def look(self) -> None:
        self.looks += 1


class LookingTests(SynchronousTestCase):
    def test_its_life(self) -> None:
        clock = Clock()
        service = Counting(clock, 0.5)
        clock.advance(5)
        self.assertEqual(service.looks, 0)
        service.startService()
        self.assertEqual(service.looks, 0)
        clock.pump([0.5] * 3)
        self.assertEqual(service.looks, 3)
        service.stopService()
        clock.pump([0.5] * 3)
        self.assertEqual(service.looks, 3)
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_it_can_be_stopped_before_it_began(self) -> None:
        service = Counting(Clock(), 0.5)
        service.stopService()
        self.assertEqual(service.looks, 0)
