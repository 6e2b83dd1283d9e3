"""An accepted connection: bytes are read when asked for, and handed over with nothing lost."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.net.http_fakes import outcome
from tests.net.wires import Taker, Wire
from toron.core.refusal import HELLO_TIMEOUT, Refusal
from toron.core.wait import Task, Wait
from toron.net.connection import Arrival, Connection
from toron.wire.events import Malformed


def line(data: bytes) -> bytes | None:
    """The first line, which must not begin with an exclamation mark."""
    if data.startswith(b"!"):
        raise Malformed("proxy_header_bad", "it shouts")
    return data.partition(b"\n")[0] if b"\n" in data else None


class Connections(SynchronousTestCase):
    """A connection whose client writes on the other end of a wire."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.wire = Wire()
        self.client = Taker()
        self.wire.near.protocol = self.client
        arrival = Arrival()
        self.wire.far.protocol = arrival
        arrival.makeConnection(self.wire.far)
        self.connection = Connection(self.clock, "l4", self.wire.far, ("192.0.2.1", 5), ("192.0.2.2", 80))
        arrival.belong(self.connection)
        self.results: list[Any] = []

    def read(self) -> None:
        """Read a line, and note what becomes of it."""

        async def reading() -> bytes:
            return await self.connection.read(line, 3.0, HELLO_TIMEOUT)

        Task(reading(), lambda result, error: self.results.append(error or result)).start()

    def say(self, data: bytes) -> None:
        """The client says something."""
        self.wire.near.write(data)
        self.wire.run()

    def test_nothing_is_read_before_somebody_asks(self) -> None:
        self.say(b"early\n")
        self.assertEqual(self.wire.near.buffer, b"early\n")
        self.read()
        self.wire.run()
        self.assertEqual(self.results, [b"early"])
        self.assertTrue(self.wire.far.paused)

    def test_what_is_read_stays(self) -> None:
        self.read()
        for byte in b"abc\nrest":
            self.say(bytes([byte]))
        self.assertEqual(self.results, [b"abc"])
        self.assertEqual(self.connection.held, b"abc\n")
        self.read()
        self.assertEqual(self.results, [b"abc", b"abc"], "it is there already")

    def test_it_is_handed_over_with_what_was_read(self) -> None:
        self.read()
        self.say(b"abc\nmore")
        taker = Taker()
        self.connection.hand_over(taker)
        self.say(b" and more")
        self.assertEqual(taker.received, b"abc\nmore and more")
        self.assertEqual(self.connection.held, b"")
        self.assertIs(taker.transport, self.wire.far)

    def test_late(self) -> None:
        self.read()
        self.say(b"ab")
        self.clock.advance(2.9)
        self.say(b"c")
        self.assertEqual(self.results, [])
        self.clock.advance(0.2)
        (refusal,) = self.results
        self.assertIs(refusal.reason, HELLO_TIMEOUT)

    def test_in_time_leaves_no_timer(self) -> None:
        self.read()
        self.say(b"abc\n")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_malformed(self) -> None:
        self.read()
        self.say(b"!")
        self.assertIsInstance(self.results[0], Malformed)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_the_client_goes(self) -> None:
        for how in ("loseConnection", "loseWriteConnection", "abortConnection"):
            self.setUp()
            self.read()
            getattr(self.wire.near, how)()
            self.wire.run()
            (refusal,) = self.results
            self.assertIsInstance(refusal, Refusal)
            self.assertEqual(refusal.reason.word, "client_gone")

    def test_the_client_went_before_somebody_asks(self) -> None:
        self.wire.far.lose(ConnectionLost)
        self.assertTrue(self.connection.ended.done)
        self.read()
        self.assertEqual(self.results[0].reason.word, "client_gone")

    def test_what_came_before_the_end_counts(self) -> None:
        self.wire.near.write(b"abc\n")
        self.wire.near.loseWriteConnection()
        self.read()
        self.wire.run()
        self.assertEqual(self.results, [b"abc"])

    def test_its_end_is_told_with_the_reason(self) -> None:
        ordinary: Wait[None] = Wait()
        self.connection.tell(ordinary)
        self.assertEqual(outcome(ordinary), [None])
        refused: Wait[None] = Wait()
        self.connection.refuse(HELLO_TIMEOUT)
        self.connection.tell(refused)
        [refusal] = outcome(refused)
        self.assertIs(refusal.reason, HELLO_TIMEOUT)

    def test_it_ends_as_it_is_asked_to(self) -> None:
        self.connection.close()
        self.assertTrue(self.wire.far.disconnecting)
        self.connection.refuse(HELLO_TIMEOUT)
        self.assertFalse(self.wire.far.connected)
        self.assertIs(self.connection.reason, HELLO_TIMEOUT)
