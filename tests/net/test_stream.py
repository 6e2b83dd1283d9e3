"""Our own transports: what every lean transport does, and what is different about them."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableDescriptor,
    IPushProducer,
    ISystemHandle,
    ITCPTransport,
)
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from tests.net import test_tcp
from tests.net.turning import CLOSED
from toron.net import late
from toron.net.stream import Stream


class Streams:
    """Our own transports, which are held to all of the above."""

    kind = Stream
    reactor: Any

    def transport(self, near: socket.socket, protocol: Any, peer: Any) -> Stream:
        made = Stream(near, protocol, peer, self.reactor, 7)
        made.startReading()
        return made


class StreamsWriting(Streams, test_tcp.Writing):
    """What leaves, and when."""

    def test_bytes_of_another_name(self) -> None:
        class Named(bytes):
            """As some libraries make them."""

        self.reactor.late.open = True
        self.near.write(Named(b"one"))
        self.near.write(Named(b"two"))
        self.reactor.late.close()
        self.near.write(Named(b"three"))
        self.assertEqual(self.there(), b"onetwothree")

    def test_much_more_than_the_kernel_takes_at_once(self) -> None:
        pieces = [bytes([number]) * 70_000 for number in range(30)]
        for piece in pieces:
            self.near.write(piece)
            self.near.doWrite()
        self.assertEqual(self.received(30 * 70_000), b"".join(pieces))
        self.turn_until(lambda: not self.waits())
        self.assertTrue(self.near.has_said_all)


class StreamsProducing(Streams, test_tcp.Producing):
    """Who writes only when there is room."""

    def test_one_at_a_time(self) -> None:
        first, second = test_tcp.Producer(), test_tcp.Producer()
        self.near.registerProducer(first, True)
        self.assertRaises(RuntimeError, self.near.registerProducer, second, True)
        self.near.unregisterProducer()
        self.near.registerProducer(second, True)
        self.near.connectionLost(CLOSED)
        self.near.registerProducer(first, True)
        self.assertEqual((first.calls, second.calls, self.near.producer), (["stop"], ["stop"], None))

    def test_the_end_waits_for_it(self) -> None:
        self.near.registerProducer(test_tcp.Producer(), True)
        written = self.fill()
        while not self.near.producerPaused:
            self.near.write(b"y" * 16384)
            written += b"y" * 16384
        self.near.loseConnection()
        self.assertEqual(self.received(len(written)), written)
        self.turn()
        self.assertEqual(self.near.producer.calls, ["pause", "resume"])
        self.near.write(b"last")
        self.near.unregisterProducer()
        self.turn_until(lambda: self.protocol.ended)
        self.assertEqual((self.far.recv(9), self.far.recv(9)), (b"last", b""))


class StreamsEnding(Streams, test_tcp.Ending):
    """What is said when nothing can leave any more."""


class StreamsOwn(Streams, test_tcp.TcpCase):
    """What is different about them."""

    near: Any

    def halves(self) -> test_tcp.EndsByHalves:
        """The other protocol, on a connection of its own."""
        protocol = test_tcp.EndsByHalves()
        self.near, self.far = self.connected(protocol)
        return protocol

    def registered(self) -> bool:
        """Whether the reactor watches it."""
        return self.near in self.reactor.getReaders() + self.reactor.getWriters()

    def test_nothing_is_read_before_it_is_asked_for(self) -> None:
        far, near = self.sockets()
        protocol = test_tcp.Ends()
        self.near = Stream(near, protocol, far.getsockname(), self.reactor)
        protocol.makeConnection(self.near)
        far.sendall(b"early")
        self.turn()
        self.assertEqual((protocol.got, self.registered()), (b"", False))
        self.near.resumeProducing()
        self.turn_until(lambda: protocol.got == b"early")
        self.near.pauseProducing()
        self.assertFalse(self.registered())

    def test_half_an_end_is_said_at_once(self) -> None:
        protocol = self.halves()
        self.near.write(b"last")
        self.near.loseWriteConnection()
        self.assertEqual((self.far.recv(9), self.far.recv(9)), (b"last", b""))
        self.near.loseWriteConnection()
        self.turn()
        self.assertEqual(protocol.ended, ["write"])
        self.far.sendall(b"answer")
        self.turn_until(lambda: protocol.got == b"answer")

    def test_half_an_end_waits_for_what_is_written(self) -> None:
        protocol = self.halves()
        written = self.fill()
        self.near.loseWriteConnection()
        self.assertEqual(protocol.ended, [])
        self.assertEqual(self.received(len(written)), written)
        self.turn_until(lambda: protocol.ended == ["write"])
        self.assertEqual(self.far.recv(1), b"")

    def test_it_closes_at_once(self) -> None:
        for make in (lambda: self.protocol, self.halves):
            protocol = make()
            self.near.write(b"last")
            self.near.close()
            self.assertEqual((self.far.recv(9), self.far.recv(9)), (b"last", b""))
            self.near.close()
            self.assertEqual(protocol.ended, ["ConnectionDone"])
            self.assertEqual((self.near.getHandle(), self.near.fileno()), (None, -1))
        self.assertEqual(len(self.reactor.getReaders()), 1, "only what wakes the reactor")

    def test_it_closes_when_all_is_sent(self) -> None:
        written = self.fill()
        self.near.close()
        self.assertEqual(self.protocol.ended, [])
        self.assertEqual(self.received(len(written)), written)
        self.turn_until(lambda: self.protocol.ended == ["ConnectionDone"])
        self.assertEqual(self.far.recv(1), b"")

    def test_both_ends_while_it_is_told_of_one(self) -> None:
        protocol = self.halves()
        protocol.readConnectionLost = lambda: self.near.close()  # type: ignore[method-assign]
        self.far.close()
        self.turn_until(lambda: protocol.ended)
        self.assertEqual((protocol.ended, self.near.connected), (["ConnectionDone"], 0))
        self.assertIsNone(self.near.doWrite())

    def test_an_end_is_told_once(self) -> None:
        protocol = self.halves()
        self.far.shutdown(socket.SHUT_WR)
        self.turn_until(lambda: protocol.ended == ["read"])
        self.turn()
        self.assertEqual((protocol.ended, self.registered()), (["read"], False))
        self.near.write(b"answer")
        self.assertEqual(self.far.recv(9), b"answer")

    def test_who_waits_is_asked_for_more_though_nothing_is_left(self) -> None:
        producer = test_tcp.Producer()
        self.near.registerProducer(producer, True)
        self.near.producerPaused = True
        self.near.startWriting()
        self.turn_until(lambda: producer.calls)
        self.turn()
        self.assertEqual((producer.calls, self.waits()), (["resume"], False))

    def test_the_reactor_sees_both_ends_first(self) -> None:
        for protocol, ended in ((self.protocol, ["ConnectionDone"]), (self.halves(), ["read"])):
            self.near = protocol.transport
            self.near.readConnectionLost(CLOSED)
            self.assertEqual(protocol.ended, ended)
        self.near.writeConnectionLost(CLOSED)
        self.assertEqual(protocol.ended, ["read", "ConnectionDone"])

    def test_a_protocol_that_fails_at_an_end_is_lost(self) -> None:
        def fail() -> None:
            raise ZeroDivisionError

        for half, end in (("read", lambda: self.near.readConnectionLost(CLOSED)),
                          ("write", lambda: self.near.loseWriteConnection())):  # fmt: skip
            protocol = self.halves()
            setattr(protocol, half + "ConnectionLost", fail)
            end()
            self.assertEqual(protocol.ended, ["ZeroDivisionError"])
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_its_end_is_told_once_though_its_producer_ends_it(self) -> None:
        producer = test_tcp.Producer()
        producer.stopProducing = lambda: self.near.connectionLost(CLOSED)  # type: ignore[method-assign]
        self.near.registerProducer(producer, True)
        self.near.connectionLost(CLOSED)
        self.assertEqual(self.protocol.ended, ["ConnectionDone"])

    def test_nothing_is_done_after_the_end(self) -> None:
        self.near.close()
        for step in ("loseConnection", "loseWriteConnection", "abortConnection", "close", "resumeProducing",
                     "unregisterProducer", "stopProducing"):  # fmt: skip
            getattr(self.near, step)()
        self.turn()
        self.assertEqual((self.protocol.ended, self.registered()), (["ConnectionDone"], False))

    def test_it_is_a_transport(self) -> None:
        for interface in (ITCPTransport, IPushProducer, IConsumer, IHalfCloseableDescriptor, ISystemHandle):
            verifyObject(interface, self.near)
        self.assertIs(self.near.getHandle(), self.near.socket)

    def test_what_the_kernel_is_told(self) -> None:
        for name in ("TcpNoDelay", "TcpKeepAlive"):
            for wanted in (True, False, True):
                getattr(self.near, "set" + name)(wanted)
                self.assertIs(getattr(self.near, "get" + name)(), wanted)

    def test_what_it_is_called(self) -> None:
        self.assertEqual(self.near.logPrefix(), "Ends,7,127.0.0.1")
        self.assertIn("#7 with 127.0.0.1", repr(self.near))
        self.assertEqual(self.near.getPeer().port, self.far.getsockname()[1])
        self.assertEqual(self.near.getHost().host, "127.0.0.1")
        six = Stream(self.sockets()[1], test_tcp.Ends(), ("::1", 5, 0, 0), self.reactor)
        self.assertEqual((six.getPeer().type, six.getPeer().host), ("TCP", "::1"))
        six.socket.close()


class Echoing(test_tcp.Ends):
    """Says each thing it hears again, in two pieces, and does what it is told to then."""

    def __init__(self, then: str = "") -> None:
        super().__init__()
        self.then = then
        self.unsent: list[bytes] = []

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)
        self.transport.write(data[:1])
        self.transport.write(data[1:])
        self.unsent.append(self.transport.dataBuffer)
        if self.then:
            getattr(self.transport, self.then)()


class Watched(Stream):
    """Tells when it sends, and what."""

    sending: Callable[[bytes], object]

    def send(self) -> None:
        self.sending(self.dataBuffer)
        super().send()


class StreamsInABatch(Streams, test_tcp.TcpCase):
    """What is written while events are handled leaves when they all are."""

    kind = Watched

    def setUp(self) -> None:
        self.sent: list[bytes] = []
        self.sending: Callable[[bytes], object] = self.sent.append
        super().setUp()

    def transport(self, near: socket.socket, protocol: Any, peer: Any) -> Stream:
        made = Watched(near, protocol, peer, self.reactor)
        made.sending = lambda data: self.sending(data)
        made.startReading()
        return made

    def echoing(self, then: str = "") -> tuple[Echoing, Any]:
        protocol = Echoing(then)
        _, far = self.connected(protocol)
        return protocol, far

    def test_it_leaves_in_one_piece_at_the_end(self) -> None:
        pairs = [self.echoing() for _ in range(3)]
        for _, far in pairs:
            far.sendall(b"hello")
        self.turn_until(lambda: all(far_got.got for far_got, _ in pairs))
        for protocol, far in pairs:
            self.assertEqual((protocol.unsent, far.recv(9)), ([b"hello"], b"hello"))
        self.assertEqual(self.sent, [b"hello"] * 3)

    def test_not_too_many_wait(self) -> None:
        self.patch(late, "MOST", 2)
        pairs = [self.echoing() for _ in range(5)]
        for _, far in pairs:
            far.sendall(b"hello")
        order: list[int] = []
        self.sending = lambda data: order.append(len(heard()))

        def heard() -> list[Echoing]:
            return [protocol for protocol, _ in pairs if protocol.got]

        self.turn_until(lambda: len(heard()) == 5)
        self.assertEqual(sorted(order), order)
        self.assertLess(order[0], 5, "the first did not wait for the last")
        for _, far in pairs:
            self.assertEqual(far.recv(9), b"hello")

    def test_an_end_comes_after_it(self) -> None:
        for then in ("loseConnection", "close", "loseWriteConnection"):
            _, far = self.echoing(then)
            far.sendall(b"hello")
            self.turn()
            self.turn()
            self.assertEqual((far.recv(9), far.recv(9)), (b"hello", b""), then)

    def test_an_abort_does_not_take_it_back(self) -> None:
        _, far = self.echoing("abortConnection")
        far.sendall(b"hello")
        self.turn()
        self.assertEqual(self.sent, [b"hello"])

    def test_more_than_a_buffer_goes_out_in_order(self) -> None:
        protocol, far = self.echoing()
        big = bytes(range(256)) * 400
        parts = [b"a", big[:60_000], big[60_000:], b"z"]

        def say(data: bytes) -> None:
            for part in parts:
                protocol.transport.write(part)

        protocol.dataReceived = say  # type: ignore[method-assign]
        far.sendall(b"go")
        got = bytearray()
        far.setblocking(False)

        def all_of_it() -> bool:
            try:
                got.extend(far.recv(65536))
            except BlockingIOError:
                return False
            return len(got) == len(big) + 2

        self.turn_until(all_of_it)
        self.assertEqual(bytes(got), b"".join(parts))

    def test_nothing_leaves_twice(self) -> None:
        self.reactor.late.open = True
        self.near.startWriting()
        self.near.write(b"hello")
        self.near.doWrite()
        self.reactor.late.close()
        self.assertEqual((self.there(), self.sent), (b"hello", [b"hello"]))

    def test_who_is_gone_by_then_is_left_alone(self) -> None:
        protocol, far = self.echoing()
        heard = protocol.dataReceived

        def say_and_go(data: bytes) -> None:
            heard(data)
            protocol.transport.connectionLost(CLOSED)

        protocol.dataReceived = say_and_go  # type: ignore[method-assign]
        far.sendall(b"hello")
        self.turn()
        self.assertEqual(far.recv(9), b"")

    def test_a_reactor_that_knows_of_no_batches(self) -> None:
        stock: Any = Clock()
        far, near = self.sockets()
        stream = Stream(near, test_tcp.Ends(), far.getsockname(), stock)
        stream.write(b"hello")
        self.assertEqual(far.recv(9), b"hello")
        near.close()
