"""Counts in memory that several processes see; what a process held is given back when it dies."""

from __future__ import annotations

from struct import Struct

from toron.core.counts import Counts
from toron.core.shared_slots import KEY, Memory, Slots

_CELL = Struct("=II")
"""What one seat holds for a key, and in which of its terms: what an earlier term held is void."""

_TERM = Struct("=I")

_KEYS = 32_768
"""Keys that may be held at one time before rows grow crowded."""


class SharedCounts:
    """What `Counts` is, for every process that has the memory.

    Each process sits on a `seat` of its own; `vacate` gives back whatever was held from a seat. A
    key whose row is full of others is counted in this process alone.
    """

    __slots__ = ("_alone", "_seat", "_seats", "_slots")

    def __init__(self, memory: Memory, seats: int, seat: int) -> None:
        self._seats = seats
        self._seat = seat
        self._slots = Slots(memory, KEY + seats * _CELL.size, seats * _TERM.size)
        self._alone = Counts()

    @staticmethod
    def bytes_for(seats: int) -> int:
        """How much memory is needed for so many processes."""
        return Slots.bytes_for(_KEYS, KEY + seats * _CELL.size, seats * _TERM.size)

    def vacate(self, seat: int) -> None:
        """The process of that seat is gone, and with it all that it held."""
        view = self._slots.memory.view
        _TERM.pack_into(view, seat * _TERM.size, (self._term(seat) + 1) & 0xFFFFFFFF)

    def add(self, key: str, most: int) -> bool:
        """Hold one more, unless `most` are held already."""
        slots = self._slots
        hashed = slots.hashed(key)
        row = slots.row(hashed)
        slots.memory.lock(row)
        try:
            place = slots.find(hashed, row)
            if place < 0:
                place = self._free(row)
                if place < 0:
                    return self._alone.add(key, most)
                slots.memory.view[place : place + slots.size] = hashed + bytes(slots.size - KEY)
            if self._held(place) >= most:
                return False
            self._change(place, 1)
        finally:
            slots.memory.unlock(row)
        return True

    def remove(self, key: str) -> None:
        """One of those that were added is held no more."""
        slots = self._slots
        hashed = slots.hashed(key)
        row = slots.row(hashed)
        slots.memory.lock(row)
        try:
            place = slots.find(hashed, row)
            if place >= 0 and self._of(place, self._seat):
                self._change(place, -1)
                return
        finally:
            slots.memory.unlock(row)
        self._alone.remove(key)

    def _term(self, seat: int) -> int:
        term: int = _TERM.unpack_from(self._slots.memory.view, seat * _TERM.size)[0]
        return term

    def _of(self, place: int, seat: int) -> int:
        """What a seat holds of the key at `place`."""
        held: int
        held, term = _CELL.unpack_from(self._slots.memory.view, place + KEY + seat * _CELL.size)
        return held if term == self._term(seat) else 0

    def _held(self, place: int) -> int:
        return sum(self._of(place, seat) for seat in range(self._seats))

    def _free(self, row: int) -> int:
        """A slot of which nobody holds anything; -1 where there is none."""
        return next((place for place in self._slots.places(row) if not self._held(place)), -1)

    def _change(self, place: int, by: int) -> None:
        held = self._of(place, self._seat) + by
        cell = place + KEY + self._seat * _CELL.size
        _CELL.pack_into(self._slots.memory.view, cell, held, self._term(self._seat))
