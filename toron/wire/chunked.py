"""Reads a chunked body (RFC 9112 section 7.1), strictly."""

from __future__ import annotations

import re

from toron.wire.events import Data, End, Event, Malformed
from toron.wire.http1_fields import CONNECTION_FIELDS, TOKEN, check_lines, read_fields, shown

_QUOTED = rb"\"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t !-~\x80-\xff])*\""
_SIZE_LINE = re.compile(
    rb"([0-9A-Fa-f]{1,15})(?:;" + TOKEN + rb"++(?:=(?:" + TOKEN + rb"++|" + _QUOTED + rb"))?)*\r\n"
).fullmatch

_LINE_MOST = 1024
_PLAIN_LINE = 16
_EXCESS_MOST = 16 << 10
"""Bytes of chunk lines above what a sender needs, after which it only means to keep us busy."""

_TRAILERS_MOST = 8 << 10
_TRAILER_FIELDS_MOST = 50

NOT_IN_TRAILERS = CONNECTION_FIELDS | {
    b"age", b"authorization", b"cache-control", b"content-encoding", b"content-range", b"content-type",
    b"cookie", b"expires", b"forwarded", b"host", b"location", b"range", b"set-cookie", b"trailer", b"vary",
    b"x-real-ip", b"client-cert", b"client-cert-chain", b"x-client-cert", b"x-client-cert-fingerprint",
    b"x-client-cert-issuer", b"x-client-cert-san", b"x-client-cert-serial", b"x-client-cert-subject",
}  # fmt: skip
"""Fields that must be known before the body, or that frame it (RFC 9110 section 6.5.1, RFC 9440)."""

_SIZE, _DATA, _DATA_END, _TRAILERS = range(4)


class ChunkedReader:
    """The body of one message: give `receive` bytes until it says where the body ended."""

    __slots__ = ("_excess", "_held", "_left", "_state", "rest")

    def __init__(self) -> None:
        self.rest = b""
        """What came after the body, once it is over."""
        self._state = _SIZE
        self._left = 0
        self._held = b""
        self._excess = 0

    def receive(self, data: bytes, events: list[Event]) -> bool:
        """Append Data and End to `events`; whether the body is over, and `rest` is what followed.

        Raises Malformed (`bad_chunk`, `bad_trailer`).
        """
        before = len(self._held)
        if before:
            data = self._held + data
            self._held = b""
        # One piece of data for all the chunks that came together, however small they are.
        parts: list[bytes] = []
        try:
            at = self._read_chunks(data, parts)
        finally:
            if parts:
                events.append(Data(parts[0] if len(parts) == 1 else b"".join(parts)))
        return self._state == _TRAILERS and self._read_trailers(data, at, max(at, before), events)

    def _read_chunks(self, data: bytes, parts: list[bytes]) -> int:
        """Take chunks until there are no more or the last one came; where in `data` that is."""
        at = 0
        size = len(data)
        while self._state != _TRAILERS:
            if self._state == _SIZE:
                end = data.find(b"\n", at, at + _LINE_MOST) + 1
                if not end:
                    return self._hold(data, at, _LINE_MOST, "bad_chunk")
                self._read_size(data, at, end)
                at = end
            elif self._state == _DATA:
                if at >= size:
                    break
                end = min(size, at + self._left)
                parts.append(data[at:end])
                self._left -= end - at
                at = end
                if self._left:
                    break
                self._state = _DATA_END
            else:
                if not b"\r\n".startswith(data[at : at + 2]):
                    raise Malformed("bad_chunk", "longer than its size")
                if size - at < 2:
                    return self._hold(data, at, 2, "bad_chunk")
                at += 2
                self._state = _SIZE
        return at

    def _read_size(self, data: bytes, at: int, end: int) -> None:
        line = _SIZE_LINE(data, at, end)
        if line is None:
            raise Malformed("bad_chunk", shown(data[at : min(end, at + 40)]))
        left = self._left = int(line[1], 16)
        self._state = _DATA if left else _TRAILERS
        if end - at > _PLAIN_LINE or self._excess:
            self._excess = max(0, self._excess + end - at - _PLAIN_LINE - 2 * left)
            if self._excess > _EXCESS_MOST:
                raise Malformed("bad_chunk", "more about chunks than in them")

    def _read_trailers(self, data: bytes, at: int, before: int, events: list[Event]) -> bool:
        if data.startswith(b"\r\n", at):
            events.append(End())
            self.rest = data[at + 2 :]
            return True
        end = data.find(b"\r\n\r\n", max(at, before - 3), at + _TRAILERS_MOST) + 4
        try:
            if end == 3:
                self._hold(data, at, _TRAILERS_MOST, "bad_trailer")
                check_lines(data, before)
                return False
            fields = read_fields(data[at:end], 0, _TRAILER_FIELDS_MOST)
        except Malformed as error:
            raise Malformed("bad_trailer", error.detail or error.word) from None
        if fields.hop:
            raise Malformed("bad_trailer", shown(min(fields.hop)))
        for name, _ in fields.headers:
            plain = name.lower().replace(b"_", b"-")
            if plain in NOT_IN_TRAILERS or plain.startswith(b"x-forwarded-"):
                raise Malformed("bad_trailer", shown(name))
        events.append(End(fields.headers))
        self.rest = data[end:]
        return True

    def _hold(self, data: bytes, at: int, most: int, word: str) -> int:
        """Keep what is not a whole line yet."""
        if len(data) - at >= most:
            raise Malformed(word, "too long")
        self._held = data[at:]
        return len(data)
