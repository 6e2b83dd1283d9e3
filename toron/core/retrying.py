"""Says whether a request may be tried again without drowning servers that are in trouble."""

from __future__ import annotations

WINDOW = 10.0
"""Seconds that are looked back on."""


class Budget:
    """Retries are at most a share of the requests of the last ten seconds.

    The window slides over two buckets: what the older one still counts shrinks as time passes.
    One retry in the window is always within the budget, unless the share is 0.
    """

    __slots__ = ("_old_requests", "_old_retries", "_requests", "_retries", "_share", "_slot")

    def __init__(self, share: float) -> None:
        """`share` is a fraction from 0 to 1."""
        self._share = share
        self._slot = 0
        self._requests = self._old_requests = 0
        self._retries = self._old_retries = 0

    def request(self, now: float) -> None:
        """Count a request (its first try); `now` in seconds."""
        self._roll(now)
        self._requests += 1

    def may_retry(self, now: float, free: bool = False) -> bool:
        """Whether one more try is within the budget; it is counted when it is.

        `free` is for a failure that told something new, such as that a server is down: its retry
        is always allowed, and counted too.
        """
        self._roll(now)
        if not free:
            left = 1.0 - now % WINDOW / WINDOW
            requests = self._requests + self._old_requests * left
            retries = self._retries + self._old_retries * left
            floor = 1.0 if self._share else 0.0
            if retries + 1.0 > max(floor, self._share * requests) + 1e-9:
                return False
        self._retries += 1
        return True

    def _roll(self, now: float) -> None:
        slot = int(now // WINDOW)
        if slot == self._slot:
            return
        following = slot == self._slot + 1
        self._old_requests = self._requests if following else 0
        self._old_retries = self._retries if following else 0
        self._requests = self._retries = 0
        self._slot = slot
