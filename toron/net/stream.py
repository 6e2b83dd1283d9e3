"""The TCP connections that toron itself accepts and dials: cheap to make, and cheap to end."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any

from twisted.internet.address import IPv6Address
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.python.failure import Failure

from toron.net.late import NEVER, Late
from toron.net.tcp import LeanServer

if TYPE_CHECKING:
    from toron.net.shortcut import Shortcut

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, with no time: close sends a RST."""
_DONE = Failure(ConnectionDone())


class Stream(LeanServer):
    """A connected socket of our own, accepted or dialled; nothing is read before `startReading`.

    Unlike Twisted's transports it says an end at once when nothing is left to be sent, and may call
    the protocol for it: `writeConnectionLost` from `loseWriteConnection`, `connectionLost` from
    `close`. The socket has no other descriptor, so that to close it is to end the connection.
    """

    connected = 1
    detour: Shortcut | None = None
    """Reads in its place."""
    waits = False
    """What is in the buffer goes out at the end of this batch of events."""

    def __init__(
        self, opened: socket.socket, protocol: Any, peer: Any, reactor: Any, number: int = 0
    ) -> None:
        """`opened` does not block; `peer` is its address, `number` only for the log."""
        self.reactor = reactor
        self.socket = opened
        self.fileno = opened.fileno
        self.protocol = protocol
        self.client = peer
        self.sessionno = number
        self._late: Late = getattr(reactor, "late", NEVER)
        self._tempDataBuffer = []
        self._tempDataLen = 0
        if len(peer) > 2:
            self._addressType = IPv6Address

    def logPrefix(self) -> str:
        """As Twisted's, but written when it is wanted."""
        return f"{self._getLogPrefix(self.protocol)},{self.sessionno},{self.client[0]}"

    def __repr__(self) -> str:
        return f"<Stream #{self.sessionno} with {self.client[0]} at {id(self):x}>"

    def write(self, data: bytes) -> None:
        """Send with all that is written during this batch of events, or at once outside of one."""
        late = self._late
        if not late.open or len(data) > self.bufferSize or not data or type(data) is not bytes:
            if self.waits:
                self.send()
            super().write(data)
        elif self.waits:
            self.dataBuffer += data
            if len(self.dataBuffer) > self.bufferSize:
                self.send()
        elif (
            self.connected
            and not self._tempDataLen
            and not self.dataBuffer
            and self.pending is None
            and not self._aborting
            and not self._writeDisconnected
            and not self.TLS
            and (self.producer is None or self.streamingProducer)
        ):
            self.waits = True
            self.dataBuffer = data
            late.add(self)
        else:
            super().write(data)

    def send(self) -> None:
        """Send what was written during this batch of events; what the kernel does not take waits on."""
        data, self.dataBuffer = self.dataBuffer, b""
        self.waits = False
        LeanServer.write(self, data)

    def loseConnection(self, *arguments: Any) -> None:
        """As Twisted's, once what waits is sent."""
        if self.waits:
            self.send()
        super().loseConnection(*arguments)  # type: ignore[no-untyped-call]

    def abortConnection(self) -> None:
        """As Twisted's, once what waits is sent: it was said before."""
        if self.waits:
            self.send()
        super().abortConnection()  # type: ignore[no-untyped-call]

    def doRead(self) -> Exception | None:  # type: ignore[override]
        """There is something to read; the reactor cuts the connection for what is returned."""
        detour = self.detour
        return self.receive() if detour is None else detour.read()

    def receive(self) -> Exception | None:
        """Give the protocol what has come; an end of it is told from here."""
        try:
            data = self.socket.recv(65536)
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

    def doWrite(self) -> Any:
        """Send what waits, and do what was to follow it."""
        if not self.connected:
            return None
        if self.pending is not None:
            return self.pending.write()
        if self.dataBuffer or self._tempDataLen:
            return super().doWrite()
        # As Twisted's from here on, which would send an empty string first.
        self.stopWriting()  # type: ignore[no-untyped-call]
        producer: Any = self.producer
        if producer is not None and (self.producerPaused or not self.streamingProducer):
            self.producerPaused = False
            producer.resumeProducing()
        elif self.disconnecting:
            return CONNECTION_DONE
        elif self._writeDisconnecting and not self._writeDisconnected:
            self._writeDisconnected = True
            self._closeWriteConnection()
        return None

    @property
    def has_said_all(self) -> bool:
        """Whether nothing waits to be sent."""
        return not self._tempDataLen and not self.dataBuffer and self.pending is None

    def resumeProducing(self) -> None:
        """Read again."""
        if self.connected and not self.disconnecting:
            self.reactor.addReader(self)

    def pauseProducing(self) -> None:
        """Read no more for now."""
        self.reactor.removeReader(self)

    def unregisterProducer(self) -> None:
        """As Twisted's; with its TLS there are no producers here."""
        self.producer = None
        if self.disconnecting and self.connected:
            self.startWriting()  # type: ignore[no-untyped-call]

    def loseWriteConnection(self) -> None:
        """End our side, at once if everything is sent."""
        if self.waits:
            self.send()
        if self.connected and not self._writeDisconnecting and self.has_said_all and not self.TLS:
            self._writeDisconnecting = self._writeDisconnected = True
            self._closeWriteConnection()
        else:
            super().loseWriteConnection()  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """As `loseConnection`, at once if everything is sent."""
        if self.waits:
            self.send()
        if self.connected and self.has_said_all and not self._aborting and not self.TLS:
            self.connectionLost(_DONE)
        else:
            self.loseConnection()

    def connectionLost(self, reason: Failure) -> None:
        """As Twisted's; the kernel forgets with the socket that it was to be watched."""
        if not hasattr(self, "socket"):
            return
        self.waits = False
        self.disconnected = 1
        self.connected = 0
        if self.producer is not None:
            self.producer.stopProducing()
            self.producer = None
        if self.pending is not None:
            self.pending.drop()
        self.detour = self.pending = None
        opened, protocol = self.socket, self.protocol
        forget = getattr(self.reactor, "forget", None)
        if forget is not None:
            forget(self)
        else:
            self.stopReading()  # type: ignore[no-untyped-call]
            self.stopWriting()  # type: ignore[no-untyped-call]
        if isinstance(reason.value, ConnectionAborted):
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        opened.close()
        del self.protocol, self.socket, self.fileno
        protocol.connectionLost(reason)
