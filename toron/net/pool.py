"""Idle connections to the servers of a backend, ready for the next request."""

from __future__ import annotations

from toron.core.server import Server
from toron.net.http1_client import UpstreamConnection
from toron.net.sweep import Sweep


class Pool:
    """At most `size` idle connections a server, each for at most `idle` seconds.

    The state is one list of idle connections for each server, the one used last at its end.
    """

    def __init__(self, sweep: Sweep, size: int, idle: float) -> None:
        self._sweep = sweep
        self._size = size
        self._idle = idle
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

    def keep(self, connection: UpstreamConnection) -> bool:
        """Take a connection back; whether there was room."""
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

    def close(self) -> None:
        """Close all that wait."""
        for idle in self._servers.values():
            for connection in idle:
                connection.close()
            idle.clear()
