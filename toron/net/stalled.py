"""Notices resets on connections that nobody reads from, because what they said is not taken yet."""

from __future__ import annotations

import select
from typing import Protocol

_EVERY = 1.0
"""Seconds between two looks."""


class Stoppable(Protocol):
    """One side of a pair of connections."""

    def fileno(self) -> int:
        """The number of its socket; negative where it has none of its own."""

    def broken(self) -> None:
        """It was reset."""


class Stalled:
    """The connections that are paused for now.

    The reactor hears nothing of a socket that it neither reads nor writes, so without this a
    client that is gone would hold a server that takes nothing until the idle timeout.
    """

    __slots__ = ("_due", "_ends")

    def __init__(self) -> None:
        self._ends: set[Stoppable] = set()
        self._due = 0.0

    def add(self, end: Stoppable) -> None:
        """It is paused; saying so twice does no harm."""
        self._ends.add(end)

    def discard(self, end: Stoppable) -> None:
        """It is read from again, or gone."""
        self._ends.discard(end)

    def look(self, now: float) -> None:
        """Tell those that were reset; asks the system once a second at most."""
        if not self._ends or now < self._due:
            return
        self._due = now + _EVERY
        poll = select.poll()
        asked: dict[int, Stoppable] = {}
        for end in self._ends:
            number = end.fileno()
            if number >= 0:
                asked[number] = end
                # No event is asked for: errors are told anyway.
                poll.register(number, 0)
        for number, event in poll.poll(0):
            # A hang-up alone is an orderly end, with bytes that may still have to be read.
            if event & select.POLLERR:
                asked[number].broken()
