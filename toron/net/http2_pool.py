"""Connections to the servers of a backend that each carry many exchanges at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection

from toron.core.refusal import UpstreamFailed
from toron.core.server import Server
from toron.core.wait import Wait
from toron.net.dial import Dialer
from toron.net.http1_client import UpstreamConnection
from toron.net.http2_client import Http2Upstream
from toron.net.http2_exchange import UpstreamStream
from toron.net.late import Late
from toron.net.pool import Pool
from toron.net.sweep import NEVER, Sweep
from toron.net.upstream import Upstream
from toron.wire.schemes import SHARED


class Http2Pool:
    """As few connections to each server as its limit of streams allows; made one at a time.

    Servers of other schemes, those that chose HTTP/1.1 in the TLS handshake (RFC 7301), and requests that
    offer to switch to another protocol are for the pool of HTTP/1.1.
    """

    def __init__(
        self, sweep: Sweep, late: Late, dialer: Dialer, http1: Pool, idle: float, response_idle: float,
        opened: Callable[[Server], None],
    ) -> None:  # fmt: skip
        """`idle` seconds without an exchange end a connection, `response_idle` one that stops midway."""
        self.switching = http1
        """The pool for requests that offer to switch to another protocol."""
        self._sweep = sweep
        self._late = late
        self._dialer = dialer
        self._idle = idle
        self._response_idle = response_idle or NEVER
        self._opened = opened
        self._closed = False
        self._connections: dict[Server, list[Http2Upstream]] = {}
        self._dialing: dict[Server, list[Wait[None]]] = {}
        """Who waits for the connection that is being made."""

    def take(self, server: Server, certain: bool) -> Upstream | None:
        """A stream of a connection that has a free one; `certain` is as in `Pool`."""
        for connection in self._connections.get(server, ()):
            if connection.free > 0:
                return UpstreamStream(connection, self._sweep, self._response_idle)
        return self.switching.take(server, certain)

    async def open(self, server: Server, first: bytes | None = None) -> Upstream:
        """A stream of a new connection, or of one that is being made already. Raises UpstreamFailed."""
        if server.scheme not in SHARED or first is not None:
            return await self.switching.open(server, first)
        waiting = self._dialing.get(server)
        if waiting is None:
            return await self._make(server)
        made: Wait[None] = Wait()
        waiting.append(made)
        await made
        return self.take(server, False) or await self.open(server)

    async def _make(self, server: Server) -> Upstream:
        self._dialing[server] = []
        try:
            connection = await self._dial(server)
        except UpstreamFailed as failure:
            for made in self._dialing.pop(server):
                made.fail(_again(failure))
            raise
        except BaseException:
            # Whoever asked for it went away: the others see to it themselves.
            self._wake(server)
            raise
        if isinstance(connection, UpstreamConnection):
            self._wake(server)
            return connection
        connection.gone = self._forget
        if not self._closed:
            self._connections.setdefault(server, []).append(connection)
        self._wake(server)
        return UpstreamStream(connection, self._sweep, self._response_idle)

    async def _dial(self, server: Server) -> Http2Upstream | UpstreamConnection:
        secure = server.scheme == "h2"
        connection = Http2Upstream(
            server, self._sweep, self._idle, self._late, b"https" if secure else b"http"
        )
        transport = await self._dialer.dial(server, connection, paused=True, multiplexed=True)
        if secure and transport.info().alpn != "h2":
            return self.switching.adopt(server, transport)
        self._opened(server)
        connection.makeConnection(transport)
        transport.resumeProducing()
        return connection

    def _wake(self, server: Server) -> None:
        for made in self._dialing.pop(server):
            made.fire(None)

    def _forget(self, connection: Http2Upstream) -> None:
        connections = self._connections.get(connection.server)
        if connections is not None and connection in connections:
            connections.remove(connection)

    def idle(self, server: Server) -> int:
        """How many connections to the server wait."""
        waiting = sum(not connection.busy for connection in self._connections.get(server, ()))
        return waiting + self.switching.idle(server)

    def drop(self, server: Server) -> None:
        """The server is gone: close what waits, and the others when they are done."""
        for connection in list(self._connections.get(server, ())):
            connection.close()
        self._connections.pop(server, None)
        self.switching.drop(server)

    @property
    def opened(self) -> Callable[[Server], None]:
        """Told of every new connection."""
        return self._opened

    @opened.setter
    def opened(self, told: Callable[[Server], None]) -> None:
        self._opened = self.switching.opened = told

    def only(self, servers: Collection[Server]) -> None:
        """Keep connections to these servers alone; those to others close when they are done."""
        for server in [server for server in self._connections if server not in servers]:
            for connection in list(self._connections.pop(server)):
                connection.close()
        self.switching.only(servers)

    def close(self) -> None:
        """Close all that wait, and the others when they are done."""
        self._closed = True
        self.only(())
        self.switching.close()


def _again(failure: UpstreamFailed) -> UpstreamFailed:
    """The same failure, for somebody else to raise."""
    return UpstreamFailed(failure.reason, failure.detail, untouched=failure.untouched, ours=failure.ours)
