"""What comes on the streams of an HTTP/3 client that carry no requests (RFC 9114 section 6.2)."""

from __future__ import annotations

from typing import Final

from toron.wire.events import Malformed
from toron.wire.http3_frames import (
    CANCEL_PUSH,
    CLOSED_CRITICAL_STREAM,
    CONTROL,
    DATA,
    ENABLE_CONNECT_PROTOCOL,
    EXCESSIVE_LOAD,
    FRAME_ERROR,
    FRAME_UNEXPECTED,
    GOAWAY,
    H3_DATAGRAM,
    HEADERS,
    ID_ERROR,
    MAX_PUSH_ID,
    MISSING_SETTINGS,
    OF_HTTP2,
    PUSH,
    PUSH_PROMISE,
    QPACK_DECODER,
    QPACK_DECODER_STREAM_ERROR,
    QPACK_ENCODER,
    QPACK_ENCODER_STREAM_ERROR,
    SETTINGS,
    SETTINGS_ERROR,
    SETTINGS_OF_HTTP2,
    STREAM_CREATION_ERROR,
    pull_varint,
)

_PAYLOAD_MOST: Final = 4096
"""Bytes of a frame on the control stream that we read; a longer one is a client's fault."""
_UNREAD: Final = -1
"""The type of a stream nobody knows."""
_CRITICAL: Final = frozenset({CONTROL, QPACK_ENCODER, QPACK_DECODER})
_NOT_HERE: Final = OF_HTTP2 | {DATA, HEADERS, PUSH_PROMISE}
_NUMBERS: Final = {CANCEL_PUSH, GOAWAY, MAX_PUSH_ID}
"""Frames that carry one number."""
_BOOLEAN: Final = frozenset({ENABLE_CONNECT_PROTOCOL, H3_DATAGRAM})


class Broken(Malformed):
    """The connection can not go on; `code` says why to the client."""

    __slots__ = ("code",)

    def __init__(self, code: int, word: str, detail: str = "") -> None:
        super().__init__(word, detail)
        self.code = code

    __hash__ = Exception.__hash__


