"""One stream of an HTTP/2 connection: how far its two messages are, and its windows (RFC 9113 section 5)."""

from __future__ import annotations

from collections import deque
from typing import Final

from toron.wire.events import Malformed
from toron.wire.headers import Field

# What may come next, or be said next.
HEAD: Final = "head"
BODY: Final = "body"
NOTHING: Final = "nothing"
"""Of what may be said: a message without a body. Data is left out, the end ends it."""
DONE: Final = "done"
LEFT: Final = "left"
"""Of what comes: nobody wants it. The stream is reset when all that was said has left."""

FULL: Final = 64 << 10
"""Octets that wait above which the body should pause."""
EMPTY: Final = 32 << 10
"""Octets that wait below which it may go on."""


class Stream:
    """What is known of a stream that is open: at least one side has not ended it."""

    __slots__ = (
        "accept", "begun", "credit", "ending", "expected", "flushes", "full", "id", "interim", "left",
        "method", "owed", "queue", "queued", "reading", "room", "trailers", "upgrade", "waits", "writing",
    )  # fmt: skip

    def __init__(self, number: int, left: int, room: int) -> None:
        self.id = number
        self.reading = HEAD
        self.writing = HEAD
        self.method = b""
        self.upgrade = b""
        """The protocol asked for with an extended CONNECT."""
        self.accept = b""
        """What who asked for a WebSocket in HTTP/1.1 expects as Sec-WebSocket-Accept."""
        self.interim = 0
        """How many interim responses came."""

        self.left = left
        """Octets that the other side may still send."""
        self.credit = 0
        """Octets that were taken, and of which it was not told yet."""
        self.expected = -1
        """Octets of a body of known length still to come; below 0 for any."""

        self.room = room
        """Octets that we may still send; below 0 when the other side made its windows smaller."""
        self.owed = -1
        """Octets of a body of known length still to be said; below 0 for any."""
        self.queue: deque[bytes] | None = None
        """What was said and waits for a window."""
        self.queued = 0
        self.waits = False
        """Whether it is in the row of those that wait for the connection's window."""
        self.full = False
        """Whether the body was asked to pause."""
        self.ending = False
        """Whether the end was said, and waits behind the queue."""
        self.trailers: list[Field] = []
        self.flushes = -1
        """The flush that its last frame leaves with."""
        self.begun = 0
        """Where its last frame is among those of the next flush."""

    def came(self, size: int) -> None:
        """So many octets of the body came. Malformed when there are more than announced."""
        expected = self.expected
        if expected >= 0:
            if size > expected:
                raise Malformed("body_length", "more than announced")
            self.expected = expected - size

    def ended(self) -> None:
        """The other side's message is whole. Malformed when there was less than announced."""
        if self.expected > 0:
            raise Malformed("body_length", f"{self.expected} octets less than announced")
        self.reading = DONE

    def said(self, size: int) -> None:
        """So many octets of our body are said; ValueError when it is more than we announced."""
        owed = self.owed
        if owed >= 0:
            if size > owed:
                raise ValueError("more body than its length")
            self.owed = owed - size

    def drop(self) -> None:
        """Forget what waits: none of it will be sent."""
        self.queue = None
        self.queued = 0
        self.ending = False
        self.trailers = []
