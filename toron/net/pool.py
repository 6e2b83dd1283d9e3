"""Idle connections to the servers of a backend, ready for the next request."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from toron.core.server import Server
from toron.net.dial import Dialer
from toron.net.http1_client import UpstreamConnection
from toron.net.sweep import NEVER, Sweep


class Pool:
    """At most `size` idle connections a server, each for at most `idle` seconds.

    The state is one list of idle connections for each server, the one used last at its end.
    """

    def __init__(
        self, sweep: Sweep, dialer: Dialer, size: int, idle: float, response_idle: float,
        opened: Callable[[Server], None],
    ) -> None:  # fmt: skip
        """`response_idle` seconds (0: never) end one that stops in the midst of a response.

        `opened` is told of every new connection.
        """
        self.opened = opened
        self._sweep = sweep
        self._dialer = dialer
        self._size = size
        self._idle = idle
        self._response_idle = response_idle or NEVER
        self._servers: dict[Server, list[UpstreamConnection]] = {}

    def take(self, server: Server, certain: bool) -> UpstreamConnection | None:
        """The idle connection used last; `certain` asks the socket whether it still stands."""
        idle = self._servers.get(server)
        while idle:
            connection = idle.pop()
            if connection.lost:
                continue
            if certain and not connection.alive():
                connection.close()
                continue
            return connection
        return None

    async def open(self, server: Server, first: bytes | None = None) -> UpstreamConnection:
        """A new connection; one that begins with `first` is not kept afterwards. Raises UpstreamFailed."""
        connection = UpstreamConnection(server, self._sweep, self._response_idle)
        if first is None:
            connection.idle = self.keep
            connection.gone = self.forget
        await self._dialer.dial(server, connection, first or b"")
        self.opened(server)
        return connection

    def adopt(self, server: Server, transport: Any) -> UpstreamConnection:
        """A connection over a transport that stands already and is paused."""
        connection = UpstreamConnection(server, self._sweep, self._response_idle)
        connection.idle = self.keep
        connection.gone = self.forget
        transport.protocol = connection
        connection.makeConnection(transport)
        transport.resumeProducing()
        self.opened(server)
        return connection

    @property
    def switching(self) -> Pool:
        """The pool for requests that offer to switch to another protocol."""
        return self

    def keep(self, connection: UpstreamConnection) -> bool:
        """Take a connection back; whether there was room, and the server is not gone."""
        if connection.server.gone:
            return False
        idle = self._servers.setdefault(connection.server, [])
        if len(idle) >= self._size:
            return False
        connection.deadline = self._sweep.now + self._idle
        idle.append(connection)
        return True

    def forget(self, connection: UpstreamConnection) -> None:
        """The connection is gone."""
        idle = self._servers.get(connection.server)
        if idle is not None and connection in idle:
            idle.remove(connection)

    def idle(self, server: Server) -> int:
        """How many connections to the server wait."""
        return len(self._servers.get(server, ()))

    def drop(self, server: Server) -> None:
        """The server is gone: close what waits."""
        for connection in self._servers.pop(server, ()):
            connection.close()

    def only(self, servers: Collection[Server]) -> None:
        """Keep connections to these servers alone; those to others close."""
        for server in [server for server in self._servers if server not in servers]:
            for connection in list(self._servers.pop(server)):
                connection.close()

    def close(self) -> None:
        """Close all that wait, and keep none from here on."""
        self._size = 0
        self.only(())
