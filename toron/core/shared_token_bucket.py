"""Token buckets in memory that several processes see, so that a limit holds for all of them together."""

from __future__ import annotations

from struct import Struct

from toron.core.shared_slots import KEY, Memory, Slots
from toron.core.token_bucket import Taken, take_one

_STATE = Struct("=dd")
"""The tokens, and when they were counted (seconds); a slot that was never used has a zero there."""

_SLOT = KEY + _STATE.size

_ASTRAY = 60.0
"""Seconds from the future that are still a clock's rounding, or its being set; more is not a time."""


class SharedTokenBuckets:
    """What `TokenBuckets` is, for every process that has the memory; their clock is one clock.

    Where a row of slots is full the key that was quiet for longest is forgotten, and starts again
    with a full bucket.
    """

    __slots__ = ("_burst", "_rate", "_slots")

    def __init__(self, memory: Memory, rate: float, burst: float) -> None:
        """`rate` in tokens per second (above 0), `burst` the size of a bucket (at least 1)."""
        if rate <= 0 or burst < 1:
            raise ValueError("a bucket needs a rate above zero and room for one token")
        self._rate = rate
        self._burst = float(burst)
        self._slots = Slots(memory, _SLOT)

    @staticmethod
    def bytes_for(most: int) -> int:
        """How much memory so many keys need."""
        return Slots.bytes_for(most, _SLOT)

    def take(self, key: object, now: float) -> Taken:
        """Take a token for `key`; `now` in seconds, of a clock that may stand but not run back."""
        slots = self._slots
        memory = slots.memory
        hashed = slots.hashed(key)
        row = slots.row(hashed)
        memory.lock(row)
        try:
            place = slots.find(hashed, row)
            tokens, since = self._burst, 0.0
            if place < 0:
                place = min(slots.places(row), key=self._counted)
            else:
                held, then = _STATE.unpack_from(memory.view, place + KEY)
                # What a process left half written when it was killed is no state: begin anew.
                if 0.0 <= held <= self._burst and then < now + _ASTRAY:
                    now = max(now, then)
                    tokens, since = held, now - then
            tokens, taken = take_one(self._rate, self._burst, tokens, since)
            memory.view[place : place + _SLOT] = hashed + _STATE.pack(tokens, now)
        finally:
            memory.unlock(row)
        return taken

    def _counted(self, place: int) -> float:
        when: float = _STATE.unpack_from(self._slots.memory.view, place + KEY)[1]
        return when
