"""Lean transports: bytes leave at once, in order, and what cannot leave is told as Twisted tells it."""

from __future__ import annotations

import socket
import struct
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import ClientFactory, Protocol
from zope.interface import implementer

from tests.net.turning import TurningCase
from toron.net.tcp import LeanClient, LeanServer


class Ends(Protocol):
    """Remembers what came, and why it ended."""

    def __init__(self) -> None:
        self.got = b""
        self.ended: list[str] = []

    def dataReceived(self, data: bytes) -> None:
        self.got += data

    def connectionLost(self, reason: Any = None) -> None:
        self.ended.append(reason.type.__name__)


@implementer(IHalfCloseableProtocol)
class EndsByHalves(Ends):
    """The same, where one direction may end before the other."""

    def readConnectionLost(self) -> None:
        self.ended.append("read")

    def writeConnectionLost(self) -> None:
        self.ended.append("write")


class Producer:
    """Writes pieces when it is asked for one (`pull`), or counts how often it was paused and resumed."""

    def __init__(self, transport: Any = None, pieces: list[bytes] | None = None) -> None:
        self.transport = transport
        self.pieces = pieces or []
        self.calls: list[str] = []

    def resumeProducing(self) -> None:
        self.calls.append("resume")
        if self.pieces:
            self.transport.write(self.pieces.pop(0))
        elif self.transport:
            self.transport.unregisterProducer()

    def pauseProducing(self) -> None:
        self.calls.append("pause")

    def stopProducing(self) -> None:
        self.calls.append("stop")


class TcpCase(TurningCase):
    """A lean transport, and the far end of it."""

    kind: type[LeanServer] = LeanServer

    def setUp(self) -> None:
        super().setUp()
        self.protocol = Ends()
        self.near, self.far = self.connected(self.protocol)

    def waits(self, near: Any = None) -> bool:
        """Whether anything is left for the reactor to send."""
        return (near or self.near) in self.reactor.getWriters()

    def there(self) -> bytes:
        """What has reached the far end by now."""
        self.far.setblocking(False)
        try:
            return self.far.recv(1 << 16)
        except BlockingIOError:
            return b""
        finally:
            self.far.settimeout(10)

    def received(self, size: int) -> bytes:
        """So many bytes, with turns while they are read."""
        got = bytearray()

        def whole() -> bool:
            got.extend(self.there())
            return len(got) >= size

        self.turn_until(whole)
        return bytes(got)

    def fill(self) -> bytes:
        """Write, until some has to wait: what was written."""
        self.near.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 14)
        written = b""
        while not self.waits():
            piece = bytes([len(written) >> 14 & 0xFF]) * 16384
            self.near.write(piece)
            written += piece
            self.assertLess(len(written), 1 << 26)
        return written

    def reset(self) -> None:
        """The far end is gone, at once."""
        self.far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.far.close()


