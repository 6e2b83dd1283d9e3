"""What was counted of some traffic during a time, and the figures that are made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toron.observe.stats import BOUNDS


@dataclass(frozen=True, slots=True)
class Counted:
    """Of some requests; from the start of the process, or (as a difference of two) during a time."""

    requests: int
    errors: int
    """Answered with a status from 500 on; at a backend also attempts that failed."""
    buckets: tuple[int, ...]
    """How many durations there were up to each of `observe.stats.BOUNDS`, and one more for the rest."""

    def since(self, earlier: Counted | None) -> Counted:
        """What has come since `earlier`; all of it where counting has begun anew since."""
        if earlier is None or earlier.requests > self.requests:
            return self
        grown = tuple(now - then for now, then in zip(self.buckets, earlier.buckets, strict=True))
        return Counted(self.requests - earlier.requests, self.errors - earlier.errors, grown)

    def with_(self, other: Counted) -> Counted:
        """Both together."""
        both = tuple(map(sum, zip(self.buckets, other.buckets, strict=True)))
        return Counted(self.requests + other.requests, self.errors + other.errors, both)

    @property
    def timed(self) -> int:
        """How many of them have a duration."""
        return sum(self.buckets)

    def quantile(self, share: float) -> float:
        """The duration in seconds that this share of the requests does not exceed.

        Known to the width of its bucket, in which durations are taken to be spread evenly; of the last
        bucket, which has no end, its beginning is told.
        """
        return quantile(self.buckets, share)


NOTHING = Counted(0, 0, (0,) * (len(BOUNDS) + 1))
"""No requests at all."""


def quantile(buckets: Sequence[int], share: float) -> float:
    """As `Counted.quantile`, of counts that are not cumulative; 0.0 where there are none."""
    wanted = sum(buckets) * share
    below, lower = 0, 0.0
    for number, upper in zip(buckets, BOUNDS, strict=False):
        if number and below + number >= wanted:
            return lower + (upper - lower) * (wanted - below) / number
        below, lower = below + number, upper
    return BOUNDS[-1] if below < sum(buckets) else 0.0
