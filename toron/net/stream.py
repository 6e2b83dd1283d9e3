"""The TCP connections that toron itself accepts and dials: cheap to make, to use and to end."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableDescriptor,
    IHalfCloseableProtocol,
    ILoggingContext,
    IPushProducer,
    IReadWriteDescriptor,
    ISystemHandle,
    ITCPTransport,
)
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.tcp import _getsockname
from twisted.python import log
from twisted.python.failure import Failure
from zope.interface import classImplements

from toron.net.late import NEVER, Late

if TYPE_CHECKING:
    from toron.net.shortcut import Shortcut

_ROOM = 65536
"""Bytes of one read, and of a buffer that is not full."""
_AT_ONCE = 131072
"""Bytes of the buffer that the kernel is offered at once."""
_NOT_NOW = frozenset({errno.EWOULDBLOCK, errno.ENOBUFS})
"""What the kernel says when it takes nothing for now."""
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, with no time: close sends a RST."""
_DONE = Failure(ConnectionDone())


class Stream:
    """A connected socket of our own, accepted or dialled; nothing is read before `startReading`.

    To its users it is as Twisted's TCP transports, without their TLS, but it hands bytes to the kernel
    at once, and buffers only what that does not take: this saves two epoll_ctl and one turn of the loop
    for nearly every write. An error while sending is told when the reactor looks next, after what the
    other side said before.

    It says an end at once when nothing is left to be sent, and may call the protocol for it:
    `writeConnectionLost` from `loseWriteConnection`, `connectionLost` from `close`. The socket has no
    other descriptor, so that to close it is to end the connection.
    """

    __slots__ = (
        "_aborting", "_broken", "_descriptor", "_late", "_number", "_peer", "_pieces", "_pieces_size",
        "_sent", "_write_ended", "_write_ending", "bufferSize", "connected", "dataBuffer", "detour",
        "disconnected", "disconnecting", "pending", "producer", "producerPaused", "protocol", "reactor",
        "socket", "streamingProducer", "waits",
    )  # fmt: skip

    def __init__(
        self, opened: socket.socket, protocol: Any, peer: Any, reactor: Any, number: int = 0
    ) -> None:
        """`opened` does not block; `peer` is its address, `number` only for the log."""
        self.reactor = reactor
        self.socket: Any = opened
        """None once the connection is lost."""
        self._descriptor = opened.fileno()
        self.protocol = protocol
        self._peer = peer
        self._number = number
        self._late: Late = getattr(reactor, "late", NEVER)
        self.bufferSize = _ROOM
        """Bytes in the buffer above which the producer is paused."""
        self.dataBuffer = b""
        """What goes out next, but for the first `_sent` bytes of it, which are out."""
        self._sent = 0
        self._pieces: list[bytes] = []
        """What goes out after it."""
        self._pieces_size = 0
        self.waits = False
        """What is in the buffer goes out at the end of this batch of events."""
        self.detour: Shortcut | None = None
        """Reads in its place."""
        self.pending: Shortcut | None = None
        """Has bytes in a pipe, which go out before those in the buffer."""
        self.producer: Any = None
        self.producerPaused = False
        self.streamingProducer = False
        self.connected = True
        self.disconnected = False
        self.disconnecting = False
        """It ends when all is sent."""
        self._write_ending = False
        """Our side ends when all is sent."""
        self._write_ended = False
        self._aborting = False
        self._broken = False
        """Sending has failed."""

    # --- what leaves --------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send with all that is written during this batch of events, or at once outside of one."""
        if type(data) is not bytes:
            if not isinstance(data, bytes):
                raise TypeError("Data must be bytes")
            # Of a type of its own, which the compiled buffer would not take.
            data = bytes(data)
        if self.waits:
            if self._late.open and len(data) <= self.bufferSize:
                self.dataBuffer += data
                if len(self.dataBuffer) > self.bufferSize:
                    self.send()
                return
            self.send()
        elif self._late.open and data and len(data) <= self.bufferSize and self._clear():
            self.waits = True
            self.dataBuffer = data
            self._late.add(self)
            return
        self._write(data)

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """The same, for several pieces."""
        pieces = list(iovec)
        for piece in pieces:
            if not isinstance(piece, bytes):
                raise TypeError("Data must be bytes")
        self.write(b"".join(pieces))

    def send(self) -> None:
        """Send what was written during this batch of events; what the kernel does not take waits on."""
        data = self.dataBuffer
        self.dataBuffer = b""
        self.waits = False
        self._write(data)

    def _clear(self) -> bool:
        """Whether what is written may go out now: nothing is before it."""
        return (
            self.connected
            and not self.dataBuffer
            and not self._pieces_size
            and self.pending is None
            and not self._broken
            and not self._aborting
            and not self._write_ended
            and (self.producer is None or self.streamingProducer)
        )

    def _write(self, data: bytes) -> None:
        """Send what the kernel takes now; the rest waits in the buffer."""
        if not data or not self.connected or self._aborting or self._write_ended:
            return
        if len(data) <= self.bufferSize and self._clear():
            try:
                sent = self.socket.send(data)
            except OSError as error:
                sent = 0
                if error.errno not in _NOT_NOW:
                    # The error is told only once: whoever looks next must hear of it.
                    self._broken = True
            if sent == len(data):
                return
            data = data[sent:]
        self._pieces.append(data)
        self._pieces_size += len(data)
        self.reactor.addWriter(self)
        if (
            self.producer is not None
            and self.streamingProducer
            and len(self.dataBuffer) + self._pieces_size > self.bufferSize
        ):
            self.producerPaused = True
            self.producer.pauseProducing()

    def doWrite(self) -> Any:
        """Send what waits, and do what was to follow it; the reactor ends it for what is returned."""
        if not self.connected or self._aborting:
            return None
        if self.waits:
            self.send()
        if self._broken:
            return self.last_words()
        if self.pending is not None:
            return self.pending.write()
        if self.dataBuffer or self._pieces_size:
            try:
                self._send_buffer()
            except OSError as error:
                return None if error.errno in _NOT_NOW else self.last_words()
            if self._sent < len(self.dataBuffer) or self._pieces_size:
                return None
            self.dataBuffer = b""
            self._sent = 0
        return self._all_sent()

    def _send_buffer(self) -> None:
        """Send some of what waits; raises OSError."""
        left = len(self.dataBuffer) - self._sent
        if left < _AT_ONCE and self._pieces_size:
            self.dataBuffer = b"".join([memoryview(self.dataBuffer)[self._sent :], *self._pieces])
            self._sent = 0
            self._pieces = []
            self._pieces_size = 0
        self._sent += self.socket.send(memoryview(self.dataBuffer)[self._sent : self._sent + _AT_ONCE])

    def _all_sent(self) -> Exception | None:
        """Do what was to follow; returns as `doWrite`."""
        self.reactor.removeWriter(self)
        producer = self.producer
        if producer is not None and (self.producerPaused or not self.streamingProducer):
            self.producerPaused = False
            producer.resumeProducing()
        elif self.disconnecting:
            return CONNECTION_DONE
        elif self._write_ending and not self._write_ended:
            self._end_write()
        return None

    @property
    def has_said_all(self) -> bool:
        """Whether nothing waits to be sent."""
        return not self._pieces_size and not self.dataBuffer and self.pending is None

    def broken(self) -> None:
        """Sending has failed: have that told, after what is left to be read."""
        self._broken = True

    def last_words(self) -> Exception:
        """Read what came before the connection broke, such as the answer to a request not wanted."""
        try:
            while self.connected and not self._aborting and (data := self.socket.recv(self.bufferSize)):
                self.protocol.dataReceived(data)
        except OSError:
            # There is nothing more of it.
            return CONNECTION_LOST
        return CONNECTION_LOST

    # --- what comes ---------------------------------------------------------------------------

    def doRead(self) -> Exception | None:  # type: ignore[override]
        """There is something to read; the reactor ends the connection for what is returned."""
        if self._aborting:
            return None
        if self._broken:
            return self.last_words()
        if self.detour is not None:
            return self.detour.read()
        return self.receive()

    def receive(self) -> Exception | None:
        """Give the protocol what has come; an end of it is told from here."""
        try:
            data = self.socket.recv(_ROOM)
        except BlockingIOError:
            return None
        except OSError:
            return CONNECTION_LOST
        if data:
            self.protocol.dataReceived(data)
        else:
            self.ended()
        return None

    def ended(self) -> None:
        """The other side has said all it will say."""
        protocol: Any = IHalfCloseableProtocol(self.protocol, None)
        if protocol is None:
            self.connectionLost(_DONE)
            return
        protocol.readConnectionLost()
        # Where this was the end of both sides there is no socket any more to stop reading from.
        if self.connected:
            self.pauseProducing()

    def readConnectionLost(self, reason: Failure) -> None:
        """The reactor saw that the other side has ended, with nothing left to be read."""
        protocol: Any = IHalfCloseableProtocol(self.protocol, None)
        if protocol is None:
            self.connectionLost(reason)
        else:
            self._tell(protocol.readConnectionLost)

    def writeConnectionLost(self, reason: Failure) -> None:
        """Nothing can be sent any more."""
        self.connectionLost(reason)

    def _tell(self, told: Callable[[], None]) -> None:
        """Tell the protocol of an end; where it fails the connection is lost."""
        try:
            told()
        except BaseException:
            failure = Failure()
            log.err()
            self.connectionLost(failure)

    # --- who is asked for more ----------------------------------------------------------------

    def startReading(self) -> None:
        """Have the reactor watch for what comes."""
        self.reactor.addReader(self)

    def stopReading(self) -> None:
        """Have it look away."""
        self.reactor.removeReader(self)

    def startWriting(self) -> None:
        """Have the reactor say when more can be sent."""
        self.reactor.addWriter(self)

    def stopWriting(self) -> None:
        """Have it look away."""
        self.reactor.removeWriter(self)

    def resumeProducing(self) -> None:
        """Read again."""
        if self.connected and not self.disconnecting:
            self.reactor.addReader(self)

    def pauseProducing(self) -> None:
        """Read no more for now."""
        self.reactor.removeReader(self)

    def stopProducing(self) -> None:
        """Nobody wants what comes."""
        self.loseConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Pause it while the buffer is full, or, where it is not `streaming`, ask it for every piece.

        Raises RuntimeError where there is one already.
        """
        if self.producer is not None:
            raise RuntimeError(f"{producer} can not write here: {self.producer} does")
        if self.disconnected:
            producer.stopProducing()
            return
        self.producer = producer
        self.streamingProducer = streaming
        if not streaming:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        """It has written all it will."""
        self.producer = None
        if self.disconnecting and self.connected:
            self.reactor.addWriter(self)

    # --- its end ------------------------------------------------------------------------------

    def loseConnection(self) -> None:
        """End it, once all is sent and the producer is done."""
        if self.waits:
            self.send()
        if not self.connected or self.disconnecting or self._aborting:
            return
        if self._write_ended:
            self.connectionLost(_DONE)
        else:
            self.reactor.removeReader(self)
            self.reactor.addWriter(self)
            self.disconnecting = True

    def loseWriteConnection(self) -> None:
        """End our side, at once if everything is sent."""
        if self.waits:
            self.send()
        if not self.connected or self._write_ending or self._aborting:
            return
        self._write_ending = True
        if self.has_said_all:
            self._end_write()
        else:
            self.reactor.addWriter(self)

    def _end_write(self) -> None:
        """Our side has said all it will say."""
        self._write_ended = True
        # Where it is broken that is for the reading to find.
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)
        protocol: Any = IHalfCloseableProtocol(self.protocol, None)
        if protocol is not None:
            self._tell(protocol.writeConnectionLost)

    def close(self) -> None:
        """As `loseConnection`, at once if everything is sent."""
        if self.waits:
            self.send()
        if self.connected and self.has_said_all and not self._aborting:
            self.connectionLost(_DONE)
        else:
            self.loseConnection()

    def abortConnection(self) -> None:
        """Break it, once what waits for the end of this batch is sent: it was said before."""
        if self.waits:
            self.send()
        if self.disconnected or self._aborting:
            return
        self._aborting = True
        self.reactor.removeReader(self)
        self.reactor.removeWriter(self)
        self.reactor.callLater(0, self.connectionLost, Failure(ConnectionAborted()))

    def connectionLost(self, reason: Failure) -> None:
        """It is over; the kernel forgets with the socket that it was to be watched."""
        if self.disconnected:
            return
        self.waits = False
        self.disconnected = True
        self.connected = False
        producer, self.producer = self.producer, None
        if producer is not None:
            producer.stopProducing()
        if self.pending is not None:
            self.pending.drop()
        self.detour = self.pending = None
        opened, protocol = self.socket, self.protocol
        forget = getattr(self.reactor, "forget", None)
        if forget is not None:
            forget(self)
        else:
            self.reactor.removeReader(self)
            self.reactor.removeWriter(self)
        if isinstance(reason.value, ConnectionAborted):
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        opened.close()
        # Without these circles all of it is freed at once, and not by the garbage collector.
        self.protocol = self.socket = None
        self._descriptor = -1
        protocol.connectionLost(reason)

    # --- what it is ---------------------------------------------------------------------------

    def fileno(self) -> int:
        """The socket's number; -1 once the connection is lost."""
        return self._descriptor

    def getHandle(self) -> Any:
        """The socket."""
        return self.socket

    def getPeer(self) -> Any:
        """The other side's address."""
        return _address(self._peer)

    def getHost(self) -> Any:
        """Our address."""
        return _address(_getsockname(self.socket))

    def getTcpNoDelay(self) -> bool:
        """Whether what is small is sent at once."""
        return bool(self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Send what is small at once, or do not."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, enabled)

    def getTcpKeepAlive(self) -> bool:
        """Whether the kernel asks a silent peer if it is there."""
        return bool(self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Have the kernel ask, or not."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, enabled)

    def logPrefix(self) -> str:
        """As Twisted's, but written when it is wanted."""
        protocol = self.protocol
        name = protocol.logPrefix() if ILoggingContext.providedBy(protocol) else type(protocol).__name__
        return f"{name},{self._number},{self._peer[0]}"

    def __repr__(self) -> str:
        return f"<Stream #{self._number} with {self._peer[0]} at {id(self):x}>"


def _address(address: Any) -> IPv4Address | IPv6Address:
    """As the socket module writes it, for Twisted."""
    kind: Any = IPv4Address if len(address) == 2 else IPv6Address
    made: IPv4Address | IPv6Address = kind("TCP", *address)
    return made


# As a decorator it would hide the class from Cython.
classImplements(
    Stream,
    IConsumer,
    IHalfCloseableDescriptor,
    ILoggingContext,
    IPushProducer,
    IReadWriteDescriptor,
    ISystemHandle,
    ITCPTransport,
)
