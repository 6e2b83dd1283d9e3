"""Waits for the first bytes of a plain connection, which tell HTTP/2 from HTTP/1.1 (RFC 9113 section 3.3)."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.python.failure import Failure
from zope.interface import classImplements

from toron.core.refusal import HEAD_TIMEOUT
from toron.core.wait import Wait
from toron.net.connection import Connection
from toron.net.http1_server import HttpServer
from toron.net.http2_server import Http2Server
from toron.net.http_site import HttpSite
from toron.net.sweep import NEVER
from toron.wire.http2_frames import PREFACE


class FirstBytes:
    """The protocol of a connection until they are here; then another one's, which fires `ended` too."""

    __slots__ = ("_connection", "_held", "_site", "deadline", "ended", "transport")

    def __init__(self, connection: Connection, site: HttpSite) -> None:
        self.transport: Any = None
        self.deadline = NEVER
        self.ended: Wait[None] = Wait()
        """Fires when the connection is over."""
        self._connection = connection
        self._site = site
        self._held = b""

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport
        self._connection.drain = self.drain
        self._site.sweep.watch(self)
        self.deadline = self._site.sweep.now + self._site.head_seconds

    def dataReceived(self, data: bytes) -> None:
        if self._held:
            data = self._held + data
        if PREFACE.startswith(data):
            if len(data) < len(PREFACE):
                self._held = data
                return
            self._become(Http2Server(self._connection, self._site), data)
        elif data.startswith(PREFACE):
            self._become(Http2Server(self._connection, self._site), data)
        else:
            self._become(HttpServer(self._connection, self._site), data)

    def _become(self, server: HttpServer | Http2Server, data: bytes) -> None:
        self._site.sweep.forget(self)
        server.ended = self.ended
        self.transport.protocol = server
        server.makeConnection(self.transport)
        server.dataReceived(data)

    def readConnectionLost(self) -> None:
        if self._held:
            # Part of a preface: what is wrong with it is told as of any other request.
            held, self._held = self._held, b""
            server = HttpServer(self._connection, self._site)
            self._become(server, held)
            server.readConnectionLost()
        else:
            self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Nothing was said."""

    def connectionLost(self, reason: Failure) -> None:
        self._site.sweep.forget(self)
        self._connection.lost(reason)
        self._connection.tell(self.ended)

    def drain(self) -> None:
        """Nothing was asked yet: end now."""
        self.transport.loseConnection()

    def expired(self, now: float) -> None:
        """The first request has not come, or not all of what tells its version."""
        if self._held:
            server = HttpServer(self._connection, self._site)
            self._become(server, self._held)
            server.expired(now)
        else:
            self._connection.reason = HEAD_TIMEOUT
            self.transport.loseConnection()


classImplements(FirstBytes, IHalfCloseableProtocol)
