"""A relay between two transports: bytes, ends, resets, back-pressure and idle time."""

from __future__ import annotations

import gc

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.net.wires import FULL, End, Wire
from toron.core.wait import Task
from toron.net.relay import Relay
from toron.net.sweep import NEVER, Sweep
from toron.wire.websocket import close_frame


@implementer(IHalfCloseableProtocol)
class Outside:
    """A client or a server."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.ends = 0
        self.lost: type[BaseException] | None = None
        self.transport: End

    def makeConnection(self, transport: End) -> None:
        self.transport = transport

    def dataReceived(self, data: bytes) -> None:
        assert not self.ends
        self.received += data

    def readConnectionLost(self) -> None:
        self.ends += 1

    def writeConnectionLost(self) -> None:
        """Asked for."""

    def connectionLost(self, reason: Failure) -> None:
        self.lost = reason.type


class Relays(SynchronousTestCase):
    """A client, a relay and a server."""

    websocket = False

    def setUp(self) -> None:
        self.clock = Clock()
        self.sweep = Sweep(self.clock, 1.0)
        self.sweep.startService()
        self.addCleanup(self.sweep.stopService)
        self.client, self.server = Outside(), Outside()
        self.wires = Wire(), Wire()
        self.relay = Relay(self.sweep, 10.0, websocket=self.websocket)
        for outside, wire in zip((self.client, self.server), self.wires, strict=True):
            wire.near.protocol = outside
            outside.makeConnection(wire.near)
            wire.far.paused = True
        self.over = False

        async def wait() -> None:
            await self.relay.ended
            self.over = True

        Task(wait(), lambda _, error: None).start()

    def join(self, from_client: bytes = b"", from_server: bytes = b"") -> None:
        """Begin."""
        self.relay.join(self.wires[0].far, self.wires[1].far, from_client, from_server)

    def run_wires(self, most: int = 1 << 16) -> None:
        """Carry until nothing moves."""
        ends = [end for wire in self.wires for end in (wire.near, wire.far)]
        moved = True
        while moved:
            moved = sum(end.carry(most) for end in ends) > 0


class Streams(Relays):
    """Of bytes."""

    def test_both_ways_with_what_was_read_before(self) -> None:
        self.client.transport.write(b"question")
        self.server.transport.write(b"answer")
        self.join(b"early ", b"first ")
        self.run_wires(3)
        self.assertEqual(self.server.received, b"early question")
        self.assertEqual(self.client.received, b"first answer")
        self.assertEqual((self.relay.client.received, self.relay.server.received), (14, 12))
        self.assertFalse(self.over)

    def test_each_direction_ends_by_itself(self) -> None:
        self.join()
        self.client.transport.write(b"all")
        self.client.transport.loseWriteConnection()
        self.run_wires()
        self.assertEqual((self.server.received, self.server.ends), (b"all", 1))
        self.assertEqual(self.client.ends, 0)
        self.server.transport.write(b"answer")
        self.server.transport.loseWriteConnection()
        self.run_wires()
        self.assertEqual((self.client.received, self.client.ends), (b"answer", 1))
        self.assertTrue(self.over)
        self.assertIsNone(self.relay.reason)

    def test_a_reset_is_passed_on(self) -> None:
        for number, word in ((0, "reset"), (1, "upstream_reset")):
            self.setUp()
            self.join()
            self.wires[number].near.abortConnection()
            self.assertIs(self.wires[1 - number].far.lost, ConnectionAborted)
            self.assertIs((self.server, self.client)[number].lost, ConnectionLost)
            self.assertTrue(self.over)
            assert self.relay.reason is not None
            self.assertEqual(self.relay.reason.word, word)

    def test_an_end_that_comes_with_more_than_fits(self) -> None:
        """As from TLS, which reads both at once. Twisted asks a paused producer for more before it ends."""
        self.join()
        self.relay.client.dataReceived(bytes(2 * FULL))
        self.assertTrue(self.wires[0].far.paused)
        self.relay.client.readConnectionLost()
        self.relay.client.readConnectionLost()
        self.run_wires()
        self.assertEqual((len(self.server.received), self.server.ends), (2 * FULL, 1))

    def test_there_is_no_shortcut_between_what_are_no_sockets(self) -> None:
        self.join()
        for _ in range(10):
            self.client.transport.write(bytes(FULL))
            self.run_wires()
        self.client.transport.write(b"small")
        self.run_wires()
        self.assertEqual(len(self.server.received), 10 * FULL + 5)
        self.assertEqual(self.relay.client.full, NEVER)

    def test_nothing_is_left_for_the_garbage_collector(self) -> None:
        """What holds each other is freed only by it, and each look of it takes time."""
        self.join()
        self.wires[0].near.abortConnection()
        self.assertTrue(self.over)
        for end in (self.relay.client, self.relay.server):
            self.assertNotIn(self.relay, gc.get_referents(end))
            self.assertFalse(hasattr(end, "other"))

    def test_asked_to_leave_when_it_is_over(self) -> None:
        self.join()
        self.wires[0].near.abortConnection()
        self.relay.drain()
        self.assertTrue(self.over)

    def test_back_pressure(self) -> None:
        self.join()
        self.wires[1].near.paused = True
        self.client.transport.write(bytes(10 * FULL))
        self.run_wires(FULL)
        self.assertLessEqual(self.relay.client.received, 2 * FULL)
        self.assertTrue(self.wires[0].far.paused)
        self.server.transport.write(b"still heard")
        self.run_wires()
        self.assertEqual(self.client.received, b"still heard")
        self.wires[1].near.paused = False
        self.run_wires()
        self.assertEqual(len(self.server.received), 10 * FULL)


class Ends(Relays):
    """Of relays."""

    def test_idle(self) -> None:
        self.join()
        for _ in range(5):
            self.clock.pump([1.0] * 8)
            self.client.transport.write(b".")
            self.run_wires()
        self.assertFalse(self.over)
        self.clock.pump([1.0] * 12)
        self.assertTrue(self.over)
        assert self.relay.reason is not None
        self.assertEqual(self.relay.reason.word, "idle_timeout")
        self.assertEqual((self.client.lost, self.server.lost), (ConnectionLost, ConnectionLost))

    def test_what_is_left_is_not_kept_for_ever(self) -> None:
        self.join()
        self.wires[0].near.paused = True
        self.server.transport.write(bytes(100))
        self.server.transport.loseWriteConnection()
        self.client.transport.loseWriteConnection()
        self.run_wires()
        self.assertIs(self.wires[1].far.lost, ConnectionDone)
        self.assertTrue(self.wires[0].far.connected and self.wires[0].far.disconnecting)
        self.clock.pump([1.0] * 12)
        self.assertTrue(self.over)
        self.assertIsNone(self.relay.reason)

    def test_no_idle_time(self) -> None:
        self.relay.idle = Relay(self.sweep, 0.0).idle
        self.join()
        self.clock.pump([1000.0] * 5)
        self.assertFalse(self.over)

    def test_the_gateway_stops(self) -> None:
        self.join()
        self.relay.drain()
        self.wires[0].far.abortConnection()
        self.assertTrue(self.over)
        assert self.relay.reason is not None
        self.assertEqual(self.relay.reason.word, "drained")

    def test_one_side_is_cut_by_its_tls(self) -> None:
        self.join()
        self.relay.client.read_cut()
        self.run_wires()
        self.assertEqual(self.server.ends, 1)
        self.server.transport.write(b"still")
        self.server.transport.loseWriteConnection()
        self.run_wires()
        self.assertEqual(self.client.received, b"still")
        self.assertTrue(self.over)
        assert self.relay.reason is not None
        self.assertEqual(self.relay.reason.word, "truncated")

    def test_broken_while_nobody_read(self) -> None:
        self.join()
        self.relay.server.broken()
        self.assertTrue(self.over)
        assert self.relay.reason is not None
        self.assertEqual(self.relay.reason.word, "upstream_reset")


class WebSockets(Relays):
    """Relays that can say goodbye."""

    websocket = True

    def test_goodbye_between_two_frames(self) -> None:
        self.join()
        self.server.transport.write(b"\x81\x05he")
        self.run_wires()
        self.relay.drain()
        self.run_wires()
        self.assertEqual(self.client.received, b"\x81\x05he", "not in the middle of a frame")
        self.server.transport.write(b"llo")
        self.run_wires()
        self.assertEqual(self.client.received, b"\x81\x05hello" + close_frame(1001))
        self.server.transport.write(b"\x81\x01x")
        self.run_wires()
        self.assertEqual(self.client.received, b"\x81\x05hello" + close_frame(1001))

    def test_goodbye_at_once(self) -> None:
        self.join()
        self.relay.drain()
        self.relay.drain()
        self.run_wires()
        self.assertEqual(self.client.received, close_frame(1001))
