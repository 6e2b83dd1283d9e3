"""Where limits count: in this process, or for all workers together."""

from __future__ import annotations

from collections.abc import Callable

from toron.core.counts import Counting, Counts
from toron.core.shared_counts import SharedCounts
from toron.core.shared_slots import Memory
from toron.core.shared_token_bucket import SharedTokenBuckets
from toron.core.token_bucket import Buckets, TokenBuckets


class Limits:
    """The limits of a gateway that is one process."""

    def buckets(self, rate: float, burst: float, most: int = 100_000) -> Buckets:
        """A token bucket for each of `most` keys; `rate` in tokens per second."""
        return TokenBuckets(rate, burst, most)

    def counts(self) -> Counting:
        """How many are held for each key."""
        return Counts()


class SharedLimits(Limits):
    """The limits of a gateway of several processes, in memory that `memory` gives by its size.

    A process asks for the same in the same order as the others, so that it gets the same memory.
    """

    def __init__(self, memory: Callable[[int], Memory], seats: int, seat: int) -> None:
        self._memory = memory
        self._seats = seats
        self._seat = seat
        self.shared: list[SharedCounts] = []
        """The counts that were asked for: when a process dies somebody has to vacate its seat."""

    def buckets(self, rate: float, burst: float, most: int = 100_000) -> Buckets:
        """A token bucket for each of `most` keys; `rate` in tokens per second."""
        return SharedTokenBuckets(self._memory(SharedTokenBuckets.bytes_for(most)), rate, burst)

    def counts(self) -> Counting:
        """How many are held for each key."""
        counts = SharedCounts(self._memory(SharedCounts.bytes_for(self._seats)), self._seats, self._seat)
        self.shared.append(counts)
        return counts