class Writing(TcpCase):
    """What leaves, and when."""

    def test_a_small_write_leaves_at_once(self) -> None:
        self.near.write(b"one")
        self.near.writeSequence([b"two", b"", b"three"])
        self.assertEqual((self.there(), self.waits()), (b"onetwothree", False))

    def test_what_needs_no_sending(self) -> None:
        self.near.write(b"")
        self.near.writeSequence([])
        self.assertEqual((self.there(), self.waits()), (b"", False))

    def test_a_large_write_is_left_to_the_reactor(self) -> None:
        large = bytes(range(256)) * (self.near.bufferSize // 256) + b"!"
        self.near.write(large)
        self.assertEqual((self.there(), self.waits()), (b"", True))
        self.near.write(b"after")
        self.assertEqual(self.received(len(large) + 5), large + b"after")
        self.turn_until(lambda: not self.waits())
        self.near.write(b"at once")
        self.assertEqual(self.there(), b"at once")

    def test_what_the_kernel_does_not_take_stays_in_order(self) -> None:
        written = self.fill()
        for piece in (b"a", b"b" * 100, b"c" * 100_000, b"d"):
            self.near.write(piece)
            written += piece
        self.assertEqual(self.received(len(written)), written)
        self.turn_until(lambda: not self.waits())

    def test_a_kernel_that_takes_nothing_is_no_error(self) -> None:
        sent = 0
        while True:
            try:
                sent += self.near.socket.send(b"x" * 65536)
            except BlockingIOError:
                break
        self.near.write(b"later")
        self.assertTrue(self.waits())
        self.assertEqual(self.received(sent + 5)[sent:], b"later")
        self.assertEqual(self.protocol.ended, [])

    def test_only_bytes(self) -> None:
        for wrong in ("text", bytearray(b"x"), memoryview(b"x"), None, 5):
            self.assertRaises(TypeError, self.near.write, wrong)
            self.assertRaises(TypeError, self.near.writeSequence, [b"ok", wrong])
        self.assertEqual((self.there(), self.waits()), (b"", False))

    def test_a_client_writes_as_soon_as_it_is_connected(self) -> None:
        class Greets(Ends):
            def connectionMade(self) -> None:
                self.transport.write(b"hello")  # type: ignore[union-attr]
                waiting.append(case.waits(self.transport))

        case, waiting = self, list[bool]()
        factory = ClientFactory.forProtocol(Greets)
        factory.noisy = False
        with socket.create_server(("127.0.0.1", 0)) as listening:
            connector = self.reactor.connectTCP(*listening.getsockname(), factory)
            connector.transport.write(b"too early")
            self.assertIsInstance(connector.transport, LeanClient)
            self.turn_until(lambda: waiting)
            listening.settimeout(10)
            self.far.close()
            self.far, _ = listening.accept()
        self.addCleanup(self.far.close)
        self.assertEqual((waiting, self.there()), ([False], b"hello"))


class Securing(TcpCase):
    """What Twisted's own TLS takes."""

    def test_tls_takes_what_is_written(self) -> None:
        taken: list[Any] = []
        self.protocol.write = taken.append  # type: ignore[attr-defined]
        self.protocol.writeSequence = taken.extend  # type: ignore[attr-defined]
        self.near.TLS = True
        self.near.write(b"secret")
        self.near.writeSequence([b"also", b"secret"])
        self.near.TLS = False
        self.assertEqual((taken, self.there(), self.waits()), ([b"secret", b"also", b"secret"], b"", False))


class Producing(TcpCase):
    """Who writes only when there is room."""

    def test_one_that_is_asked_for_every_piece(self) -> None:
        producer = Producer(self.near, [b"a", b"b", b"c"])
        self.near.registerProducer(producer, False)
        # It is asked once more when the buffer was sent, so nothing may go past the buffer.
        self.assertEqual((self.there(), self.waits()), (b"", True))
        self.assertEqual(self.received(3), b"abc")
        self.turn_until(lambda: self.near.producer is None)
        self.assertEqual(producer.calls, ["resume"] * 4)
        self.near.write(b"d")
        self.assertEqual(self.there(), b"d")

    def test_one_that_writes_until_it_is_paused(self) -> None:
        producer = Producer()
        self.near.registerProducer(producer, True)
        self.near.write(b"x")
        self.assertEqual((self.there(), producer.calls), (b"x", []))
        written = self.fill()
        while not producer.calls:
            self.near.write(b"y" * 16384)
            written += b"y" * 16384
        self.assertEqual(producer.calls, ["pause"])
        self.assertEqual(self.received(len(written)), written)
        self.turn_until(lambda: len(producer.calls) > 1)
        self.assertEqual(producer.calls, ["pause", "resume"])


class Ending(TcpCase):
    """What is said when nothing can leave any more."""

    def test_an_error_while_sending_is_told_once(self) -> None:
        for reading in (True, False):
            with self.subTest(reading=reading):
                protocol = Ends()
                self.near, self.far = self.connected(protocol)
                if not reading:
                    self.near.pauseProducing()
                self.reset()
                self.near.write(b"lost")
                self.assertEqual(protocol.ended, [])
                self.near.write(b"lost too")
                self.turn_until(lambda protocol=protocol: protocol.ended)
                self.near.write(b"after")
                self.turn()
                self.assertEqual(protocol.ended, ["ConnectionLost"])
                self.assertNotIn(self.near, self.reactor.getReaders() + self.reactor.getWriters())

    def test_what_was_said_before_the_break_is_heard(self) -> None:
        # Closing with something unread resets; what was sent before that is with us already.
        self.near.write(b"a request")
        self.far.sendall(b"an answer")
        self.far.close()
        self.near.write(b"the rest of the request")
        self.turn_until(lambda: self.protocol.ended)
        self.assertEqual((self.protocol.got, self.protocol.ended), (b"an answer", ["ConnectionLost"]))

    def test_all_of_it_is_heard_when_much_waits_to_be_sent(self) -> None:
        self.fill()
        self.near.bufferSize = 1000
        answer = bytes(range(250)) * 40
        self.far.sendall(answer)
        self.far.close()
        self.turn_until(lambda: self.protocol.ended)
        self.assertEqual((self.protocol.got, self.protocol.ended), (answer, ["ConnectionLost"]))

    def test_who_aborts_hears_no_more(self) -> None:
        def abort(data: bytes) -> None:
            heard.append(data)
            self.near.abortConnection()

        heard: list[bytes] = []
        self.protocol.dataReceived = abort  # type: ignore[method-assign]
        self.near.write(b"a request")
        self.near.bufferSize = 2
        self.far.sendall(b"an answer")
        self.far.close()
        self.near.write(b"..")
        self.turn_until(lambda: self.protocol.ended)
        self.turn()
        self.assertEqual((heard, len(self.protocol.ended)), ([b"an"], 1))

    def test_a_reset_without_a_write(self) -> None:
        self.reset()
        self.turn_until(lambda: self.protocol.ended)
        self.near.write(b"after")
        self.near.writeSequence([b"after"])
        self.assertEqual(self.protocol.ended, ["ConnectionLost"])

    def test_what_is_written_before_the_end_arrives(self) -> None:
        for end in ("loseConnection", "loseWriteConnection"):
            with self.subTest(end):
                self.near, self.far = self.connected(Ends())
                written = self.fill()
                getattr(self.near, end)()
                self.near.write(b"last")
                self.assertEqual(self.received(len(written) + 4), written + b"last")
                self.assertEqual(self.far.recv(1), b"")

    def test_nothing_follows_half_an_end(self) -> None:
        protocol = EndsByHalves()
        self.near, self.far = self.connected(protocol)
        self.near.write(b"x")
        self.near.loseWriteConnection()
        self.turn_until(lambda: protocol.ended)
        self.near.write(b"dropped")
        self.near.writeSequence([b"dropped"])
        self.assertEqual((self.far.recv(10), self.far.recv(10), self.waits()), (b"x", b"", False))
        self.assertEqual(protocol.ended, ["write"])
        self.far.close()
        self.turn_until(lambda: len(protocol.ended) > 1)
        self.assertEqual(protocol.ended, ["write", "read"])

    def test_nothing_follows_an_abort(self) -> None:
        self.near.abortConnection()
        self.near.write(b"dropped")
        self.assertRaises(ConnectionResetError, self._abort_seen)
        self.assertEqual(self.protocol.ended, ["ConnectionAborted"])
        self.assertIs(type(self.near), self.kind)

    def _abort_seen(self) -> None:
        self.turn_until(lambda: self.protocol.ended)
        self.far.recv(10)
