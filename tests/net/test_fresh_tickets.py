"""Ticket keys are renewed by and by, and what was begun with the old ones is not resumed."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.net.certificates_made import p256
from toron.net.certificate_source import Source
from toron.net.certificates import Certificates
from toron.net.fresh_tickets import EVERY, FreshTickets
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

    def test_each_once_in_that_time(self) -> None:
        tickets = FreshTickets(self.clock, self.sources)
        tickets.startService()
        before = self.contexts()
        self.clock.pump([EVERY / 3] * 2)
        after = self.contexts()
        self.assertEqual([a is b for a, b in zip(before, after, strict=True)], [True, False])
        self.clock.pump([EVERY / 3])
        self.assertEqual([a is b for a, b in zip(before, self.contexts(), strict=True)], [False, False])
        self.assertEqual(self.certificates.served()[0].pair, self.sources[0].pair)
        tickets.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_others(self) -> None:
        tickets = FreshTickets(self.clock, [])
        tickets.startService()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        tickets.keep(self.sources[:1])
        before = self.contexts()
        self.clock.pump([EVERY])
        self.assertIsNot(self.contexts()[0], before[0])
        tickets.keep([])
        self.assertEqual(self.clock.getDelayedCalls(), [])
