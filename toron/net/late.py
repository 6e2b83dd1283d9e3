"""Lets streams send what they write during a batch of events in a row, at its end.

Who is at the other end of them on this machine sleeps until something comes. Written to one by one,
with a request's work in between, it is woken for each; in a row it is woken once, and finds the rest
when it looks for more. To wake somebody costs about as much as to send.
"""

from __future__ import annotations

from typing import Protocol

MOST = 32
"""So many streams wait at most: those that came first must not be late for the sake of the others."""


class Sends(Protocol):
    """A stream that may have something to send."""

    waits: bool
    """Whether it has not been sent yet."""

    def send(self) -> None:
        """Send it."""


class Late:
    """The streams that wait; the reactor says when a batch of events begins and ends."""

    __slots__ = ("_streams", "open")

    def __init__(self) -> None:
        self.open = False
        """Whether to wait; outside of a batch everything is sent at once."""
        self._streams: list[Sends] = []

    def add(self, stream: Sends) -> None:
        """Have it send before long."""
        streams = self._streams
        streams.append(stream)
        if len(streams) >= MOST:
            self.send()

    def send(self) -> None:
        """Have everyone send who still waits."""
        streams, self._streams = self._streams, []
        for stream in streams:
            if stream.waits:
                stream.send()

    def close(self) -> None:
        """The batch is over."""
        self.open = False
        self.send()


NEVER = Late()
"""For a reactor that says nothing of its batches."""
