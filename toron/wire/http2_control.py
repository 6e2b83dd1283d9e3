"""Follows the frames that end HTTP/2's streams and open their windows (RFC 9113 sections 6.3, 6.4, 6.9)."""

from __future__ import annotations

from toron.wire.events import Malformed, Reset
from toron.wire.http2_flow import StreamEvent
from toron.wire.http2_frames import (
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    PROTOCOL_ERROR,
    WINDOW_MOST,
    ConnectionFault,
)
from toron.wire.http2_messages import Messages
from toron.wire.http2_streams import DONE, LEFT


class Control(Messages):
    """How the two sides steer the streams of a connection."""

    __slots__ = ()

    def _read_reset(self, number: int, payload: bytes, events: list[StreamEvent]) -> None:
        if len(payload) != 4:
            raise ConnectionFault(FRAME_SIZE_ERROR, "frame_size", "RST_STREAM")
        if self._is_idle(number):
            raise ConnectionFault(PROTOCOL_ERROR, "stream_state", f"RST_STREAM of stream {number}")
        stream = self._streams.pop(number, None)
        if stream is None:
            self._count(self._frames, "frame_flood")
            return
        unfinished = stream.writing is not DONE or stream.ending
        stream.drop()
        if stream.reading is not LEFT:
            events.append((number, self._reset_event(int.from_bytes(payload, "big"))))
        if unfinished:
            self._count_reset()

    def _reset_event(self, code: int) -> Reset:
        return Reset(code)

    def _count_reset(self) -> None:
        """A stream was given up before we had said all."""
        self._count(self._resets, "rapid_reset")

    def _read_priority(self, number: int, payload: bytes, events: list[StreamEvent]) -> None:
        """Priorities are a hint that is not taken (section 5.3.2), but they have to be well formed."""
        self._count(self._frames, "frame_flood")
        if not number:
            raise ConnectionFault(PROTOCOL_ERROR, "frame_malformed", "PRIORITY of stream 0")
        if len(payload) != 5:
            code, error = FRAME_SIZE_ERROR, Malformed("frame_size", "PRIORITY")
        elif int.from_bytes(payload[:4], "big") & WINDOW_MOST == number:
            code, error = PROTOCOL_ERROR, Malformed("frame_malformed", "a stream that depends on itself")
        else:
            return
        if number not in self._streams:
            # It cannot be reset: it has not begun, or is over.
            raise ConnectionFault(code, error.word, error.detail)
        self._fault(number, code, error, events)

    def _read_window_update(self, number: int, payload: bytes, events: list[StreamEvent]) -> None:
        if len(payload) != 4:
            raise ConnectionFault(FRAME_SIZE_ERROR, "frame_size", "WINDOW_UPDATE")
        self._count(self._frames, "frame_flood")
        more = int.from_bytes(payload, "big") & WINDOW_MOST
        if not number:
            if not more:
                raise ConnectionFault(PROTOCOL_ERROR, "frame_malformed", "a window update of 0")
            self._room += more
            if self._room > WINDOW_MOST:
                raise ConnectionFault(FLOW_CONTROL_ERROR, "flow_control", "a window too large")
        else:
            stream = self._streams.get(number)
            if stream is None:
                if self._is_idle(number):
                    raise ConnectionFault(PROTOCOL_ERROR, "stream_state", "WINDOW_UPDATE of no stream")
                return
            stream.room += more
            if not more:
                self._fault(
                    number, PROTOCOL_ERROR, Malformed("frame_malformed", "a window update of 0"), events
                )
            elif stream.room > WINDOW_MOST:
                self._fault(
                    number, FLOW_CONTROL_ERROR, Malformed("flow_control", "a window too large"), events
                )
            else:
                self._line_up(stream)
        if self._row:
            self._go_on(events)

    def _resize_windows(self, window: int) -> None:
        """Streams that are open have so much more room, or less, down to below 0 (section 6.9.2)."""
        more = window - self._peer_window
        self._peer_window = window
        for stream in self._streams.values():
            stream.room += more
            if stream.room > WINDOW_MOST:
                raise ConnectionFault(FLOW_CONTROL_ERROR, "flow_control", "a window too large")
            self._line_up(stream)
