"""The side of an HTTP/3 connection that requests arrive at (RFC 9114)."""

from __future__ import annotations

from typing import Final

from toron.wire.events import Data, End, Event, ResponseHead, Room
from toron.wire.headers import Field, Headers
from toron.wire.http2_heads import trailer_fields
from toron.wire.http2_streams import BODY, DONE, EMPTY, FULL, HEAD, NOTHING
from toron.wire.http3_frames import (
    CONTROL,
    DATA,
    ENABLE_CONNECT_PROTOCOL,
    GOAWAY,
    HEADERS,
    MAX_FIELD_SECTION_SIZE,
    NO_ERROR,
    SETTINGS,
    STREAM_LAST,
    frame,
    varint,
)
from toron.wire.http3_limits import Http3Limits
from toron.wire.http3_qpack import encode
from toron.wire.http3_requests import Requests, StreamEvent, Streams
from toron.wire.http3_streams import RequestStream

_OVERHEAD: Final = 32
"""What each field counts above its bytes, for MAX_FIELD_SECTION_SIZE (section 4.2.2)."""
_USUAL: Final = Http3Limits()


class Http3ServerCodec(Requests):
    """Reads requests, and says responses, of one connection; says them to `below` at once."""

    __slots__ = ("_own", "draining")

    def __init__(self, below: Streams, limits: Http3Limits = _USUAL) -> None:
        super().__init__(below, limits)
        self.draining = False
        settings = (
            varint(MAX_FIELD_SECTION_SIZE) + varint(limits.head_most + _OVERHEAD * limits.fields_most)
            + varint(ENABLE_CONNECT_PROTOCOL) + varint(1)
        )  # fmt: skip
        self._own = below.open()
        below.say(self._own, varint(CONTROL) + frame(SETTINGS, settings), False)

    @property
    def settled(self) -> bool:
        """Whether the client was told from which stream on nothing is done."""
        return self._goaway != STREAM_LAST

    # --- what is said -------------------------------------------------------------------------

    def send(self, number: int, event: Event) -> None:
        """Say something on a stream; ValueError when it is not what may come next."""
        stream = self._streams.get(number)
        if stream is None or self.broken:
            return
        kind = type(event)
        if kind is Data:
            self._say_data(stream, event.data)  # type: ignore[union-attr]
        elif kind is End:
            self._say_end(stream, event.trailers)  # type: ignore[union-attr]
        elif kind is ResponseHead:
            self._say_section(stream, stream.answer(event))  # type: ignore[arg-type]
        else:
            raise ValueError(f"a server does not say {event!r}")

    def _say_section(self, stream: RequestStream, fields: list[Field]) -> None:
        self._below.say(stream.id, frame(HEADERS, encode(fields)), False)

    def _say_data(self, stream: RequestStream, data: bytes) -> None:
        if stream.writing is BODY:
            stream.said(len(data))
            if data:
                self._below.say(stream.id, frame(DATA, data), False)
        elif stream.writing is not NOTHING:
            raise ValueError("a body is not what comes next")

    def _say_end(self, stream: RequestStream, trailers: Headers | None) -> None:
        writing = stream.writing
        if writing is HEAD or writing is DONE:
            raise ValueError("nothing was begun that could end")
        if writing is BODY and stream.owed > 0:
            raise ValueError("less body than its length")
        said = b""
        if trailers is not None and writing is BODY:
            fields = trailer_fields(trailers)
            if fields:
                said = frame(HEADERS, encode(fields))
        self._below.say(stream.id, said, True)
        stream.writing = DONE
        if stream.reading is DONE:
            self._forget(stream)

    def queued(self, number: int) -> int:
        """Bytes said that wait for the client; above 64 KiB the event Room tells when there are few left.

        Few bytes are none: what was said just now has had no chance to leave yet.
        """
        size = self._below.queued(number)
        if size > FULL:
            stream = self._streams.get(number)
            if stream is not None and not stream.full:
                stream.full = True
                self._full.add(number)
        return size if size > EMPTY else 0

    def sent(self) -> list[StreamEvent]:
        """Something left for the client: of which streams more may be said."""
        events: list[StreamEvent] = []
        for number in list(self._full):
            if self._below.queued(number) < EMPTY:
                self._full.discard(number)
                stream = self._streams.get(number)
                if stream is not None:
                    stream.full = False
                    events.append((number, Room()))
        return events

    # --- ends ---------------------------------------------------------------------------------

    def reset(self, number: int, code: int) -> None:
        """Give a stream up, both ways. With H3_NO_ERROR only the request: what was said still goes out."""
        stream = self._streams.get(number)
        if stream is None or self.broken:
            return
        if code != NO_ERROR or stream.writing is not DONE:
            self._below.reset(number, code)
        self._refuse_rest(stream, code)
        self._forget(stream)

    def drain(self) -> None:
        """End soon: the first call announces it, the second says from which stream on nothing is done."""
        if self.broken:
            return
        last = self._next if self.draining else STREAM_LAST
        if not self.draining or last < self._goaway:
            self.draining = True
            self._goaway = last
            self._below.say(self._own, frame(GOAWAY, varint(last)), False)

    def close(self, code: int = NO_ERROR, detail: str = "") -> None:
        """End the connection now."""
        if not self.broken:
            self.broken = True
            self._below.close(code, detail)
