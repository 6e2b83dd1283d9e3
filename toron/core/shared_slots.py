"""Finds the slot of a key in memory that several processes see."""

from __future__ import annotations

from hashlib import blake2b
from typing import Protocol

KEY = 16
"""Bytes of a key's hash: too many for two keys ever to have the same."""

WAYS = 8
"""Slots in which a key may be; they are locked together."""


class Memory(Protocol):
    """Memory that several processes see, all zero at first."""

    view: memoryview

    def lock(self, place: int) -> None:
        """Wait until no other process holds that number; the kernel lets go for one that dies."""

    def unlock(self, place: int) -> None:
        """Let the others have it."""


class Slots:
    """A table of slots of `size` bytes behind `header` bytes, each key in one of a row of WAYS.

    A slot begins with the hash of its key, which is the same in every process.
    """

    __slots__ = ("_header", "_row", "_rows", "memory", "size")

    def __init__(self, memory: Memory, size: int, header: int = 0) -> None:
        self.memory = memory
        self.size = size
        self._header = header
        self._row = size * WAYS
        self._rows = (len(memory.view) - header) // self._row

    @staticmethod
    def bytes_for(keys: int, size: int, header: int = 0) -> int:
        """How much memory a table needs in which so many keys hardly ever crowd a row."""
        return header + max(1, -(-2 * keys // WAYS)) * size * WAYS

    def hashed(self, key: object) -> bytes:
        """The hash under which a key is kept; keys are strings, bytes, None, or tuples of these."""
        return blake2b(repr(key).encode("utf-8", "surrogatepass"), digest_size=KEY).digest()

    def row(self, hashed: bytes) -> int:
        """The number of a key's row, to be locked while its slots are looked at."""
        return int.from_bytes(hashed[:8], "little") % self._rows

    def places(self, row: int) -> range:
        """Where the slots of a row begin."""
        start = self._header + row * self._row
        return range(start, start + self._row, self.size)

    def find(self, hashed: bytes, row: int) -> int:
        """Where the key's slot begins; -1 where it has none."""
        start = self._header + row * self._row
        slots = bytes(self.memory.view[start : start + self._row])
        at = slots.find(hashed)
        while at >= 0:
            if at % self.size == 0:
                return start + at
            at = slots.find(hashed, at + 1)
        return -1
