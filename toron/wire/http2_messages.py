"""Reads the bodies and sections of an HTTP/2 connection's streams (RFC 9113 sections 6.1, 6.2 and 6.10)."""

from __future__ import annotations

from typing import Final

from toron.wire import http2_frames as frames
from toron.wire.events import Data, End, Malformed
from toron.wire.headers import Field
from toron.wire.hpack_decoder import Decoder, HpackError, TooLarge
from toron.wire.http2_fields import read_trailers
from toron.wire.http2_flow import Flow, StreamEvent
from toron.wire.http2_frames import (
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    PADDED,
    PROTOCOL_ERROR,
    STREAM_CLOSED,
    WINDOW_FIRST,
    WINDOW_MOST,
    WITH_PRIORITY,
    ConnectionFault,
)
from toron.wire.http2_limits import Bucket, Http2Limits
from toron.wire.http2_streams import BODY, DONE, LEFT, Stream

END: Final = End()


class Messages(Flow):
    """What comes on streams, and how streams end."""

    __slots__ = (
        "_block", "_block_ends", "_block_size", "_continuations", "_decoder", "_empty", "_heading", "_last",
        "_left", "_now", "_resets", "_selfish", "_settled",
    )  # fmt: skip

    def __init__(self, limits: Http2Limits) -> None:
        super().__init__(limits)
        self._settled = False
        """The other side knows our settings; until then it keeps to windows as they are without."""
        self._now = 0.0
        self._last = -1
        """The highest stream that was begun."""
        self._left = max(limits.connection_window, WINDOW_FIRST)
        """Octets of bodies that may still come, on all streams together."""
        self._decoder = Decoder(limits.head_most)
        self._heading = 0
        """The stream of a section that is not whole yet."""
        self._block: list[bytes] = []
        self._block_size = 0
        self._block_ends = False
        self._selfish = False
        """Whether the section's stream was made to depend on itself."""
        self._continuations = 0
        self._empty = 0
        self._resets = Bucket(limits.resets, limits.resets_per_second)

    def credit(self, stream: int, size: int) -> None:
        """So many octets of a stream's Data were taken: as many more may come."""
        found = self._streams.get(stream)
        if found is None or found.reading is not BODY:
            return
        window = self.limits.window
        credit = min(found.credit + size, window - found.left)
        if credit > 0 and credit >= window >> 1:
            self._out.append(frames.window_update(stream, credit))
            found.left += credit
            credit = 0
        found.credit = credit

    def _count(self, bucket: Bucket, word: str) -> None:
        if not bucket.take(self._now):
            raise ConnectionFault(ENHANCE_YOUR_CALM, word)

    def _fault(self, stream: int, code: int, error: Malformed, events: list[StreamEvent]) -> None:
        """End one stream for what the other side did (section 5.4.2)."""
        found = self._streams.pop(stream, None)
        if found is not None:
            found.drop()
        self._say_reset(stream, code)
        if found is None or found.reading is not LEFT:
            events.append((stream, error.with_traceback(None)))
        self._count(self._resets, "rapid_reset")

    def _read_data(
        self, number: int, flags: int, data: bytes, start: int, end: int, events: list[StreamEvent]
    ) -> None:
        size = end - start
        left = self._left - size
        if left < 0:
            raise ConnectionFault(FLOW_CONTROL_ERROR, "flow_control", "the connection's window")
        window = max(self.limits.connection_window, WINDOW_FIRST)
        if left < window >> 1:
            # Paused streams are held back by their own windows, so that they hold up no others.
            self._out.append(frames.window_update(0, window - left))
            left = window
        self._left = left
        if flags & PADDED:
            start, end = _unpadded(data, start, end)
        if start < end or flags & END_STREAM:
            self._empty = 0
        else:
            self._count_empty()
        stream = self._streams.get(number)
        if stream is None:
            self._on_closed(number, "DATA")
            return
        if stream.reading is not BODY:
            if stream.reading is LEFT:
                self._left_out(stream, flags & END_STREAM != 0)
                return
            code = STREAM_CLOSED if stream.reading is DONE else PROTOCOL_ERROR
            self._fault(number, code, Malformed("stream_state", "DATA"), events)
            return
        if size > stream.left and (self._settled or size > stream.left + WINDOW_FIRST - self.limits.window):
            self._fault(number, FLOW_CONTROL_ERROR, Malformed("flow_control", "the stream's window"), events)
            return
        stream.left -= size
        try:
            if start < end:
                stream.came(end - start)
                events.append((number, Data(data[start:end])))
            if flags & END_STREAM:
                stream.ended()
                self._read_end(stream, END, events)
            elif size > end - start:
                self.credit(number, size - (end - start))
        except Malformed as error:
            self._fault(number, PROTOCOL_ERROR, error, events)

    def _read_end(self, stream: Stream, end: End, events: list[StreamEvent]) -> None:
        events.append((stream.id, end))
        if stream.writing is DONE and not stream.ending:
            del self._streams[stream.id]

    def _left_out(self, stream: Stream, ends: bool) -> None:
        """Something came that nobody wants; the other side may well end by itself what it says."""
        if ends:
            stream.reading = DONE

    def _count_empty(self) -> None:
        self._empty += 1
        if self._empty > self.limits.empty_frames:
            raise ConnectionFault(ENHANCE_YOUR_CALM, "empty_frames")

    def _on_closed(self, number: int, what: str) -> None:
        """A frame for a stream that is not open: left out where it may have been sent before we ended it."""
        if self._is_idle(number):
            raise ConnectionFault(PROTOCOL_ERROR, "stream_state", f"{what} of stream {number}, never begun")
        if number not in self._ours:
            raise ConnectionFault(STREAM_CLOSED, "stream_state", f"{what} of stream {number}, which is over")

    def _is_idle(self, number: int) -> bool:
        """Whether a stream was not begun; stream 0 never is."""
        return number & 1 == 0 or number > self._last

    def _read_headers(
        self, number: int, flags: int, data: bytes, start: int, end: int, events: list[StreamEvent]
    ) -> None:
        if number & 1 == 0:
            raise ConnectionFault(PROTOCOL_ERROR, "frame_malformed", f"HEADERS of stream {number}")
        if flags & PADDED:
            start, end = _unpadded(data, start, end)
        self._selfish = False
        if flags & WITH_PRIORITY:
            if end - start < 5:
                raise ConnectionFault(FRAME_SIZE_ERROR, "frame_size", "HEADERS without its priority")
            self._selfish = int.from_bytes(data[start : start + 4], "big") & WINDOW_MOST == number
            start += 5
        ends = flags & END_STREAM != 0
        if start < end or ends:
            self._empty = 0
        else:
            self._count_empty()
        if flags & END_HEADERS:
            self._read_block(number, data[start:end], ends, events)
            return
        self._heading = number
        self._block.append(data[start:end])
        self._block_size = end - start
        self._block_ends = ends
        self._continuations = 0

    def _read_continuation(self, number: int, flags: int, payload: bytes, events: list[StreamEvent]) -> None:
        if not self._heading:
            raise ConnectionFault(PROTOCOL_ERROR, "stream_state", "CONTINUATION of nothing")
        self._continuations += 1
        if self._continuations > self.limits.continuations:
            raise ConnectionFault(ENHANCE_YOUR_CALM, "continuation_flood")
        if payload:
            self._empty = 0
        else:
            self._count_empty()
        self._block_size += len(payload)
        self._block.append(payload)
        if self._block_size > self.limits.head_most:
            raise ConnectionFault(ENHANCE_YOUR_CALM, "head_too_large", f"{self._block_size} octets")
        if flags & END_HEADERS:
            block = b"".join(self._block)
            self._block.clear()
            self._heading = 0
            self._read_block(number, block, self._block_ends, events)

    def _read_block(self, number: int, block: bytes, ends: bool, events: list[StreamEvent]) -> None:
        # Also that of a stream that is gone: the tables have to stay the same on both sides.
        try:
            fields = self._decoder.decode(block)
        except TooLarge as error:
            raise ConnectionFault(ENHANCE_YOUR_CALM, "head_too_large", str(error)) from None
        except HpackError as error:
            raise ConnectionFault(frames.COMPRESSION_ERROR, "compression", str(error)) from None
        try:
            self._read_section(number, fields, ends, events)
        except Malformed as error:
            code = ENHANCE_YOUR_CALM if error.word == "too_many_fields" else PROTOCOL_ERROR
            self._fault(number, code, error, events)

    def _read_section(self, number: int, fields: list[Field], ends: bool, events: list[StreamEvent]) -> None:
        """A head or trailers came; Malformed ends the stream."""
        raise NotImplementedError

    def _read_trailers(
        self, stream: Stream, fields: list[Field], ends: bool, events: list[StreamEvent]
    ) -> None:
        if stream.reading is LEFT:
            self._left_out(stream, ends)
            return
        if stream.reading is DONE:
            self._fault(stream.id, STREAM_CLOSED, Malformed("stream_state", "HEADERS behind the end"), events)
            return
        if not ends or stream.upgrade:
            raise Malformed("stream_state", "HEADERS within a body")
        trailers = read_trailers(fields, self.limits.fields_most)
        stream.ended()
        self._read_end(stream, End(trailers) if trailers else END, events)


def _unpadded(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Where the payload of a padded frame begins and ends (section 6.1)."""
    if start == end:
        raise ConnectionFault(FRAME_SIZE_ERROR, "frame_size", "no length of the padding")
    padding = data[start]
    if padding >= end - start:
        raise ConnectionFault(PROTOCOL_ERROR, "frame_malformed", "nothing but padding")
    return start + 1, end - padding
