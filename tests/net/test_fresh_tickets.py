"""Ticket keys are renewed by and by, and what was begun with the old ones is not resumed."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.net.certificates_made import p256
from toron.net.certificate_source import Source
from toron.net.certificates import Certificates
from toron.net.fresh_tickets import EVERY, STEP, FreshTickets
from toron.wire.clienthello import ClientHello


class Renewing(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.sources = [Source(p256("a.test")), Source(p256("b.test")), Source()]
        self.certificates = Certificates(self.sources, "modern", (), True)

    def contexts(self) -> list[object]:
        """What serves the two names."""
        found = [self.certificates.choose(ClientHello(sni=name)) for name in ("a.test", "b.test")]
        return [served and served.context for served in found]

    def pass_time(self, share: float) -> None:
        """So much of the time in which everybody has his turn."""
        self.clock.pump([STEP] * (round(share * EVERY / STEP) + 1))

    def changed(self, before: list[object]) -> list[bool]:
        return [a is not b for a, b in zip(before, self.contexts(), strict=True)]

    def test_each_once_in_that_time(self) -> None:
        tickets = FreshTickets(self.clock)
        tickets.keep(lambda: self.sources)
        tickets.startService()
        before = self.contexts()
        self.pass_time(0.3)
        self.assertEqual(self.changed(before), [False, False])
        self.pass_time(0.1)
        self.assertEqual(self.changed(before), [False, True])
        self.pass_time(0.6)
        self.assertEqual(self.changed(before), [True, True])
        self.assertEqual(self.certificates.served()[0].pair, self.sources[0].pair)
        tickets.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_others(self) -> None:
        tickets = FreshTickets(self.clock)
        tickets.startService()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        tickets.keep(lambda: self.sources[:1])
        before = self.contexts()
        self.pass_time(1)
        self.assertEqual(self.changed(before), [True, False])
        tickets.keep(tuple)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_however_often_there_are_others(self) -> None:
        tickets = FreshTickets(self.clock)
        tickets.startService()
        before = self.contexts()
        for number in range(11):
            tickets.keep(lambda most=number % 2: self.sources[: 1 + most])  # type: ignore[misc]
            self.pass_time(0.1)
        self.assertEqual(self.changed(before)[0], True)

    def test_those_that_come_later(self) -> None:
        """As on demand."""
        tickets = FreshTickets(self.clock)
        sources = self.sources[2:]
        tickets.keep(lambda: sources)
        tickets.startService()
        before = self.contexts()
        sources += self.sources[:2]
        self.pass_time(1)
        self.assertEqual(self.changed(before), [True, True])
