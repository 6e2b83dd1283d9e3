"""Reads a chunked body (RFC 9112 section 7.1), strictly."""

from __future__ import annotations

import re

from toron.wire.events import Data, End, Event, Malformed
from toron.wire.headers import Headers
from toron.wire.http1_head import CONNECTION_FIELDS, read_fields

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_QUOTED = rb"\"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t !-~\x80-\xff])*+\""
_SIZE_LINE = re.compile(
    rb"([0-9A-Fa-f]{1,15})(?:;" + _TOKEN + rb"(?:=(?:" + _TOKEN + rb"|" + _QUOTED + rb"))?)*+\r\n"
).fullmatch

_LINE_MOST = 1024
_TRAILERS_MOST = 8 << 10
_TRAILER_FIELDS_MOST = 50

_NOT_IN_TRAILERS = CONNECTION_FIELDS | {
    b"age", b"authorization", b"cache-control", b"content-encoding", b"content-range", b"content-type",
    b"cookie", b"expires", b"forwarded", b"host", b"location", b"range", b"set-cookie", b"trailer", b"vary",
    b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip",
}  # fmt: skip
"""Fields that must be known before the body, or that frame it (RFC 9110 section 6.5.1)."""

_SIZE, _DATA, _DATA_END, _TRAILERS = range(4)


class ChunkedReader:
    """The body of one message: give `receive` bytes until it says where the body ended."""

    __slots__ = ("_held", "_left", "_state", "rest")

    def __init__(self) -> None:
        self.rest = b""
        """What came after the body, once it is over."""
        self._state = _SIZE
        self._left = 0
        self._held = b""

    def receive(self, data: bytes, events: list[Event]) -> bool:
        """Append Data and End to `events`; whether the body is over, and `rest` is what followed.

        Raises Malformed (`bad_chunk`, `bad_trailer`).
        """
        if self._held:
            data = self._held + data
            self._held = b""
        at = 0
        size = len(data)
        while True:
            if self._state == _DATA:
                if at >= size:
                    return False
                have = size - at
                if have < self._left:
                    events.append(Data(data[at:] if at else data))
                    self._left -= have
                    return False
                end = at + self._left
                events.append(Data(data[at:end]))
                at = end
                self._state = _DATA_END
            elif self._state == _SIZE:
                end = data.find(b"\n", at, at + _LINE_MOST) + 1
                if not end:
                    return self._hold(data, at, _LINE_MOST, "bad_chunk")
                line = _SIZE_LINE(data, at, end)
                if line is None:
                    raise Malformed("bad_chunk", repr(data[at : min(end, at + 40)])[2:-1])
                self._left = int(line[1], 16)
                self._state = _DATA if self._left else _TRAILERS
                at = end
            elif self._state == _DATA_END:
                if size - at < 2:
                    if at < size and data[at] != 0x0D:
                        raise Malformed("bad_chunk", "longer than its size")
                    return self._hold(data, at, 2, "bad_chunk")
                if data[at] != 0x0D or data[at + 1] != 0x0A:
                    raise Malformed("bad_chunk", "longer than its size")
                at += 2
                self._state = _SIZE
            else:
                return self._trailers(data, at, events)

    def _trailers(self, data: bytes, at: int, events: list[Event]) -> bool:
        if data.startswith(b"\r\n", at):
            events.append(End())
            self.rest = data[at + 2 :]
            return True
        end = data.find(b"\r\n\r\n", at, at + _TRAILERS_MOST) + 4
        if end == 3:
            held = data[at:]
            if b"\n" in held.replace(b"\r\n", b""):
                raise Malformed("bad_trailer", "line ending")
            return self._hold(data, at, _TRAILERS_MOST, "bad_trailer")
        try:
            trailers: Headers = read_fields(data[at:end], 0, _TRAILER_FIELDS_MOST).headers
        except Malformed as error:
            raise Malformed("bad_trailer", error.detail or error.word) from None
        if len(trailers) < data.count(b"\r\n", at, end) - 1:
            raise Malformed("bad_trailer", "a field that is not allowed there")
        for name, _ in trailers:
            if name.lower() in _NOT_IN_TRAILERS:
                raise Malformed("bad_trailer", name.decode("ascii"))
        events.append(End(trailers))
        self.rest = data[end:]
        return True

    def _hold(self, data: bytes, at: int, most: int, word: str) -> bool:
        if len(data) - at >= most:
            raise Malformed(word, "too long")
        if at < len(data):
            self._held = data[at:]
        return False
