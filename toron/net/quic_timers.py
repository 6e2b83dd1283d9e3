"""One timed call for the deadlines of many connections, which change with every packet."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from typing import Any, Protocol

from toron.net.sweep import NEVER

_STEP = 0.001
"""Seconds from telling somebody to telling them again, at least."""


class Due(Protocol):
    """Something with a deadline of its own."""

    due: float
    """Seconds of the reactor's clock, or NEVER; may be set later at any time without a word."""
    listed: float
    """Belongs to the timers: when they look at it next."""

    def timeout(self, now: float) -> None:
        """The deadline has come."""


class Timers:
    """Calls `timeout` of whatever is due.

    A deadline that moves back, as nearly all do, costs nothing: the old one is looked at when it comes, and
    put where it is then.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._heap: list[tuple[float, int, Due]] = []
        self._numbers = count()
        self._call: Any = None

    def set(self, due: Due) -> None:
        """Look at its deadline, which may have moved forward."""
        at = due.due
        if at >= due.listed:
            return
        due.listed = at
        heappush(self._heap, (at, next(self._numbers), due))
        self._arm()

    def stop(self) -> None:
        """Call nobody any more."""
        self._heap.clear()
        call, self._call = self._call, None
        if call is not None:
            call.cancel()

    def _arm(self) -> None:
        heap = self._heap
        if not heap:
            return
        at = heap[0][0]
        call = self._call
        if call is None:
            self._call = self._reactor.callLater(max(0.0, at - self._reactor.seconds()), self._fire)
        elif at < call.getTime():
            call.reset(max(0.0, at - self._reactor.seconds()))

    def _fire(self) -> None:
        self._call = None
        now = self._reactor.seconds()
        heap = self._heap
        looked_at: list[Due] = []
        while heap and heap[0][0] <= now:
            at, _, due = heappop(heap)
            if at == due.listed:
                due.listed = NEVER
                looked_at.append(due)
            # Else it moved forward since, and was listed there.
        for due in looked_at:
            if due.due <= now:
                due.timeout(now)
                due.due = max(due.due, now + _STEP)
            self.set(due)
        self._arm()
