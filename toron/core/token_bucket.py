"""Lets so many through per second for each key, with a burst."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol


@dataclass(slots=True)
class Taken:
    """What became of one attempt to take a token."""

    allowed: bool
    remaining: int
    """Whole tokens that are left."""
    wait: float
    """Seconds until there is a token; 0 when there is one now."""
    full: float
    """Seconds until the bucket is full again, if nothing more is taken."""


class Buckets(Protocol):
    """A token bucket for each key."""

    def take(self, key: object, now: float) -> Taken:
        """Take a token for `key`; `now` in seconds, of a clock that may stand but not run back."""


def take_one(rate: float, burst: float, tokens: float, since: float) -> tuple[float, Taken]:
    """Take a token of a bucket that held `tokens` `since` seconds ago; what is left, and the outcome."""
    tokens = min(burst, tokens + since * rate)
    # A clock's rounding must not cost anybody a request.
    allowed = tokens > 1.0 - 1e-6
    if allowed:
        tokens = max(0.0, tokens - 1.0)
    wait = 0.0 if allowed and tokens >= 1.0 else max(0.0, 1.0 - tokens) / rate
    return tokens, Taken(allowed, int(tokens + 1e-6), wait, (burst - tokens) / rate)


class TokenBuckets:
    """A token bucket for each key; keys not used for longest are forgotten when there are too many.

    A forgotten key starts again with a full bucket, so `most` should exceed the keys that are
    busy at one time.
    """

    __slots__ = ("_buckets", "_burst", "_most", "_rate")

    def __init__(self, rate: float, burst: float, most: int = 100_000) -> None:
        """`rate` in tokens per second (above 0), `burst` the size of a bucket (at least 1)."""
        if rate <= 0 or burst < 1:
            raise ValueError("a bucket needs a rate above zero and room for one token")
        self._rate = rate
        self._burst = float(burst)
        self._most = most
        self._buckets: OrderedDict[object, tuple[float, float]] = OrderedDict()

    def take(self, key: object, now: float) -> Taken:
        """Take a token for `key`; `now` in seconds, of a clock that may stand but not run back."""
        buckets = self._buckets
        found = buckets.get(key)
        tokens, since = self._burst, 0.0
        if found is None:
            if len(buckets) >= self._most:
                buckets.popitem(last=False)
        else:
            buckets.move_to_end(key)
            tokens, then = found
            now = max(now, then)
            since = now - then
        tokens, taken = take_one(self._rate, self._burst, tokens, since)
        buckets[key] = (tokens, now)
        return taken

    def __len__(self) -> int:
        return len(self._buckets)
