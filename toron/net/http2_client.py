"""A connection to a server that speaks HTTP/2: many exchanges at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from zope.interface import classImplements

from toron.core.refusal import UPSTREAM_BAD, UPSTREAM_CLOSED, UPSTREAM_IDLE, UPSTREAM_RESET, UpstreamFailed
from toron.core.server import Server
from toron.net.http2_exchange import UpstreamStream
from toron.net.late import Late
from toron.net.socket_state import bytes_taken
from toron.net.sweep import NEVER, Sweep
from toron.wire.events import Data, End, Event, GoingAway, Malformed, RequestHead, Reset, ResponseHead, Room
from toron.wire.http2_client import Http2ClientCodec
from toron.wire.http2_limits import Http2Limits

WINDOW = 1 << 20
"""Bytes of a response that a server may send ahead of whoever takes them."""
_LIMITS = Http2Limits(head_most=64 << 10, fields_most=200, window=WINDOW)
_PATIENCE = 10.0
"""Seconds that a server may take nothing of what it is sent, before we look again."""


class Http2Upstream:
    """Carries exchanges with one server; `gone` is told when no further one may begin.

    It closes itself after `idle_seconds` without one.
    """

    __slots__ = (
        "_closing", "_codec", "_idle_seconds", "_late", "_streams", "_sweep", "_taken",
        "deadline", "full", "gone", "lost", "server", "transport", "used", "waits",
    )  # fmt: skip

    def __init__(self, server: Server, sweep: Sweep, idle_seconds: float, late: Late, scheme: bytes) -> None:
        self.server = server
        self.transport: Any = None
        self.gone: Callable[[Http2Upstream], None] | None = None
        self.deadline = NEVER
        self.lost = False
        self.used = False
        """Whether an exchange over it was answered."""
        self.full = False
        self.waits = False
        """What was said goes out at the end of this batch of events."""
        self._sweep = sweep
        self._idle_seconds = idle_seconds
        self._codec = Http2ClientCodec(_LIMITS, scheme)
        self._late = late
        self._streams: dict[int, UpstreamStream] = {}
        self._closing = False
        self._taken = 0

    # --- exchanges ----------------------------------------------------------------------------

    @property
    def free(self) -> int:
        """How many exchanges may begin now."""
        return 0 if self.lost or self._closing else self._codec.free

    @property
    def busy(self) -> int:
        """How many exchanges are under way."""
        return len(self._streams)

    def request(self, stream: UpstreamStream, head: RequestHead) -> int:
        """Begin an exchange; the number of its stream. ValueError for a head that can not be said."""
        number = self._codec.request(head)
        self._streams[number] = stream
        if not self.full:
            self.deadline = NEVER
        return number

    def say(self, number: int, event: Event) -> None:
        """Say more of a request."""
        self._codec.send(number, event)

    def queued(self, number: int) -> int:
        """Bytes said that wait for the server's flow control."""
        return self._codec.queued(number)

    def credit(self, number: int, size: int) -> None:
        """So many bytes of the response's body were taken."""
        self._codec.credit(number, size)

    def reset(self, number: int, code: int) -> None:
        """Give an exchange up."""
        self._codec.reset(number, code)

    def over(self, number: int) -> None:
        """An exchange has nothing more to do."""
        self._streams.pop(number, None)
        if not self._streams and not self.lost:
            if self._codec.draining:
                self.close()
            elif not self.full:
                self.deadline = self._sweep.now + self._idle_seconds

    def flush(self) -> None:
        """What was said may go out now, or at the end of this batch of events."""
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
        if data and not self.lost:
            self.transport.write(data)

    # --- a protocol ---------------------------------------------------------------------------

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport
        transport.registerProducer(self, True)
        self._sweep.watch(self)
        self.deadline = self._sweep.now + self._idle_seconds
        self.flush()

    def dataReceived(self, data: bytes) -> None:
        if self.lost:
            return
        streams = self._streams
        touched: list[UpstreamStream] = []
        for number, event in self._codec.receive(data, self._sweep.now):
            stream = streams.get(number)
            if stream is None:
                self._of_none(number, event)
                continue
            kind = type(event)
            if kind is Data:
                stream.data(event.data)  # type: ignore[union-attr]
                touched.append(stream)
            elif kind is ResponseHead:
                self.used = True
                stream.head(event)  # type: ignore[arg-type]
                touched.append(stream)
            elif kind is End:
                stream.end(event.trailers)  # type: ignore[union-attr]
                touched.append(stream)
            elif kind is Room:
                stream.room()
            elif kind is Reset:
                stream.was_reset(event)  # type: ignore[arg-type]
            elif kind is Malformed:
                stream.malformed(event)  # type: ignore[arg-type]
        for stream in touched:
            stream.settle()
        if not self.lost:
            self.flush()

    def connectionLost(self, reason: Failure) -> None:
        self.lost = True
        self._sweep.forget(self)
        orderly = bool(reason.check(ConnectionDone))
        self._fail(UpstreamFailed(UPSTREAM_CLOSED if orderly else UPSTREAM_RESET))
        self._tell_gone()

    def _of_none(self, number: int, event: Event) -> None:
        """Something of no exchange of ours: of the connection, or of an exchange that was given up."""
        if number:
            return
        if type(event) is GoingAway:
            self._tell_gone()
            if not self._streams:
                self.close()
        elif type(event) is Malformed:
            self.send()
            self._drop(UpstreamFailed(UPSTREAM_BAD, f"{event.word} {event.detail}".strip()))

    def _tell_gone(self) -> None:
        gone, self.gone = self.gone, None
        if gone is not None:
            gone(self)

    def _fail(self, error: UpstreamFailed) -> None:
        for stream in list(self._streams.values()):
            stream.fail(error)

    def _drop(self, error: UpstreamFailed) -> None:
        """It is of no more use to anybody."""
        self.lost = True
        self._sweep.forget(self)
        self.transport.abortConnection()
        self._fail(error)
        self._tell_gone()

    # --- back-pressure ------------------------------------------------------------------------

    def pauseProducing(self) -> None:
        if not self.full:
            self.full = True
            self._taken = bytes_taken(self.transport)
            self.deadline = self._sweep.now + _PATIENCE
            for stream in list(self._streams.values()):
                stream.hold()

    def resumeProducing(self) -> None:
        self.full = False
        self.deadline = NEVER if self._streams else self._sweep.now + self._idle_seconds
        for stream in list(self._streams.values()):
            stream.go_on()

    def stopProducing(self) -> None:
        """The transport is lost; connectionLost says so too."""

    def expired(self, now: float) -> None:
        if self.full:
            taken = bytes_taken(self.transport)
            if taken > self._taken:
                # Slow is not stalled.
                self._taken = taken
                self.deadline = now + _PATIENCE
            else:
                self._drop(UpstreamFailed(UPSTREAM_IDLE))
        elif not self._streams:
            self.close()

    # --- endings ------------------------------------------------------------------------------

    def close(self) -> None:
        """Close it when it has nothing to do, or as soon as it has not."""
        if self.lost:
            return
        self._codec.drain()
        self._tell_gone()
        if self._streams:
            self._closing = True
            self.flush()
            return
        self.send()
        self.lost = True
        self._sweep.forget(self)
        self.transport.unregisterProducer()
        self.transport.loseConnection()


classImplements(Http2Upstream, IPushProducer)
