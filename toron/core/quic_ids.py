"""Knows QUIC connections by the ids that their servers chose, wherever their packets come from."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from toron.core.backend import Backend
from toron.core.server import Server

if TYPE_CHECKING:
    from toron.wire.clienthello import ClientHello

IDS_MOST = 8
"""Ids of one connection that are known at a time."""

UNLIKELY = 8
"""Bytes of an id that two connections will not share by chance."""


class QuicConnection:
    """What is known of one connection; `first` is the id that its client made up."""

    __slots__ = ("backend", "first", "hello", "ids", "server", "sessions", "sizes")

    def __init__(self, first: bytes) -> None:
        self.first = first
        self.hello: ClientHello | None = None
        self.backend: Backend | None = None
        self.server: Server | None = None
        self.ids: dict[bytes, None] = {}
        """Those its server is known to have chosen, the oldest first."""
        self.sizes: tuple[int, ...] = ()
        """How many bytes they have, the last one's first."""
        self.sessions: dict[Any, None] = {}
        """One for each address its client has spoken from."""

    def has(self, packet: bytes) -> bool:
        """Whether a packet, with a long or a short header, is to one of the ids."""
        if packet[0] & 0x80:
            return packet[6 : 6 + packet[5]] in self.ids
        # A short header does not say how long the id in it is (RFC 9000 section 17.3).
        return any(packet[1 : 1 + size] in self.ids for size in self.sizes)


class ConnectionIds:
    """The ids of all connections of one listener; of two that have the same one, the first keeps it."""

    def __init__(self) -> None:
        self._connections: dict[bytes, QuicConnection] = {}
        self._counts: Counter[int] = Counter()
        self._sizes: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self._connections)

    def learn(self, connection: QuicConnection, name: bytes) -> None:
        """The server has called itself so; an empty id (RFC 9000 section 5.1) tells nothing."""
        if not name:
            return
        ids, size = connection.ids, len(name)
        if name not in ids:
            if len(ids) >= IDS_MOST:
                self._drop(connection, next(iter(ids)))
            ids[name] = None
            connection.sizes = (size, *(each for each in connection.sizes if each != size))
        # The one that had it before may be over.
        if name not in self._connections:
            self._connections[name] = connection
            self._counts[size] += 1
            self._sizes = tuple(sorted(self._counts, reverse=True))

    def forget(self, connection: QuicConnection) -> None:
        """The connection is over."""
        for name in list(connection.ids):
            self._drop(connection, name)

    def _drop(self, connection: QuicConnection, name: bytes) -> None:
        del connection.ids[name]
        if self._connections.get(name) is not connection:
            return
        del self._connections[name]
        size = len(name)
        self._counts[size] -= 1
        if not self._counts[size]:
            del self._counts[size]
            self._sizes = tuple(sorted(self._counts, reverse=True))

    def named(self, name: bytes) -> QuicConnection | None:
        """The connection that has this id."""
        return self._connections.get(name)

    def of_short(self, packet: bytes, least: int = 1) -> QuicConnection | None:
        """The connection of a packet with a short header, by an id of `least` bytes or more."""
        for size in self._sizes:
            if size < least:
                break
            found = self._connections.get(packet[1 : 1 + size])
            if found is not None:
                return found
        return None
