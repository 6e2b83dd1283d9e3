"""Notices clients that go away while nothing is read from them.

A reactor watches a connection only for what is wanted of it: while back-pressure holds up the
reading, and nothing is written either, nobody would hear that the client is gone.
"""

from __future__ import annotations

import select
from typing import Any, Protocol

from toron.net.sweep import NEVER, Sweep


class Unread(Protocol):
    """A connection whose reading is held up."""

    transport: Any

    def client_ended(self) -> None:
        """The client has said all it will say; some of it may wait to be read."""

    def client_reset(self) -> None:
        """The client has broken the connection."""


class UnreadConnections:
    """All connections of one listener whose reading is held up; looked at with every sweep."""

    __slots__ = ("_connections", "_poll", "_sweep", "deadline")

    def __init__(self, sweep: Sweep) -> None:
        self.deadline = NEVER
        self._sweep = sweep
        self._poll = select.poll()
        self._connections: dict[int, Unread] = {}

    def add(self, connection: Unread) -> int:
        """Look at it from now on; returns the descriptor it is known by."""
        descriptor: int = connection.transport.getHandle().fileno()
        if not self._connections:
            self.deadline = 0.0
            self._sweep.watch(self)
        self._connections[descriptor] = connection
        self._poll.register(descriptor, select.POLLRDHUP)
        return descriptor

    def remove(self, descriptor: int) -> None:
        """Look at it no more."""
        if self._connections.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)
        if not self._connections:
            self._sweep.forget(self)

    def expired(self, now: float) -> None:
        """Look."""
        for descriptor, seen in self._poll.poll(0):
            connection = self._connections.get(descriptor)
            if connection is None:
                continue
            # Once is enough: the client does not come back.
            self.remove(descriptor)
            if seen & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
                connection.client_reset()
            else:
                connection.client_ended()
        self.deadline = 0.0
