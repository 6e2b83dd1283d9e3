"""A client's HTTP/2 connection: its streams become requests for a service, their responses bytes."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.python.failure import Failure
from zope.interface import classImplements

from toron.core.refusal import (
    CLIENT_GONE,
    CLIENT_STALLED,
    DRAINED,
    HEAD_TIMEOUT,
    KEEPALIVE_TIMEOUT,
    REASONS,
    Reason,
)
from toron.core.wait import Wait
from toron.net.connection import Connection
from toron.net.http_site import HttpSite
from toron.net.http_stream import CUT, STALLED, HttpStream
from toron.net.late import NEVER as NEVER_LATE
from toron.net.late import Late
from toron.net.living import Busy
from toron.net.socket_state import bytes_taken
from toron.net.stream_tunnel import CANCELLED, ENOUGH
from toron.net.sweep import NEVER
from toron.wire.events import Data, End, Event, Malformed, RequestHead, Reset, Room
from toron.wire.http2_frames import CANCEL, INTERNAL_ERROR, NO_ERROR
from toron.wire.http2_limits import Http2Limits
from toron.wire.http2_server import Http2ServerCodec

_CODES = {CUT: INTERNAL_ERROR, STALLED: CANCEL, ENOUGH: NO_ERROR, CANCELLED: CANCEL}
_LINGER = 3.0
"""Seconds to wait, after the last frame, for the client to close: closing on bytes nobody read would
reset the connection, and the reset may overtake that frame."""
_OWED_MOST = 256 << 10
"""Bytes that a client may ask for while it takes none, before it is not listened to any more."""


class Http2Server:
    """One connection: as many exchanges at a time as its limits allow.

    It carries `HttpStream`s (see `Carrier`), and is the producer of its transport.
    """

    __slots__ = (
        "_closing", "_codec", "_descriptor", "_held_up", "_late", "_owed", "_patience", "_served",
        "_streams", "_taken", "closed", "connection", "deadline", "ended", "full", "lingers", "origin",
        "site", "transport", "version", "waits",
    )  # fmt: skip

    def __init__(self, connection: Connection, site: HttpSite) -> None:
        self.connection = connection
        self.site = site
        self.origin = site.origin(connection)
        self.transport: Any = None
        self.deadline = NEVER
        self.ended: Wait[None] = Wait()
        """Fires when the connection is over."""
        self.version = (2, 0)
        self.lingers = True
        self.full = False
        self.closed = False
        self.waits = False
        """What was said goes out at the end of this batch of events."""
        limits = Http2Limits(
            head_most=site.head_most, fields_most=site.fields_most, streams=site.streams_most
        )
        self._codec = Http2ServerCodec(limits, site.scheme)
        self._late: Late = getattr(site.reactor, "late", NEVER_LATE)
        self._streams: dict[int, HttpStream] = {}
        self._served = 0
        self._closing = False
        self._held_up = False
        self._descriptor = -1
        self._owed = 0
        """Bytes written since the transport took no more."""
        self._taken = 0
        """Bytes the client had taken when we looked last."""
        self._patience = 0.0
        """Seconds until the next look."""

    # --- a protocol ---------------------------------------------------------------------------

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport
        transport.registerProducer(self, True)
        self.connection.drain = self.drain
        self.connection.tells = self.busy
        self.site.sweep.watch(self)
        self.deadline = self.site.sweep.now + self.site.head_seconds
        if self.site.draining:
            self._codec.drain()
        self.flush()

    def dataReceived(self, data: bytes) -> None:
        if self._closing:
            return
        self._take(self._codec.receive(data, self.site.sweep.now))
        if not self.closed:
            self.flush()

    def readConnectionLost(self) -> None:
        """Who does not talk does not listen either: HTTP/2 has no half a connection."""
        if self.closed:
            return
        if not self._closing:
            self._interrupt(CLIENT_GONE)
            self._close()
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Our own doing, after the last frame."""

    def connectionLost(self, reason: Failure) -> None:
        if self.closed:
            return
        self.closed = True
        self.site.sweep.forget(self)
        self._look_away()
        cut = self.site.draining and reason.check(ConnectionAborted)
        self._interrupt(DRAINED if cut else CLIENT_GONE)
        self.connection.lost(reason)
        self.connection.tell(self.ended)

    # --- what comes ---------------------------------------------------------------------------

    def _take(self, events: list[tuple[int, Event]]) -> None:
        streams = self._streams
        touched: list[HttpStream] = []
        for number, event in events:
            stream = streams.get(number)
            kind = type(event)
            if kind is RequestHead:
                stream = self._begin(number)
                stream.begin(event)  # type: ignore[arg-type]
                touched.append(stream)
            elif stream is None:
                self._of_none(number, event)
            elif kind is Data:
                stream.data(event.data)  # type: ignore[union-attr]
                touched.append(stream)
            elif kind is End:
                stream.end(event.trailers)  # type: ignore[union-attr]
                touched.append(stream)
            elif kind is Room:
                stream.room()
            elif kind is Reset:
                stream.lost()
            elif kind is Malformed:
                stream.malformed(event)  # type: ignore[arg-type]
        for stream in touched:
            stream.settle()

    def _begin(self, number: int) -> HttpStream:
        stream = self._streams[number] = HttpStream(self, number)
        self._served += 1
        self.deadline = NEVER
        if 0 < self.site.max_requests <= self._served and not self._codec.draining:
            self._codec.drain()
        return stream

    def _of_none(self, number: int, event: Event) -> None:
        """Something of no stream of ours: of the connection, or of a stream whose head was no good."""
        if type(event) is not Malformed:
            return
        if number:
            self._begin(number).malformed(event)
        else:
            reason = self.connection.reason = REASONS[event.word]
            self._interrupt(reason, event.detail)
            self._close()

    # --- what leaves --------------------------------------------------------------------------

    def say(self, stream: int, event: Event) -> None:
        self._codec.send(stream, event)

    def flush(self) -> None:
        if self.waits:
            return
        if self._late.open:
            self.waits = True
            self._late.add(self)
        else:
            self.send()

    def send(self) -> None:
        """Send what was said during this batch of events."""
        self.waits = False
        data = self._codec.outgoing()
        if not data or self.closed:
            return
        if self.full:
            self._owed += len(data)
            if self._owed > _OWED_MOST:
                self._hold_up()
        self.transport.write(data)

    def queued(self, stream: int) -> int:
        return self._codec.queued(stream)

    def credit(self, stream: int, size: int) -> None:
        self._codec.credit(stream, size)

    def reset(self, stream: int, why: str) -> None:
        self._codec.reset(stream, _CODES[why])

    def over(self, stream: HttpStream) -> None:
        if self._streams.pop(stream.number, None) is None or self._streams:
            return
        if self._codec.draining:
            self._close()
        elif not self.full:
            self.deadline = self.site.sweep.now + self.site.keepalive_seconds

    # --- back-pressure ------------------------------------------------------------------------

    def pauseProducing(self) -> None:
        if self.full:
            return
        self.full = True
        self._owed = 0
        self._taken = bytes_taken(self.transport)
        self._patience = self.site.write_seconds
        self.deadline = self.site.sweep.now + self._patience
        for stream in list(self._streams.values()):
            stream.hold()

    def resumeProducing(self) -> None:
        self.full = False
        if self._closing:
            return
        self.deadline = NEVER if self._streams else self.site.sweep.now + self.site.keepalive_seconds
        if self._held_up:
            self._held_up = False
            self._look_away()
            self.transport.resumeProducing()
        for stream in list(self._streams.values()):
            stream.go_on()

    def stopProducing(self) -> None:
        """The transport is lost; connectionLost says so too."""

    def _hold_up(self) -> None:
        if not self._held_up and not self._closing:
            self._held_up = True
            self.transport.pauseProducing()
            self._descriptor = self.site.unread.add(self)

    def _look_away(self) -> None:
        if self._descriptor >= 0:
            self.site.unread.remove(self._descriptor)
            self._descriptor = -1

    def client_ended(self) -> None:
        """It has said all it will say; some of that may be to take what it asked for."""

    def client_reset(self) -> None:
        self._interrupt(CLIENT_GONE)
        self._abort()

    # --- the end of the connection ------------------------------------------------------------

    def busy(self) -> Busy:
        """What it does now, for who asks."""
        requests = [each.request for each in self._streams.values() if each.request is not None]
        return Busy("h2", requests)

    def drain(self) -> None:
        """End soon: streams that began are answered, further ones refused."""
        if self._closing:
            return
        self._codec.drain()
        for stream in list(self._streams.values()):
            stream.drain()
        if self._streams:
            self.flush()
        else:
            self._close()

    def expired(self, now: float) -> None:
        if self._closing and self._patience == _LINGER:
            self._abort()
        elif self._closing or self.full:
            taken = bytes_taken(self.transport)
            if taken > self._taken:
                # Slow is not stalled.
                self._taken = taken
                self.deadline = now + self._patience
            else:
                self._interrupt(CLIENT_STALLED)
                self._abort()
        elif not self._streams:
            if self._served:
                self.site.stats.refuse(KEEPALIVE_TIMEOUT.word)
            else:
                self.connection.reason = HEAD_TIMEOUT
            self._close()

    def _interrupt(self, reason: Reason, detail: str = "") -> None:
        for stream in list(self._streams.values()):
            stream.lost(reason, detail)

    def _close(self) -> None:
        """Say the last frame, and close when the client has it."""
        if self._closing or self.closed:
            return
        self._closing = True
        self._codec.close()
        self.send()
        if self._held_up:
            self._held_up = False
            self._look_away()
            self.transport.resumeProducing()
        # A transport with a producer that it has paused would wait for it instead of closing.
        self.transport.unregisterProducer()
        self._patience = self.site.write_seconds if self.full else _LINGER
        self._taken = bytes_taken(self.transport)
        self.deadline = self.site.sweep.now + self._patience
        self.transport.loseWriteConnection()

    def _abort(self) -> None:
        self._closing = True
        self.transport.abortConnection()


classImplements(Http2Server, IHalfCloseableProtocol, IPushProducer)
