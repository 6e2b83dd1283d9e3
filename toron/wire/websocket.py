"""What a proxy has to know of WebSocket (RFC 6455): its handshake, and where its frames begin and end."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha1

_OPCODES = frozenset({0x0, 0x1, 0x2, 0x8, 0x9, 0xA})
_CLOSE = 0x8
_FIN, _CONTROL, _MASK = 0x80, 0x08, 0x80
_NEVER_SENT = frozenset({1004, 1005, 1006, 1015})
"""Codes that mean something only where no frame came (RFC 6455 section 7.4.1)."""
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept_of(key: bytes) -> bytes:
    """The Sec-WebSocket-Accept that proves that a server has read this Sec-WebSocket-Key (section 4.2.2)."""
    return b64encode(sha1(key + _GUID, usedforsecurity=False).digest())


class Frames:
    """Knows where one direction of a WebSocket stream stands: between two frames, or inside one.

    `lost` once a header broke the protocol: from there on nothing is known. `closing` once a Close
    frame began.
    """

    __slots__ = ("_left", "_part", "closing", "lost")

    def __init__(self) -> None:
        self.lost = False
        self.closing = False
        self._left = 0
        self._part = b""

    @property
    def at_boundary(self) -> bool:
        """Whether a frame may be put in here: control frames may, even inside a message."""
        return not (self._left or self._part or self.lost)

    def feed(self, data: bytes) -> None:
        """The next bytes of the stream, split anywhere."""
        size = len(data)
        if self._left >= size:
            self._left -= size
            return
        if self.lost:
            return
        at = self._left
        self._left = 0
        if self._part:
            head = self._part + data[:14]
            end = self._frame(head, 0)
            if end < 0:
                self._part = head
                return
            at = end - len(self._part)
            self._part = b""
        while at < size and not self.lost:
            end = self._frame(data, at)
            if end < 0:
                self._part = data[at:]
                return
            at = end
        self._left = 0 if self.lost else at - size

    def _frame(self, data: bytes, at: int) -> int:
        """Where the frame that begins at `at` ends; below 0 while its header is not whole."""
        first = data[at]
        if first & 0x0F not in _OPCODES:
            return self._lose(at)
        if len(data) - at < 2:
            return -1
        second = data[at + 1]
        length = second & 0x7F
        if first & _CONTROL and (length > 125 or not first & _FIN):
            return self._lose(at)
        start = at + (6 if second & _MASK else 2)
        if length > 125:
            width = 2 if length == 126 else 8
            start += width
            if len(data) < start:
                return -1
            length = int.from_bytes(data[at + 2 : at + 2 + width], "big")
            # Section 5.2: the shortest form that holds the length, and 63 bits at most.
            if not (126 if width == 2 else 1 << 16) <= length < 1 << 63:
                return self._lose(at)
        elif len(data) < start:
            return -1
        if first & 0x0F == _CLOSE:
            self.closing = True
        return start + length

    def _lose(self, at: int) -> int:
        self.lost = True
        return at


def close_frame(code: int, reason: bytes = b"") -> bytes:
    """A Close frame from a server to a client, unmasked (RFC 6455 section 5.5.1).

    `reason` is UTF-8, 123 bytes at most; ValueError when it is longer or the code is never sent.
    """
    if not 1000 <= code <= 4999 or code in _NEVER_SENT:
        raise ValueError(f"not a close code: {code}")
    if len(reason) > 123:
        raise ValueError("the reason is longer than 123 bytes")
    return bytes((_FIN | _CLOSE, 2 + len(reason))) + code.to_bytes(2, "big") + reason
