"""What a parent makes once and each of its workers takes over: keys, secrets, files, memory, sockets."""

from __future__ import annotations

import socket
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

from toron.net.shared_memory import SharedMemory
from toron.net.sockets import CannotListen

T = TypeVar("T")


class Inheritance:
    """The parent's: what is asked of it is made, and kept for the workers."""

    def __init__(self, seats: int) -> None:
        self.seats = seats
        """Processes there can be at one time."""
        self.seat = 0
        self.values: dict[Hashable, object] = {}
        self.memories: dict[Hashable, SharedMemory] = {}

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` returned to the parent."""
        made = make()
        self.values[key] = made
        return made

    def memory(self, key: Hashable, size: int) -> SharedMemory:
        """Memory that all of them see."""
        made = self.memories[key] = SharedMemory.create(size)
        return made


class Inherited(Inheritance):
    """A worker's: what the parent has made, by the same keys; descriptors are those of this process."""

    def __init__(
        self,
        seats: int,
        seat: int,
        values: Mapping[Hashable, object],
        memories: Mapping[Hashable, int],
        sockets: Mapping[str, int],
    ) -> None:
        super().__init__(seats)
        self.seat = seat
        self.values = dict(values)
        self._memories = dict(memories)
        self._sockets = dict(sockets)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` returned to the parent."""
        made: T = self.values[key]  # type: ignore[assignment]  # the same key, the same kind
        return made

    def memory(self, key: Hashable, size: int) -> SharedMemory:
        """Memory that all of them see."""
        made = self.memories[key] = SharedMemory(self._memories.pop(key))
        return made

    def opened(
        self, name: str, address: str | None, port: int, *, stream: bool = True, backlog: int = 0
    ) -> socket.socket:
        """The socket of a listener, in place of `listening_socket`; it can be had once."""
        fd = self._sockets.pop(name, -1)
        if fd < 0:
            raise CannotListen(f"listener {name!r} was given no socket")
        return socket.socket(fileno=fd)
