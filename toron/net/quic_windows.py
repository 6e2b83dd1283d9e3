"""How much a QUIC client may send on each of its streams: as much more as somebody has taken."""

from __future__ import annotations

from toron.wire.http3_frames import varint

_MAX_STREAM_DATA = b"\x11"
"""The type of the frame that opens a window (RFC 9000 section 19.10)."""


class Windows:
    """The windows of a connection's streams; those that open wait in it until the client knows."""

    __slots__ = ("_granted", "_pending", "_received", "_taken", "_window")

    def __init__(self, window: int) -> None:
        """`window` is in bytes: what each stream begins with, and how far it may be ahead."""
        self._window = window
        self._received: dict[int, int] = {}
        self._taken: dict[int, int] = {}
        self._granted: dict[int, int] = {}
        """The offsets up to which clients may send, where that is more than the first window."""
        self._pending: dict[int, None] = {}
        """Streams whose windows opened, and of which the client may not know it."""

    @property
    def pending(self) -> bool:
        """Whether there is something to say."""
        return bool(self._pending)

    def came(self, stream: int, size: int) -> bool:
        """So many bytes came; False when they are more than were allowed (RFC 9000 section 4.1)."""
        received = self._received[stream] = self._received.get(stream, 0) + size
        return received <= self._granted.get(stream, self._window)

    def take(self, stream: int, size: int) -> bool:
        """So many bytes were taken; whether the client should be told now."""
        if stream not in self._received:
            return False
        taken = self._taken[stream] = self._taken.get(stream, 0) + size
        if taken + self._window - self._granted.get(stream, self._window) < self._window >> 1:
            return False
        self._granted[stream] = taken + self._window
        self._pending[stream] = None
        return True

    def blocked(self, stream: int, limit: int) -> bool:
        """The client could send more than up to `limit`; whether it may already, and has to be told again."""
        if self._granted.get(stream, 0) <= limit:
            return False
        self._pending[stream] = None
        return True

    def ended(self, stream: int) -> None:
        """Nothing more comes on it."""
        for each in (self._received, self._taken, self._granted, self._pending):
            each.pop(stream, None)

    def frames(self, most: int) -> bytes:
        """What has to be said, as frames of at most `most` bytes; it goes on waiting until `known`."""
        said = b""
        for stream in self._pending:
            frame = _MAX_STREAM_DATA + varint(stream) + varint(self._granted[stream])
            if len(said) + len(frame) > most:
                break
            said += frame
        return said

    def known(self) -> None:
        """The client knows all there is to know."""
        self._pending.clear()
