"""Two transports joined in memory, for protocols that are tested without sockets."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.python.failure import Failure

FULL = 1 << 16
"""Bytes in the buffer above which a producer is paused, as in Twisted."""


class Handle:
    """What stands for a socket: the kernel says that nothing is on its way."""

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        return bytes(size)


class End:
    """One end, with the manners of Twisted's TCP transports."""

    def __init__(self) -> None:
        self.protocol: Any = None
        self.other: End = self
        self.buffer = bytearray()
        self.connected = True
        self.disconnecting = False
        self.paused = False
        self.producer: Any = None
        self.lost: type[Exception] | None = None
        self._producer_paused = False
        self._finished = self._ended = self._told = False
        self._writing = False

    def write(self, data: bytes) -> None:
        assert isinstance(data, bytes)
        if not self.connected or self._finished:
            return
        self.buffer += data
        self._writing = True
        if self.producer is not None and len(self.buffer) > FULL and not self._producer_paused:
            self._producer_paused = True
            self.producer.pauseProducing()

    def writeSequence(self, data: list[bytes]) -> None:
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        self.disconnecting = self._writing = True

    def loseWriteConnection(self) -> None:
        self._finished = self._writing = True

    def abortConnection(self) -> None:
        if self.connected:
            self.lose(ConnectionAborted)
            self.other.lose(ConnectionLost)

    def lose(self, why: type[Exception]) -> None:
        """The connection is gone on this end."""
        if not self.connected:
            return
        self.connected = False
        self.lost = why
        if self.producer is not None:
            self.producer.stopProducing()
        self.protocol.connectionLost(Failure(why()))

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        if self.connected and not self.disconnecting:
            self.paused = False

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None
        self._producer_paused = False
        self._writing = self._writing or self.disconnecting

    def setTcpNoDelay(self, enabled: bool) -> None:
        """It has none."""

    def getHandle(self) -> Handle:
        return Handle()

    def carry(self, most: int) -> bool:
        """Move some bytes, or an end, to the other end; whether anything moved."""
        other = self.other
        if not other.connected:
            self.buffer.clear()
        if self._ended and not self._told and not other.paused and other.connected:
            self._tell_end()
            return True
        if not self._writing or (self.buffer and other.paused):
            return False
        piece = bytes(self.buffer[:most])
        del self.buffer[:most]
        if piece:
            other.protocol.dataReceived(piece)
        if not self.buffer:
            self._drained()
        return True

    def _drained(self) -> None:
        """What Twisted's doWrite does when all is written: one of these things, not several."""
        self._writing = False
        if self.producer is not None and self._producer_paused:
            self._producer_paused = False
            self.producer.resumeProducing()
        elif self.disconnecting:
            self._ended = True
            self.lose(ConnectionDone)
        elif self._finished:
            self._ended = True

    def _tell_end(self) -> None:
        """Tell the other end that no more will come."""
        self._told = True
        if IHalfCloseableProtocol.providedBy(self.other.protocol):
            self.other.protocol.readConnectionLost()
        else:
            self.other.lose(ConnectionDone)


class Wire:
    """Both ends; nothing moves before `run`."""

    def __init__(self) -> None:
        self.near, self.far = End(), End()
        self.near.other, self.far.other = self.far, self.near

    def join(self, near: Any, far: Any) -> None:
        """Give each end its protocol."""
        self.near.protocol, self.far.protocol = near, far
        near.makeConnection(self.near)
        far.makeConnection(self.far)

    def run(self, most: int = 1 << 16) -> None:
        """Carry, at most `most` bytes at a time, until nothing moves."""
        while self.near.carry(most) | self.far.carry(most):
            continue


class Taker:
    """A protocol without half-close that remembers what it received."""

    def __init__(self) -> None:
        self.received = b""
        self.transport: Any = None

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure) -> None:
        """It is over."""
