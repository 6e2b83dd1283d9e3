"""One request stream of an HTTP/3 connection: its messages, and the frame it is in (RFC 9114 section 4.1)."""

from __future__ import annotations

from typing import Final

from toron.wire.headers import Headers
from toron.wire.http2_streams import StreamMessages

TRAILED: Final = "trailed"
"""Of what comes: trailers came, only the end may follow."""


class RequestStream(StreamMessages):
    """What is known of a stream, its messages aside."""

    __slots__ = ("held", "kind", "left", "trailers")

    def __init__(self, number: int) -> None:
        self.set_up(number)
        self.held = b""
        """The beginning of a frame that is not whole."""
        self.kind = -1
        self.left = 0
        """Of the frame of that kind: the bytes to come, which are handed on or thrown away as they come."""
        self.trailers: Headers | None = None
