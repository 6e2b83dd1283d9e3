"""Packs a configuration and what a parent has made of it for its workers, and unpacks both in a worker."""

from __future__ import annotations

import pickle
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TypeVar

from toron.config.load import Loaded
from toron.config.place import Document
from toron.net.inheritance import Inheritance, Inherited
from toron.net.shared_memory import SharedMemory

T = TypeVar("T")

SLICE = 1_000
"""Places that are read at once: other threads do not get their turn meanwhile."""


class Packed:
    """What is sent: some bytes, and memory whose descriptors go beside them in this order."""

    def __init__(
        self, loaded: Loaded, inheritance: Inheritance, anew: frozenset[Hashable] | None = None
    ) -> None:
        """With `anew` only what was made for these pieces, for workers that have all the others."""
        values = _of(inheritance.values, anew)
        memories = _of(inheritance.memories, anew)
        counts = {piece: len(those) for piece, those in memories.items()}
        self.data = pickle.dumps((bare(loaded), values, counts, inheritance.unnamed, anew, _places(loaded)))
        self.memories: list[SharedMemory] = [memory for those in memories.values() for memory in those]

    @property
    def descriptors(self) -> list[int]:
        """Those of `memories`."""
        return [memory.fd for memory in self.memories]


def unpack(
    data: bytes, memories: Sequence[int], seats: int, seat: int, sockets: Mapping[str, int]
) -> tuple[Loaded, Inherited]:
    """What `Packed` has packed, with the descriptors as they are called in this process."""
    loaded, values, counts, unnamed, anew, places = pickle.loads(data)
    for some in places:
        keys, at, files = pickle.loads(some)
        loaded.places.keys.update(keys)
        loaded.places.values.update(at)
        loaded.places.written_in.update(files)
    descriptors = iter(memories)
    by_piece = {piece: list(islice(descriptors, count)) for piece, count in counts.items()}
    return loaded, Inherited(seats, seat, values, by_piece, sockets, unnamed, anew)


def bare(loaded: Loaded) -> Loaded:
    """The configuration without what is only for those who write it, or ask: where everything stands."""
    return replace(loaded, places=Document(loaded.places.file), warnings=[])


def _places(loaded: Loaded) -> list[bytes]:
    """Where everything stands, if somebody may ask a worker; in parts, so that none takes long to read."""
    if loaded.config.admin is None or not loaded.config.explain.keep:
        return []
    parts = []
    known = loaded.places
    each = [[*those.items()] for those in (known.keys, known.values, known.written_in)]
    for start in range(0, max(map(len, each)), SLICE):
        parts.append(pickle.dumps(tuple(dict(those[start : start + SLICE]) for those in each)))
    return parts


def _of(made: Mapping[Hashable, list[T]], anew: frozenset[Hashable] | None) -> dict[Hashable, list[T]]:
    return {piece: [*those] for piece, those in made.items() if anew is None or piece in anew}
