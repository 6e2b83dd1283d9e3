"""What comes on the streams of an HTTP/3 connection: frames become requests, nonsense errors (RFC 9114)."""

from __future__ import annotations

from typing import Final, Protocol

from toron.wire.events import Data, End, Event, Malformed, Reset
from toron.wire.hpack_decoder import HpackError, TooLarge
from toron.wire.http2_fields import read_request, read_trailers
from toron.wire.http2_limits import Bucket
from toron.wire.http2_streams import BODY, DONE, HEAD
from toron.wire.http3_control import Broken, ControlStreams
from toron.wire.http3_frames import (
    CANCEL_PUSH,
    CLOSED_CRITICAL_STREAM,
    DATA,
    EXCESSIVE_LOAD,
    FRAME_ERROR,
    FRAME_UNEXPECTED,
    GOAWAY,
    HEADERS,
    MAX_PUSH_ID,
    MESSAGE_ERROR,
    NO_ERROR,
    OF_HTTP2,
    PUSH_PROMISE,
    QPACK_DECOMPRESSION_FAILED,
    REQUEST_CANCELLED,
    REQUEST_INCOMPLETE,
    REQUEST_REJECTED,
    SETTINGS,
    STREAM_LAST,
    pull_varint,
)
from toron.wire.http3_limits import Http3Limits
from toron.wire.http3_qpack import decode
from toron.wire.http3_streams import TRAILED, RequestStream

StreamEvent = tuple[int, Event]
"""0 is the first request's stream; what is of the whole connection has CONNECTION instead."""

CONNECTION: Final = -1
VERSION: Final = (3, 0)

_FORBIDDEN: Final = OF_HTTP2 | {CANCEL_PUSH, SETTINGS, PUSH_PROMISE, GOAWAY, MAX_PUSH_ID}
"""Frames that must not come on a request's stream."""
_CODES: Final = {
    "head_too_large": EXCESSIVE_LOAD, "too_many_fields": EXCESSIVE_LOAD, "truncated": REQUEST_INCOMPLETE,
}  # fmt: skip
"""The error of a stream for each word that is not for H3_MESSAGE_ERROR."""


class Streams(Protocol):
    """QUIC below the codec."""

    def open(self) -> int:
        """A stream for us alone to speak on."""

    def say(self, stream: int, data: bytes, fin: bool) -> None:
        """Queue bytes; `fin`: these are the last."""

    def reset(self, stream: int, code: int) -> None:
        """Say no more; what is queued is dropped."""

    def refuse_stream(self, stream: int, code: int) -> None:
        """Ask the client to say no more."""

    def queued(self, stream: int) -> int:
        """Bytes that were not sent once yet."""

    def credit(self, stream: int, size: int) -> None:
        """So many bytes that came were taken: the client may send more."""

    def close(self, code: int, detail: str = "") -> None:
        """End the connection."""


