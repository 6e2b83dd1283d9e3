"""What a server said waits for the probe, and the probe for what it will say."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.net.http_fakes import outcome
from toron.probes._reader import Reader


class Readers(SynchronousTestCase):
    def setUp(self) -> None:
        self.reader = Reader()

    def test_what_is_here_already(self) -> None:
        self.reader.dataReceived(b"a")
        self.reader.dataReceived(b"b")
        self.assertEqual(outcome(self.reader.more()), [b"ab"])

    def test_what_comes_later(self) -> None:
        got = outcome(self.reader.more())
        self.assertEqual(got, [])
        self.reader.dataReceived(b"a")
        self.assertEqual(got, [b"a"])

    def test_the_end(self) -> None:
        self.reader.dataReceived(b"last")
        self.reader.connectionLost()
        self.assertEqual([outcome(self.reader.more()) for _ in range(2)], [[b"last"], [b""]])

    def test_the_end_while_it_waits(self) -> None:
        got = outcome(self.reader.more())
        self.reader.connectionLost()
        self.assertEqual(got, [b""])
