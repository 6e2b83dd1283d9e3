"""Streams: their messages, in HTTP/3 too, and in HTTP/2 their windows as well (RFC 9113 section 5)."""

from __future__ import annotations

from collections import deque
from typing import Final

from toron.wire.events import Malformed, ResponseHead
from toron.wire.headers import Field
from toron.wire.http1_framing import BODILESS
from toron.wire.http2_heads import response_fields, tunnel_fields

# What may come next, or be said next.
HEAD: Final = "head"
BODY: Final = "body"
NOTHING: Final = "nothing"
"""Of what may be said: a message without a body. Data is left out, the end ends it."""
DONE: Final = "done"
LEFT: Final = "left"
"""Of what comes: nobody wants it. The stream is reset when all that was said has left."""

FULL: Final = 64 << 10
"""Bytes that wait above which the body should pause."""
EMPTY: Final = 32 << 10
"""Bytes that wait below which it may go on."""


class StreamMessages:
    """What is known of a stream that is open: at least one side has not ended it."""

    __slots__ = ("expected", "full", "id", "method", "owed", "reading", "upgrade", "writing")

    def set_up(self, number: int) -> None:
        """Called by `__init__` of what is made of this: `super()` costs more than all of the rest."""
        self.id = number
        self.reading = HEAD
        self.writing = HEAD
        self.method = b""
        self.upgrade = b""
        """The protocol asked for with an extended CONNECT."""
        self.expected = -1
        """Bytes of a body of known length still to come; below 0 for any."""
        self.owed = -1
        """Bytes of a body of known length still to be said; below 0 for any."""
        self.full = False
        """Whether the body was asked to pause."""

    def came(self, size: int) -> None:
        """So many bytes of the body came. Malformed when there are more than announced."""
        expected = self.expected
        if expected >= 0:
            if size > expected:
                raise Malformed("body_length", "more than announced")
            self.expected = expected - size

    def ended(self) -> None:
        """The other side's message is whole. Malformed when there was less than announced."""
        if self.expected > 0:
            raise Malformed("body_length", f"{self.expected} bytes less than announced")
        self.reading = DONE

    def answer(self, head: ResponseHead) -> list[Field]:
        """The fields of a response's head, which is said with them; ValueError when it may not come next."""
        if self.writing is not HEAD:
            raise ValueError("the response has a head already")
        status = head.status
        if not 100 <= status <= 999:
            raise ValueError(f"{status} is no status")
        if status < 200:
            return self._switch(head) if status == 101 else response_fields(status, head.headers, None)
        if self.upgrade and status < 300:
            # To say it as it is would open the tunnel that the server has not opened.
            status = 502
        length = head.length
        writing: str = BODY
        owed = -1
        if self.method == b"HEAD" or status in BODILESS:
            writing = NOTHING
            # Some clients wait for as many bytes as a 304 says; it need not say (RFC 9110 section 8.6).
            if status in BODILESS:
                length = None
        elif length is not None:
            owed = length
        fields = response_fields(status, head.headers, length)
        self.writing = writing
        self.owed = owed
        self.upgrade = b""
        return fields

    def _switch(self, head: ResponseHead) -> list[Field]:
        """Open the tunnel (RFC 8441 section 5, RFC 9220 section 3)."""
        if not head.upgrade or head.upgrade != self.upgrade:
            raise ValueError(f"the client did not offer to switch to {head.upgrade!r}")
        fields = tunnel_fields(head)
        self.writing = BODY
        return fields

    def said(self, size: int) -> None:
        """So many bytes of our body are said; ValueError when it is more than we announced."""
        owed = self.owed
        if owed >= 0:
            if size > owed:
                raise ValueError("more body than its length")
            self.owed = owed - size


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
