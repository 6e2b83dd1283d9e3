"""One stream of an HTTP/2 connection: its messages, and its windows (RFC 9113 section 5)."""

from __future__ import annotations

from collections import deque
from typing import Final

from toron.wire.headers import Field
from toron.wire.stream_messages import StreamMessages

LEFT: Final = "left"
"""Of what comes: nobody wants it. The stream is reset when all that was said has left."""


class Stream(StreamMessages):
    """What is known of a stream, its messages aside."""

    __slots__ = (
        "begun", "credit", "ending", "flushes", "interim", "left", "queue", "queued", "room",
        "trailers", "waits",
    )  # fmt: skip

    def __init__(self, number: int, left: int, room: int) -> None:
        self.set_up(number)
        self.interim = 0
        """How many interim responses came."""

        self.left = left
        """Octets that the other side may still send."""
        self.credit = 0
        """Octets that were taken, and of which it was not told yet."""

        self.room = room
        """Octets that we may still send; below 0 when the other side made its windows smaller."""
        self.queue: deque[bytes] | None = None
        """What was said and waits for a window."""
        self.queued = 0
        self.waits = False
        """Whether it is in the row of those that wait for the connection's window."""
        self.ending = False
        """Whether the end was said, and waits behind the queue."""
        self.trailers: list[Field] | None = None
        """What the end is said with."""
        self.flushes = -1
        """The flush that its last frame leaves with."""
        self.begun = 0
        """Where its last frame is among those of the next flush."""

    def drop(self) -> None:
        """Forget what waits: none of it will be sent."""
        self.queue = None
        self.queued = 0
        self.ending = False
        self.trailers = None