class ControlStreams:
    """Reads them; nothing that comes there changes what is said here, as we have neither table nor push."""

    __slots__ = ("_goaway", "_held", "_kinds", "_push_most", "_settled", "frames")

    def __init__(self) -> None:
        self._kinds: dict[int, int] = {}
        """The types of the streams, by id."""
        self._held: dict[int, bytes] = {}
        """What came of something that is not whole."""
        self._settled = False
        self._goaway = -1
        self._push_most = -1
        self.frames = 0
        """How many frames came."""

    def receive(self, stream: int, data: bytes, fin: bool) -> bool:
        """Bytes came on a stream; whether the rest of it is wanted. Raises Broken."""
        data = self._held.pop(stream, b"") + data
        at = 0
        kind = self._kinds.get(stream, None)
        if kind is None:
            kind, at = pull_varint(data, 0)
            if at == 0:
                if not fin:
                    self._held[stream] = data
                return True
            kind = self._kinds[stream] = self._known(kind)
        if kind == CONTROL:
            at = self._frames(data, at)
        elif kind == QPACK_ENCODER:
            at = _encoder(data, at)
        elif kind == QPACK_DECODER:
            at = _decoder(data, at)
        else:
            if fin:
                del self._kinds[stream]
            return False
        if fin:
            raise Broken(CLOSED_CRITICAL_STREAM, "stream_state", "a critical stream ended")
        if at < len(data):
            self._held[stream] = data[at:]
        return True

    def reset(self, stream: int) -> None:
        """The client gave a stream up. Raises Broken where it must not."""
        self._held.pop(stream, None)
        if self._kinds.pop(stream, _UNREAD) in _CRITICAL:
            raise Broken(CLOSED_CRITICAL_STREAM, "stream_state", "a critical stream was reset")

    def _known(self, kind: int) -> int:
        if kind == PUSH:
            raise Broken(STREAM_CREATION_ERROR, "stream_state", "a push stream of a client")
        if kind not in _CRITICAL:
            return _UNREAD
        if kind in self._kinds.values():
            raise Broken(STREAM_CREATION_ERROR, "stream_state", f"a second stream of type {kind}")
        return kind

    def _frames(self, data: bytes, at: int) -> int:
        """Read the frames that are whole; where the next one begins."""
        while True:
            kind, start = pull_varint(data, at)
            if start == at:
                return at
            if not self._settled and kind != SETTINGS:
                raise Broken(
                    MISSING_SETTINGS, "frame_malformed", f"a frame of type {kind:#x} before SETTINGS"
                )
            if kind in _NOT_HERE:
                raise Broken(
                    FRAME_UNEXPECTED, "stream_state", f"a frame of type {kind:#x} on the control stream"
                )
            size, body = pull_varint(data, start)
            if body == start:
                return at
            if size > _PAYLOAD_MOST:
                raise Broken(EXCESSIVE_LOAD, "frame_size", f"{size} bytes in a frame of type {kind:#x}")
            if len(data) - body < size:
                return at
            at = body + size
            self.frames += 1
            self._frame(kind, data[body:at])

    def _frame(self, kind: int, payload: bytes) -> None:
        if kind == SETTINGS:
            if self._settled:
                raise Broken(FRAME_UNEXPECTED, "frame_malformed", "SETTINGS once more")
            self._settled = True
            _check_settings(payload)
        elif kind in _NUMBERS:
            number, end = pull_varint(payload, 0)
            if end == 0 or end != len(payload):
                raise Broken(FRAME_ERROR, "frame_malformed", f"a frame of type {kind:#x}")
            self._number(kind, number)

    def _number(self, kind: int, number: int) -> None:
        if kind == MAX_PUSH_ID:
            if number < self._push_most:
                raise Broken(ID_ERROR, "frame_malformed", "MAX_PUSH_ID goes back")
            self._push_most = number
        elif kind == GOAWAY:
            if 0 <= self._goaway < number:
                raise Broken(ID_ERROR, "frame_malformed", "GOAWAY goes forward")
            self._goaway = number
        else:
            # Nothing was ever promised.
            raise Broken(ID_ERROR, "frame_malformed", "CANCEL_PUSH without a push")


def _check_settings(payload: bytes) -> None:
    """Look at settings; none of them changes what is said here (section 7.2.4)."""
    seen: set[int] = set()
    at = 0
    while at < len(payload):
        name, middle = pull_varint(payload, at)
        value, end = pull_varint(payload, middle)
        if middle == at or end == middle:
            raise Broken(FRAME_ERROR, "frame_malformed", "SETTINGS cut short")
        if name in SETTINGS_OF_HTTP2 or name in seen or (name in _BOOLEAN and value > 1):
            raise Broken(SETTINGS_ERROR, "frame_malformed", f"setting {name:#x}: {value}")
        seen.add(name)
        at = end


def _encoder(data: bytes, at: int) -> int:
    """Read instructions for a table that we do not have: it may only be made as small as it is."""
    if any(octet != 0x20 for octet in data[at:]):
        raise Broken(QPACK_ENCODER_STREAM_ERROR, "compression", "an entry for a table of no size")
    return len(data)


def _decoder(data: bytes, at: int) -> int:
    """Read what becomes of sections: as they need no table, only that one will not be read."""
    while at < len(data):
        if data[at] & 0xC0 != 0x40:
            raise Broken(QPACK_DECODER_STREAM_ERROR, "compression", "more than was ever added")
        end = at + 1
        if data[at] & 0x3F == 0x3F:
            while end < len(data) and data[end] & 0x80:
                end += 1
            if end == len(data):
                if end - at > 10:
                    raise Broken(QPACK_DECODER_STREAM_ERROR, "compression", "an integer too large")
                return at
            end += 1
        at = end
    return at
