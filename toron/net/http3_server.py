"""A client's HTTP/3 connection: its streams become requests for a service, their responses bytes."""

from __future__ import annotations

from toron.core.refusal import HEAD_TIMEOUT, KEEPALIVE_TIMEOUT, REASONS, Reason, Refusal
from toron.core.wait import Wait
from toron.net.connection import Connection
from toron.net.http_site import HttpSite
from toron.net.http_stream import CUT, STALLED, HttpStream
from toron.net.living import Busy
from toron.net.quic_session import QuicSession
from toron.net.stream_tunnel import CANCELLED, ENOUGH
from toron.net.sweep import NEVER
from toron.wire.events import Data, End, Event, Malformed, RequestHead, Reset, Room
from toron.wire.http3_frames import INTERNAL_ERROR, NO_ERROR, REQUEST_CANCELLED
from toron.wire.http3_limits import Http3Limits
from toron.wire.http3_requests import CONNECTION, StreamEvent
from toron.wire.http3_server import Http3ServerCodec

_CODES = {CUT: INTERNAL_ERROR, STALLED: REQUEST_CANCELLED, ENOUGH: NO_ERROR, CANCELLED: REQUEST_CANCELLED}
_GOAWAY_SECONDS = 1.0
"""From telling a client to open no more streams to refusing them: what is on its way is answered."""
_LINGER = 3.0
"""Seconds to wait, with all said, for the client to have it."""
_PROBE_SECONDS = 15.0
"""Between two signs of life that a client is asked for while it waits for an answer."""