class Requests:
    """The reading half of a server's connection; what it has to say itself it says to `below`.

    It never raises for what comes. After a connection error the last event is (CONNECTION, Malformed), and
    `broken` is True. A stream with an error is reset and forgotten; its event is Malformed.
    """

    __slots__ = (
        "_below", "_control", "_empty", "_frames", "_full", "_goaway", "_gone", "_limits", "_next", "_resets",
        "_streams", "broken",
    )  # fmt: skip

    def __init__(self, below: Streams, limits: Http3Limits) -> None:
        self._below = below
        self._limits = limits
        self._control = ControlStreams()
        self._streams: dict[int, RequestStream] = {}
        self._gone: set[int] = set()
        """Streams that we have done with, and of which something may still come."""
        self._next = 0
        """The id after the largest that came."""
        self._goaway = STREAM_LAST
        """The id from which on streams are rejected."""
        self._full: set[int] = set()
        """Streams whose bodies were asked to pause."""
        self._empty = 0
        self._resets = Bucket(limits.resets, limits.resets_per_second)
        self._frames = Bucket(limits.frames, limits.frames_per_second)
        self.broken = False

    @property
    def open(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    def receive(self, number: int, data: bytes, fin: bool, now: float) -> list[StreamEvent]:
        """Bytes of a stream came, the last ones with `fin`. `now` is in seconds, for the limits."""
        events: list[StreamEvent] = []
        if self.broken:
            return events
        try:
            if number & 2:
                self._of_control(number, data, fin, now)
            else:
                stream = self._streams.get(number) or self._begin(number, fin)
                if stream is not None:
                    self._read(stream, data, fin, events, now)
        except Broken as error:
            self._break(error, events)
        return events

    def receive_reset(self, number: int, now: float) -> list[StreamEvent]:
        """The client will not say the rest of a stream."""
        return self._given_up(number, now, False)

    def receive_refusal(self, number: int, now: float) -> list[StreamEvent]:
        """The client wants no more of what we say on a stream."""
        return self._given_up(number, now, True)

    def _given_up(self, number: int, now: float, refused: bool) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        if self.broken:
            return events
        try:
            if number & 2:
                if refused:
                    raise Broken(CLOSED_CRITICAL_STREAM, "stream_state", "a critical stream was refused")
                self._control.reset(number)
                return events
            stream = self._streams.get(number)
            if stream is None:
                if not refused:
                    self._gone.discard(number)
                    self._next = max(self._next, number + 4)
                self._count(self._resets, now, "rapid_reset")
                return events
            begun = stream.reading is not HEAD
            if refused:
                self._refuse_rest(stream, REQUEST_CANCELLED)
            else:
                stream.reading = DONE
                self._below.reset(number, REQUEST_CANCELLED)
            self._forget(stream)
            if begun:
                events.append((number, Reset(REQUEST_CANCELLED)))
            self._count(self._resets, now, "rapid_reset")
        except Broken as error:
            self._break(error, events)
        return events

    def _of_control(self, number: int, data: bytes, fin: bool, now: float) -> None:
        if not fin:
            self._below.credit(number, len(data))
        control = self._control
        before = control.frames
        if not control.receive(number, data, fin) and not fin:
            self._below.refuse_stream(number, NO_ERROR)
        for _ in range(control.frames - before):
            self._count(self._frames, now, "frame_flood")

    def _count(self, bucket: Bucket, now: float, word: str) -> None:
        if not bucket.take(now):
            raise Broken(EXCESSIVE_LOAD, word)

    def _begin(self, number: int, fin: bool) -> RequestStream | None:
        """A stream we have not heard of; None for one that is over, too late, or one too many."""
        if number in self._gone:
            if fin:
                self._gone.discard(number)
            return None
        if number >= self._goaway or len(self._streams) >= self._limits.streams:
            self._below.reset(number, REQUEST_REJECTED)
            if not fin:
                self._gone.add(number)
                self._below.refuse_stream(number, REQUEST_REJECTED)
            return None
        if number >= self._next:
            self._next = number + 4
        made = self._streams[number] = RequestStream(number)
        return made

    def _read(
        self, stream: RequestStream, data: bytes, fin: bool, events: list[StreamEvent], now: float
    ) -> None:
        try:
            before = len(stream.held)
            if before:
                data = stream.held + data
                stream.held = b""
            at = self._read_frames(stream, data, before, fin, events, now)
            if at < len(data):
                stream.held = data[at:]
            if fin:
                self._read_end(stream, events)
        except Broken:
            raise
        except Malformed as error:
            code = _CODES.get(error.word, MESSAGE_ERROR)
            self._below.reset(stream.id, code)
            if fin:
                stream.reading = DONE
            else:
                self._refuse_rest(stream, code)
            self._forget(stream)
            # A traceback would keep this frame, and so all that was received, until the next gc.
            events.append((stream.id, error.with_traceback(None)))
            self._count(self._resets, now, "rapid_reset")

    def _read_frames(
        self,
        stream: RequestStream,
        data: bytes,
        before: int,
        fin: bool,
        events: list[StreamEvent],
        now: float,
    ) -> int:
        """Read what is whole; where the rest begins. The first `before` bytes came earlier."""
        at = payload = 0
        end = len(data)
        while at < end:
            if not stream.left:
                kind, start = pull_varint(data, at)
                size, body = pull_varint(data, start)
                if body == start:
                    break
                if kind == HEADERS:
                    if size > self._limits.head_most:
                        raise Malformed("head_too_large", f"{size} bytes")
                    if end - body < size:
                        break
                    at = body + size
                    self._empty = 0
                    self._read_section(stream, data[body:at], fin and at == end, events)
                    continue
                if kind == DATA:
                    if stream.reading is not BODY:
                        raise Broken(FRAME_UNEXPECTED, "stream_state", "DATA without a head")
                elif kind in _FORBIDDEN:
                    raise Broken(FRAME_UNEXPECTED, "stream_state", f"a frame of type {kind:#x} in a request")
                else:
                    self._count(self._frames, now, "frame_flood")
                if size:
                    self._empty = 0
                else:
                    self._empty += 1
                    if self._empty > self._limits.empty_frames:
                        raise Broken(EXCESSIVE_LOAD, "empty_frames")
                stream.kind = kind
                stream.left = size
                at = body
            size = min(stream.left, end - at)
            if size:
                stream.left -= size
                if stream.kind == DATA:
                    stream.came(size)
                    payload += size
                    events.append((stream.id, Data(data[at : at + size])))
                at += size
        # What is around the body is taken by us.
        if not fin and end - before > payload:
            self._below.credit(stream.id, end - before - payload)
        return at

    def _read_section(
        self, stream: RequestStream, section: bytes, ended: bool, events: list[StreamEvent]
    ) -> None:
        """A HEADERS frame: the head, or trailers."""
        if stream.reading is TRAILED:
            raise Broken(FRAME_UNEXPECTED, "stream_state", "HEADERS behind the trailers")
        limits = self._limits
        try:
            fields = decode(section, limits.head_most)
        except TooLarge as error:
            raise Malformed("head_too_large", str(error)) from None
        except HpackError as error:
            raise Broken(QPACK_DECOMPRESSION_FAILED, "compression", str(error)) from None
        if stream.reading is BODY:
            if stream.upgrade:
                raise Malformed("stream_state", "trailers of a tunnel")
            stream.trailers = read_trailers(fields, limits.fields_most)
            stream.reading = TRAILED
            return
        head = read_request(fields, ended, limits.fields_most)
        head.version = VERSION
        stream.method = head.method
        stream.upgrade = head.upgrade
        if not head.upgrade and head.length is not None:
            stream.expected = head.length
        stream.reading = BODY
        events.append((stream.id, head))

    def _read_end(self, stream: RequestStream, events: list[StreamEvent]) -> None:
        if stream.held or stream.left:
            raise Broken(FRAME_ERROR, "frame_malformed", "a stream ends within a frame")
        if stream.reading is HEAD:
            raise Malformed("truncated", "no head")
        stream.ended()
        events.append((stream.id, End(stream.trailers)))
        if stream.writing is DONE:
            self._forget(stream)

    def credit(self, number: int, size: int) -> None:
        """So many bytes of a stream's body were taken: the client may send more."""
        if number in self._streams and not self.broken:
            self._below.credit(number, size)

    # --- ends ---------------------------------------------------------------------------------

    def _refuse_rest(self, stream: RequestStream, code: int) -> None:
        if stream.reading is not DONE:
            self._below.refuse_stream(stream.id, code)

    def _forget(self, stream: RequestStream) -> None:
        del self._streams[stream.id]
        self._full.discard(stream.id)
        if stream.reading is not DONE:
            self._gone.add(stream.id)

    def _break(self, error: Broken, events: list[StreamEvent]) -> None:
        self.broken = True
        self._streams.clear()
        self._gone.clear()
        self._full.clear()
        self._below.close(error.code, error.detail)
        events.append((CONNECTION, Malformed(error.word, error.detail)))
