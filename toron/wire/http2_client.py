"""The side of an HTTP/2 connection that requests are sent from (RFC 9113)."""

from __future__ import annotations

from toron.wire import http2_frames as frames
from toron.wire.events import Data as DataEvent
from toron.wire.events import End as EndEvent
from toron.wire.events import Event, Malformed, RequestHead, Reset
from toron.wire.headers import Field
from toron.wire.http1_framing import BODILESS
from toron.wire.http2_fields import read_response
from toron.wire.http2_flow import StreamEvent
from toron.wire.http2_frames import (
    NO_ERROR,
    PREFACE,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    STREAM_MOST,
    ConnectionFault,
)
from toron.wire.http2_framing import Framing
from toron.wire.http2_heads import request_fields
from toron.wire.http2_limits import Http2Limits
from toron.wire.http2_messages import END
from toron.wire.http2_streams import BODY, HEAD, NOTHING, Stream

_LIMITS = Http2Limits()
_INTERIM_MOST = 16
_USUALLY_BARE = frozenset({b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"DELETE"})
"""Methods whose requests say nothing of a length when they have no body (RFC 9110 section 8.6)."""


class Http2ClientCodec(Framing):
    """Says requests, and reads their responses; any number of exchanges at the same time."""

    __slots__ = ("_allowed", "_answered", "scheme")

    def __init__(self, limits: Http2Limits = _LIMITS, scheme: bytes = b"https") -> None:
        """`scheme` is that of the connection: `https` or `http`."""
        super().__init__(
            limits,
            {
                frames.ENABLE_PUSH: 0,
                frames.INITIAL_WINDOW_SIZE: limits.window,
                frames.MAX_HEADER_LIST_SIZE: limits.head_most,
            },
            b"",
        )
        self._out.insert(0, PREFACE)
        self.scheme = scheme
        self._allowed = limits.streams
        """Streams at the same time, as the server allows and we want."""
        self._answered = STREAM_MOST
        """The last stream that the server says it answers."""

    @property
    def free(self) -> int:
        """How many requests may begin now."""
        if self.draining:
            return 0
        return max(0, min(self._allowed - len(self._streams), (STREAM_MOST - self._last) >> 1))

    # --- requests -----------------------------------------------------------------------------

    def request(self, head: RequestHead) -> int:
        """Begin a stream, and give its number; ValueError where none is free or the head is none."""
        if self.free < 1:
            raise ValueError("no stream is free")
        length = head.length
        writing: str = BODY
        said = length
        if length == 0 and head.method in _USUALLY_BARE:
            writing = NOTHING
            said = None
        fields = request_fields(head, self.scheme, said)
        number = self._last + 2
        self._last = number
        stream = Stream(number, self.limits.window, self._peer_window)
        stream.method = head.method
        stream.writing = writing
        stream.owed = -1 if length is None else length
        self._streams[number] = stream
        self._say_section(stream, fields, 0)
        return number

    def send(self, stream: int, event: Event) -> None:
        """Say more of a request; ValueError when it is not what may come next.

        Of a stream that is over, nothing is said.
        """
        found = self._streams.get(stream)
        if found is None:
            if self._is_idle(stream):
                raise ValueError(f"there was no stream {stream}")
            return
        kind = type(event)
        if kind is DataEvent:
            self._say_data(found, event.data)  # type: ignore[union-attr]
        elif kind is EndEvent:
            self._say_end(found, event.trailers)  # type: ignore[union-attr]
        else:
            raise ValueError(f"a client does not say {event!r}")

    # --- responses ----------------------------------------------------------------------------

    def _read_section(self, number: int, fields: list[Field], ends: bool, events: list[StreamEvent]) -> None:
        stream = self._streams.get(number)
        if stream is None:
            self._on_closed(number, "HEADERS")
            return
        if stream.reading is not HEAD:
            self._read_trailers(stream, fields, ends, events)
            return
        head = read_response(fields, self.limits.fields_most)
        status = head.status
        if status < 200:
            self._check_interim(stream, status, ends)
            events.append((number, head))
            return
        if stream.method == b"HEAD" or status in BODILESS:
            stream.expected = 0
        elif head.length is not None:
            stream.expected = head.length
        elif ends:
            head.length = 0
        stream.reading = BODY
        if ends:
            stream.ended()
        events.append((number, head))
        if ends:
            self._read_end(stream, END, events)

    def _check_interim(self, stream: Stream, status: int, ends: bool) -> None:
        if ends:
            raise Malformed("stream_state", "an interim response that ends")
        if status == 101:
            raise Malformed("switch_not_asked", "101")
        stream.interim += 1
        if stream.interim > _INTERIM_MOST:
            raise Malformed("interim_flood", f"more than {_INTERIM_MOST}")

    # --- the server's word ----------------------------------------------------------------------

    def _follow(self, values: dict[int, int]) -> None:
        if values.get(frames.ENABLE_PUSH):
            raise ConnectionFault(PROTOCOL_ERROR, "frame_malformed", "a server that enables push")
        allowed = values.get(frames.MAX_CONCURRENT_STREAMS)
        if allowed is not None:
            self._allowed = min(allowed, self.limits.streams)

    def _reset_event(self, code: int) -> Reset:
        return Reset(code, code == REFUSED_STREAM)

    def _count_reset(self) -> None:
        """A server may refuse what it likes."""

    def _gone_away(self, last: int, events: list[StreamEvent]) -> None:
        if last > self._answered:
            raise ConnectionFault(PROTOCOL_ERROR, "frame_malformed", "more than the GOAWAY before")
        self._answered = last
        self.draining = True
        for number in [number for number in self._streams if number > last]:
            self._streams.pop(number).drop()
            self._leave_out(number)
            events.append((number, Reset(REFUSED_STREAM, True)))

    # --- the end ------------------------------------------------------------------------------

    def _goaway_last(self) -> int:
        return 0

    def drain(self) -> None:
        """Begin no further requests, and tell the server so."""
        if not self.draining:
            self.close()

    def close(self, code: int = NO_ERROR, detail: bytes = b"") -> None:
        """Tell the server that the connection ends, and why."""
        if not self.broken:
            self.draining = True
            self._out.append(frames.goaway(0, code, detail))