class Http3Server:
    """One connection: as many exchanges at a time as QUIC lets streams be open.

    It carries `HttpStream`s (see `Carrier`), and is told by its `QuicSession` what comes.
    """

    __slots__ = (
        "_codec", "_ending", "_leaving", "_served", "_session", "_streams", "_touched", "closed",
        "connection", "deadline", "ended", "full", "lingers", "origin", "site", "version",
    )  # fmt: skip

    def __init__(self, connection: Connection, session: QuicSession, site: HttpSite) -> None:
        self.connection = connection
        self.site = site
        self.origin = site.origin(connection)
        self.deadline = NEVER
        self.ended: Wait[None] = Wait()
        """Fires when the connection is over."""
        self.version = (3, 0)
        # To ask for no more (STOP_SENDING) is not to take back what was said.
        self.lingers = False
        self.full = False
        """QUIC has room for everything: what waits is counted for each stream."""
        self.closed = False
        self._session = session
        self._codec = Http3ServerCodec(
            session,
            Http3Limits(head_most=site.head_most, fields_most=site.fields_most, streams=site.streams_most),
        )
        self._streams: dict[int, HttpStream] = {}
        self._ending: set[int] = set()
        """Streams on which all is said, and much of it waits for the client."""
        self._touched: dict[HttpStream, None] = {}
        """Streams that something came for in this batch of datagrams."""
        self._served = 0
        self._leaving = False
        """Whether the client was told to open no more streams."""

    def start(self) -> None:
        """Begin to be told."""
        self.connection.drain = self.drain
        self.connection.tells = self.busy
        site = self.site
        site.sweep.watch(self)
        self.deadline = site.sweep.now + site.head_seconds
        if site.draining:
            self.drain()
        self._session.attach(self)

    # --- what comes ---------------------------------------------------------------------------

    def stream_data(self, stream: int, data: bytes, fin: bool) -> None:
        self._take(self._codec.receive(stream, data, fin, self.site.sweep.now))

    def stream_reset(self, stream: int, code: int) -> None:
        self._take(self._codec.receive_reset(stream, self.site.sweep.now))

    def stream_refused(self, stream: int, code: int) -> None:
        self._take(self._codec.receive_refusal(stream, self.site.sweep.now))

    def sent(self) -> bool:
        events = self._codec.sent()
        self._take(events)
        for number in list(self._ending):
            if not self._codec.queued(number):
                # It looks by itself only when its time is up.
                self._streams[number].expired(self.site.sweep.now)
        return bool(events)

    def settle(self) -> None:
        touched, self._touched = self._touched, {}
        for stream in touched:
            stream.settle()

    def _take(self, events: list[StreamEvent]) -> None:
        streams = self._streams
        for number, event in events:
            stream = streams.get(number)
            kind = type(event)
            if kind is RequestHead:
                stream = self._begin(number)
                stream.begin(event)  # type: ignore[arg-type]
                self._touched[stream] = None
            elif stream is None:
                self._of_none(number, event)
            elif kind is Data:
                stream.data(event.data)  # type: ignore[union-attr]
                self._touched[stream] = None
            elif kind is End:
                stream.end(event.trailers)  # type: ignore[union-attr]
                self._touched[stream] = None
            elif kind is Room:
                stream.room()
            elif kind is Reset:
                stream.lost()
            elif kind is Malformed:
                stream.malformed(event)  # type: ignore[arg-type]

    def _begin(self, number: int) -> HttpStream:
        stream = self._streams[number] = HttpStream(self, number)
        self._served += 1
        if not self._leaving:
            self.deadline = self.site.sweep.now + _PROBE_SECONDS
        if 0 < self.site.max_requests <= self._served:
            self.drain()
        return stream

    def _of_none(self, number: int, event: Event) -> None:
        """Something of no stream of ours: of the connection, or of a stream whose head was no good."""
        if type(event) is not Malformed:
            return
        if number == CONNECTION:
            reason = self.connection.reason = REASONS[event.word]
            self._end(reason, event.detail)
        else:
            self._begin(number).malformed(event)

    # --- what leaves --------------------------------------------------------------------------

    def say(self, stream: int, event: Event) -> None:
        self._codec.send(stream, event)
        if type(event) is End and self._codec.queued(stream):
            self._ending.add(stream)

    def flush(self) -> None:
        self._session.flush()

    def queued(self, stream: int) -> int:
        return self._codec.queued(stream)

    def credit(self, stream: int, size: int) -> None:
        self._codec.credit(stream, size)

    def reset(self, stream: int, why: str) -> None:
        self._codec.reset(stream, _CODES[why])

    def over(self, stream: HttpStream) -> None:
        self._ending.discard(stream.number)
        if self._streams.pop(stream.number, None) is None or self._streams or self.closed:
            return
        if self._leaving:
            self._leave()
        else:
            self.deadline = self.site.sweep.now + self.site.keepalive_seconds

    # --- the end of the connection ------------------------------------------------------------

    def busy(self) -> Busy:
        """What it does now, for who asks."""
        requests = [each.request for each in self._streams.values() if each.request is not None]
        return Busy("h3", requests)

    def drain(self) -> None:
        """End soon: streams that began are answered, and so are those that are on their way."""
        if self.closed or self._leaving:
            return
        self._leaving = True
        self._codec.drain()
        for stream in list(self._streams.values()):
            stream.drain()
        self.deadline = self.site.sweep.now + _GOAWAY_SECONDS
        self.flush()

    def finished(self) -> None:
        if self._leaving and not self._streams:
            self._leave()

    def _leave(self) -> None:
        """Close, when the client was told that and has all it asked for: what is on its way would be lost."""
        if not self._codec.settled:
            return
        if self._session.unfinished:
            self.deadline = self.site.sweep.now + _LINGER
        else:
            self._close()

    def expired(self, now: float) -> None:
        if self._leaving and not self._codec.settled:
            self._codec.drain()
            self.flush()
            if not self._streams:
                self._leave()
                return
        if self._streams:
            # Without this a connection would be idle, to QUIC, while a server takes its time.
            self._session.ping()
            self.deadline = now + _PROBE_SECONDS
            return
        if not self._leaving:
            if self._served:
                self.site.stats.refuse(KEEPALIVE_TIMEOUT.word)
            else:
                self.connection.reason = HEAD_TIMEOUT
        self._close()

    def connection_lost(self, refusal: Refusal) -> None:
        self._end(refusal.reason, refusal.detail)

    def _close(self) -> None:
        """Say the last frame."""
        self._codec.close()
        self._end(None, "")

    def _end(self, reason: Reason | None, detail: str) -> None:
        """The connection is over; `reason` is why its exchanges are cut."""
        if self.closed:
            return
        self.closed = True
        self.site.sweep.forget(self)
        if reason is not None:
            for stream in list(self._streams.values()):
                stream.lost(reason, detail)
        self.connection.tell(self.ended)
