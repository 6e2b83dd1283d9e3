"""One request stream of an HTTP/3 connection: how far its two messages are (RFC 9114 section 4)."""

from __future__ import annotations

from typing import Final

from toron.wire.events import Malformed
from toron.wire.headers import Headers

# What may come next, or be said next.
HEAD: Final = "head"
BODY: Final = "body"
TRAILED: Final = "trailed"
"""Trailers came: only the end may follow."""
NOTHING: Final = "nothing"
"""Of what may be said: a message without a body. Data is left out, the end ends it."""
DONE: Final = "done"

FULL: Final = 64 << 10
"""Bytes that wait above which the body should pause."""
EMPTY: Final = 32 << 10
"""Bytes that wait below which it may go on."""


class RequestStream:
    """What is known of a stream that is open: at least one side has not ended it."""

    __slots__ = (
        "expected", "full", "held", "id", "kind", "left", "method", "owed", "reading", "trailers",
        "upgrade", "writing",
    )  # fmt: skip

    def __init__(self, number: int) -> None:
        self.id = number
        self.held = b""
        """The beginning of a frame that is not whole."""
        self.kind = -1
        self.left = 0
        """Of the frame of that kind: the bytes to come, which are handed on or thrown away as they come."""
        self.reading = HEAD
        self.writing = HEAD
        self.method = b""
        self.upgrade = b""
        """The protocol asked for with an extended CONNECT."""
        self.trailers: Headers | None = None
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
        """The client's message is whole. Malformed when there was less than announced."""
        if self.expected > 0:
            raise Malformed("body_length", f"{self.expected} bytes less than announced")
        self.reading = DONE

    def said(self, size: int) -> None:
        """So many bytes of our body are said; ValueError when it is more than we announced."""
        owed = self.owed
        if owed >= 0:
            if size > owed:
                raise ValueError("more body than its length")
            self.owed = owed - size
