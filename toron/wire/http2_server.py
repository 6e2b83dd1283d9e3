"""The side of an HTTP/2 connection that requests arrive at (RFC 9113)."""

from __future__ import annotations

from toron.wire import http2_frames as frames
from toron.wire.events import Data as DataEvent
from toron.wire.events import End as EndEvent
from toron.wire.events import Event, Malformed, ResponseHead
from toron.wire.headers import Field
from toron.wire.http2_fields import read_request
from toron.wire.http2_flow import StreamEvent
from toron.wire.http2_frames import (
    NO_ERROR,
    PREFACE,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    STREAM_CLOSED,
    STREAM_MOST,
)
from toron.wire.http2_framing import Framing
from toron.wire.http2_limits import Http2Limits
from toron.wire.http2_messages import END
from toron.wire.http2_streams import BODY, DONE, Stream

_LIMITS = Http2Limits()


class Http2ServerCodec(Framing):
    """Reads requests, and says responses; any number of exchanges at the same time.

    An extended CONNECT (RFC 8441) is told as a GET that asks for an upgrade: saying 101 opens its
    tunnel, and both sides' Data are the other protocol's until their End.
    """

    __slots__ = ("_drain_last", "_skipped", "scheme")

    def __init__(self, limits: Http2Limits = _LIMITS, scheme: bytes = b"https") -> None:
        """`scheme` is that of the connection: `https` or `http`."""
        super().__init__(
            limits,
            {
                frames.MAX_CONCURRENT_STREAMS: limits.streams,
                frames.INITIAL_WINDOW_SIZE: limits.window,
                frames.MAX_HEADER_LIST_SIZE: limits.head_most,
                frames.ENABLE_CONNECT_PROTOCOL: 1,
                frames.NO_RFC7540_PRIORITIES: 1,
            },
            PREFACE,
        )
        self.scheme = scheme
        self._drain_last = -1
        """The last stream that is answered; below 0 where there will be more."""
        self._skipped = False
        """Whether the client left out a stream's number."""

    # --- requests -----------------------------------------------------------------------------

    def _read_section(self, number: int, fields: list[Field], ends: bool, events: list[StreamEvent]) -> None:
        stream = self._streams.get(number)
        if stream is not None:
            self._read_trailers(stream, fields, ends, events)
            return
        if number <= self._last:
            if number not in self._ours:
                # One that was left out is not over, but its number went back.
                code = PROTOCOL_ERROR if self._skipped else STREAM_CLOSED
                raise frames.ConnectionFault(code, "stream_state", f"HEADERS of stream {number} again")
            return
        if number != self._last + 2:
            self._skipped = True
        self._last = number
        if self._drain_last >= 0:
            self._say_reset(number, REFUSED_STREAM)
            return
        if len(self._streams) >= self.limits.streams:
            self._say_reset(number, REFUSED_STREAM)
            if self._settled:
                self._count(self._resets, "rapid_reset")
            return
        head = read_request(fields, ends, self.limits.fields_most)
        if self._selfish:
            raise Malformed("frame_malformed", "a stream that depends on itself")
        stream = Stream(number, self.limits.window, self._peer_window)
        stream.method = head.method
        stream.upgrade = head.upgrade
        if head.length is not None and not head.upgrade:
            stream.expected = head.length
        self._streams[number] = stream
        events.append((number, head))
        if ends:
            stream.reading = DONE
            events.append((number, END))
        else:
            stream.reading = BODY

    def _goaway_last(self) -> int:
        last = self._last if self._drain_last < 0 else self._drain_last
        return max(last, 0)

    # --- responses ----------------------------------------------------------------------------

    def send(self, stream: int, event: Event) -> None:
        """Say something to the client; ValueError when it is not what may come next.

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
        elif kind is ResponseHead:
            self._say_section(found, found.answer(event), 0)  # type: ignore[arg-type]
        else:
            raise ValueError(f"a server does not say {event!r}")

    # --- the end ------------------------------------------------------------------------------

    def drain(self) -> None:
        """Take no further streams, and finish those that there are.

        The client is told at once, and which stream was the last when it has seen that (section 6.8);
        with a second call without waiting for it.
        """
        if self.broken:
            return
        if self.draining:
            self._drained()
            return
        self.draining = True
        self._out.append(frames.goaway(STREAM_MOST, NO_ERROR))
        self._say_drain_ping()

    def _drained(self) -> None:
        if self.draining and self._drain_last < 0:
            self.close()

    def close(self, code: int = NO_ERROR, detail: bytes = b"") -> None:
        """Tell the client that the last stream was the last one there is."""
        if not self.broken:
            self.draining = True
            if self._drain_last < 0:
                self._drain_last = max(self._last, 0)
            self._out.append(frames.goaway(self._drain_last, code, detail))
