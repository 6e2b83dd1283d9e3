"""TCP transports that hand bytes to the kernel at once, and buffer only what it does not take.

They are Twisted's own transports with another `write`: a transport with an empty buffer tries to
send before it asks the reactor to be told when it may, which saves two epoll_ctl and one turn of
the loop for nearly every write. An error while sending is kept for `doWrite`, where Twisted looks.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import Any

from twisted.internet.abstract import _dataMustBeBytes
from twisted.internet.error import ConnectionLost
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.tcp import Client, Connector, Port, Server

_NOT_NOW = frozenset({errno.EWOULDBLOCK, errno.ENOBUFS})


class _SendsAtOnce:
    """Mixed into a TCP transport, in front of Twisted's write."""

    def write(self: Any, data: bytes) -> None:
        """Send what the kernel takes now; the rest waits in the buffer."""
        if (
            not self.connected
            or self._tempDataLen
            or self.dataBuffer
            or len(data) > self.bufferSize
            or self.TLS
            or self._aborting
            or self._writeDisconnected
            or (self.producer is not None and not self.streamingProducer)
            or type(data) is not bytes
            or not data
        ):
            super().write(data)  # type: ignore[misc]
            return
        try:
            sent = self.socket.send(data)
        except OSError as error:
            sent = 0
            if error.errno not in _NOT_NOW:
                # The error is told only once: whoever looks next must hear of it.
                self.broken()
        if sent != len(data):
            super().write(data[sent:])  # type: ignore[misc]

    def writeSomeData(self: Any, data: bytes) -> int | ConnectionLost:
        """As Twisted's, but what the other side said before it broke is not lost."""
        sent: int | ConnectionLost = super().writeSomeData(data)  # type: ignore[misc]
        return self.last_words() if sent is CONNECTION_LOST else sent

    def broken(self: Any) -> None:
        """Sending has failed: have that told, after what is left to be read."""
        self.doRead = self.doWrite = self.last_words

    def last_words(self: Any) -> ConnectionLost:
        """Read what came before the connection broke, such as the answer to a request not wanted."""
        try:
            while not self._aborting and (data := self.socket.recv(self.bufferSize)):
                self.protocol.dataReceived(data)
        except OSError:
            # There is nothing more of it.
            return CONNECTION_LOST
        return CONNECTION_LOST

    def writeSequence(self: Any, iovec: Iterable[bytes]) -> None:
        """The same, for several pieces."""
        if self.TLS:
            super().writeSequence(iovec)  # type: ignore[misc]
            return
        pieces = list(iovec)
        for piece in pieces:
            _dataMustBeBytes(piece)
        self.write(b"".join(pieces))


class LeanServer(_SendsAtOnce, Server):
    """An accepted connection."""


class LeanClient(_SendsAtOnce, Client):
    """A connection that was made."""


class LeanPort(Port):
    """Accepts connections with lean transports."""

    transport = LeanServer


class LeanConnector(Connector):
    """Makes connections with lean transports."""

    def _makeTransport(self) -> Any:
        return LeanClient(self.host, self.port, self.bindAddress, self, self.reactor)  # type: ignore[no-untyped-call]
