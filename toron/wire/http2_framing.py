"""What both ends of an HTTP/2 connection share: finding frames, and following those of the connection.

RFC 9113. Requests and responses are in the classes made of this one.
"""

from __future__ import annotations

from typing import Final

from toron.wire import http2_frames as frames
from toron.wire.events import GoingAway, Malformed
from toron.wire.http2_control import Control
from toron.wire.http2_flow import StreamEvent
from toron.wire.http2_frames import (
    ACK,
    CONTINUATION,
    DATA,
    FRAME_MOST,
    FRAME_SIZE_ERROR,
    GOAWAY,
    HEADER,
    HEADERS,
    PING,
    PRIORITY,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_FIRST,
    WINDOW_MOST,
    WINDOW_UPDATE,
    ConnectionFault,
)
from toron.wire.http2_limits import Bucket, Http2Limits

_DRAIN: Final = b"draining"


class Framing(Control):
    """One end of a connection."""

    __slots__ = (
        "_greeted", "_held", "_pings", "_preface", "_settings", "broken", "draining",
    )  # fmt: skip

    def __init__(self, limits: Http2Limits, settings: dict[int, int], preface: bytes) -> None:
        """Begin with these settings; `preface` is what the other side says ahead of its own."""
        super().__init__(limits)
        self.broken = False
        """Nothing more is read or said."""
        self.draining = False
        """One side has said that there will be no further streams."""
        self._held = b""
        self._preface = preface
        self._greeted = False
        """The other side's settings came."""
        self._pings = Bucket(limits.pings, limits.pings_per_second)
        self._settings = Bucket(limits.settings, limits.settings_per_second)
        self._out.append(frames.settings(settings))
        if limits.connection_window > WINDOW_FIRST:
            self._out.append(frames.window_update(0, limits.connection_window - WINDOW_FIRST))

    # --- bytes in -----------------------------------------------------------------------------

    def receive(self, data: bytes, now: float = 0.0) -> list[StreamEvent]:
        """Bytes came at `now` (seconds of any clock that does not go back): what they mean.

        Nothing is raised. (0, Malformed) is the last event ever; a Malformed of another stream is the
        last of that stream.
        """
        events: list[StreamEvent] = []
        if self.broken:
            return events
        self._now = now
        if self._held:
            data = self._held + data
        try:
            at = self._read_frames(data, events)
            self._held = data[at:] if at < len(data) else b""
        except ConnectionFault as fault:
            events.append((0, self._break(fault)))
        return events

    def _break(self, fault: ConnectionFault) -> Malformed:
        self._out.append(frames.goaway(self._goaway_last(), fault.code))
        self.broken = self.draining = True
        self._held = b""
        self._block.clear()
        for stream in self._streams.values():
            stream.drop()
        self._streams.clear()
        self._row.clear()
        self._ours.clear()
        return Malformed(fault.word, fault.detail)

    def _goaway_last(self) -> int:
        """The highest stream of the other side's that something was or will be done with."""
        raise NotImplementedError

    def _read_frames(self, data: bytes, events: list[StreamEvent]) -> int:
        """Follow all frames that are whole; where the first of the others begins."""
        size = len(data)
        at = 0
        preface = self._preface
        if preface:
            at = min(size, len(preface))
            if not data.startswith(preface[:at]):
                raise ConnectionFault(PROTOCOL_ERROR, "preface")
            if at < len(preface):
                return 0
            self._preface = b""
        while size - at >= HEADER:
            length = data[at] << 16 | data[at + 1] << 8 | data[at + 2]
            kind = data[at + 3]
            flags = data[at + 4]
            number = (data[at + 5] & 0x7F) << 24 | data[at + 6] << 16 | data[at + 7] << 8 | data[at + 8]
            if not self._greeted:
                if kind != SETTINGS or flags & ACK:
                    raise ConnectionFault(PROTOCOL_ERROR, "preface", f"begins with type {kind}")
                self._greeted = size - at >= HEADER + length
            if length > FRAME_MOST:
                raise ConnectionFault(FRAME_SIZE_ERROR, "frame_size", f"{length} octets")
            start = at + HEADER
            end = start + length
            if end > size:
                break
            at = end
            if self._heading and (kind != CONTINUATION or number != self._heading):
                raise ConnectionFault(PROTOCOL_ERROR, "stream_state", f"type {kind} within a head")
            if kind == DATA:
                self._read_data(number, flags, data, start, end, events)
            elif kind == HEADERS:
                self._read_headers(number, flags, data, start, end, events)
            elif kind == WINDOW_UPDATE:
                self._read_window_update(number, data[start:end], events)
            else:
                self._read_other(kind, number, flags, data[start:end], events)
        return at

    def _read_other(
        self, kind: int, number: int, flags: int, payload: bytes, events: list[StreamEvent]
    ) -> None:
        if kind == CONTINUATION:
            self._read_continuation(number, flags, payload, events)
        elif kind == RST_STREAM:
            self._read_reset(number, payload, events)
        elif kind == PRIORITY:
            self._read_priority(number, payload, events)
        elif kind == PUSH_PROMISE:
            raise ConnectionFault(PROTOCOL_ERROR, "stream_state", "PUSH_PROMISE")
        elif kind in (SETTINGS, PING, GOAWAY):
            if number:
                raise ConnectionFault(PROTOCOL_ERROR, "frame_malformed", f"type {kind} of stream {number}")
            if kind == SETTINGS:
                self._read_settings(flags, payload, events)
            elif kind == PING:
                self._read_ping(flags, payload)
            else:
                self._read_goaway(payload, events)
        else:
            # Section 4.1: unknown types are discarded.
            self._count(self._frames, "frame_flood")

    # --- the connection -----------------------------------------------------------------------

    def _read_settings(self, flags: int, payload: bytes, events: list[StreamEvent]) -> None:
        self._count(self._settings, "settings_flood")
        if flags & ACK:
            if payload:
                raise ConnectionFault(FRAME_SIZE_ERROR, "frame_size", "SETTINGS")
            self._settled = True
            return
        values = frames.read_settings(payload)
        self._follow(values)
        window = values.get(frames.INITIAL_WINDOW_SIZE)
        if window is not None:
            self._resize_windows(window)
        self._peer_frame = values.get(frames.MAX_FRAME_SIZE, self._peer_frame)
        table = values.get(frames.HEADER_TABLE_SIZE)
        if table is not None:
            self._encoder.resize(table)
        self._out.append(frames.SETTINGS_ACK)
        if self._row:
            self._go_on(events)

    def _follow(self, values: dict[int, int]) -> None:
        """Follow the settings that concern one side only."""

    def _read_ping(self, flags: int, payload: bytes) -> None:
        if len(payload) != 8:
            raise ConnectionFault(FRAME_SIZE_ERROR, "frame_size", "PING")
        self._count(self._pings, "ping_flood")
        if not flags & ACK:
            self._out.append(frames.ping(payload, True))
        elif payload == _DRAIN:
            self._drained()

    def _say_drain_ping(self) -> None:
        self._out.append(frames.ping(_DRAIN))

    def _drained(self) -> None:
        """The other side has seen what was said when draining began."""

    def _read_goaway(self, payload: bytes, events: list[StreamEvent]) -> None:
        self._count(self._frames, "frame_flood")
        if len(payload) < 8:
            raise ConnectionFault(FRAME_SIZE_ERROR, "frame_size", "GOAWAY")
        last = int.from_bytes(payload[:4], "big") & WINDOW_MOST
        code = int.from_bytes(payload[4:8], "big")
        events.append((0, GoingAway(code, payload[8:])))
        self._gone_away(last, events)

    def _gone_away(self, last: int, events: list[StreamEvent]) -> None:
        """The other side takes none of our streams above `last`."""
