"""What a parent makes once and each of its workers takes over: keys, secrets, files, memory, sockets."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from itertools import chain
from typing import TypeVar

from toron.net.shared_memory import SharedMemory
from toron.net.sockets import CannotListen

T = TypeVar("T")

Named = tuple[Hashable, str]
"""What a backend without a name of its own is known by, and what it is called."""


class Inheritance:
    """The parent's: what is asked of it is made, and kept for the workers.

    Everything is asked for by the piece of a composition that it is for (see `composing.pieces`), where
    the first is found first. With `before`, that of the composition before, what was made for pieces that
    are not made anew is still there.
    """

    def __init__(self, seats: int, before: Inheritance | None = None) -> None:
        self.seats = seats
        """Processes there can be at one time."""
        self.seat = 0
        self.values: dict[Hashable, list[object]] = {} if before is None else dict(before.values)
        self.memories: dict[Hashable, list[SharedMemory]] = {} if before is None else dict(before.memories)
        self.unnamed: dict[tuple[str | int, ...], Named] = {}
        """The backends that are written where they are used, by that place."""

    def begin(self, piece: Hashable) -> None:
        """The piece is made anew."""
        self.values.pop(piece, None)
        self.memories.pop(piece, None)

    def once(self, piece: Hashable, make: Callable[[], T]) -> T:
        """What `make` returned to the parent."""
        made = make()
        self.values.setdefault(piece, []).append(made)
        return made

    def memory(self, piece: Hashable, size: int) -> SharedMemory:
        """Memory that all of them see."""
        made = SharedMemory.create(size)
        self.memories.setdefault(piece, []).append(made)
        return made

    def keep(self, alive: Callable[[Hashable], bool]) -> None:
        """Let go of what was made for pieces that are no more."""
        self.values = {piece: values for piece, values in self.values.items() if alive(piece)}
        self.memories = {piece: memories for piece, memories in self.memories.items() if alive(piece)}

    def close(self, after: Inheritance) -> None:
        """`after` has taken its place: close what is not needed there."""
        needed = {id(memory) for those in after.memories.values() for memory in those}
        for those in self.memories.values():
            for memory in those:
                if id(memory) not in needed:
                    memory.close()


class Inherited(Inheritance):
    """A worker's: what the parent has made, in the same order; descriptors are those of this process."""

    def __init__(
        self,
        seats: int,
        seat: int,
        values: Mapping[Hashable, Sequence[object]],
        memories: Mapping[Hashable, Sequence[int]],
        sockets: Mapping[str, int],
        unnamed: Mapping[tuple[str | int, ...], Named],
        told: Collection[Hashable] | None = None,
    ) -> None:
        """`told` are the pieces that the parent has made anew; None where there was nothing before."""
        super().__init__(seats)
        self.seat = seat
        self.unnamed = dict(unnamed)
        self.told = told
        self._values = {piece: iter(those) for piece, those in values.items()}
        self._memories = {piece: iter(those) for piece, those in memories.items()}
        self._sockets = dict(sockets)

    def once(self, piece: Hashable, make: Callable[[], T]) -> T:
        """What `make` returned to the parent."""
        made: T = next(self._values[piece])  # type: ignore[assignment]  # in the same order, of the same kind
        return made

    def memory(self, piece: Hashable, size: int) -> SharedMemory:
        """Memory that all of them see."""
        return SharedMemory(next(self._memories[piece]))

    def let_go(self) -> None:
        """Close what nobody has asked for."""
        sockets, self._sockets = self._sockets, {}
        memories, self._memories = self._memories, {}
        for fd in (*sockets.values(), *chain.from_iterable(memories.values())):
            os.close(fd)

    def opens(self, name: str) -> bool:
        """Whether there is a socket for this listener."""
        return name in self._sockets

    def opened(
        self, name: str, address: str | None, port: int, *, stream: bool = True, backlog: int = 0
    ) -> socket.socket:
        """The socket of a listener, in place of `listening_socket`; it can be had once."""
        fd = self._sockets.pop(name, -1)
        if fd < 0:
            raise CannotListen(f"listener {name!r} was given no socket")
        return socket.socket(fileno=fd)
