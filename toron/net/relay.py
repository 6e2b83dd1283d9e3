"""Joins two transports: what one side says the other hears, as fast as it can drink."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from toron.core.refusal import (
    CLIENT_GONE,
    DRAINED,
    IDLE_TIMEOUT,
    PEER_RESET,
    REASONS,
    UPSTREAM_RESET,
    Reason,
)
from toron.core.wait import Wait
from toron.net.shortcut import BULK, SMALL, RelayShortcut
from toron.net.splice import supported
from toron.net.stream import Stream
from toron.net.sweep import NEVER, Sweep
from toron.net.tls import TlsLayer
from toron.wire.websocket import Frames, close_frame

TRUNCATED = REASONS["truncated"]


@implementer(IHalfCloseableProtocol, IPushProducer)
class RelayEnd:
    """One side of a relay: what it receives goes to the other side's transport.

    To that transport it is the producer, which is paused while what it sent is not taken.
    """

    __slots__ = ("_relay", "closed", "full", "other", "received", "transport")

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self.transport: Any = None
        self.other: RelayEnd = self
        self.received = 0
        """Bytes this side has sent us."""
        self.full: float = 0
        """Reads in a row that had as much as bulk has; infinite where there is no shortcut."""
        self.closed = False
        """Whether this side will send no more."""

    def dataReceived(self, data: bytes) -> None:
        size = len(data)
        self.received += size
        relay = self._relay
        relay.deadline = relay.sweep.now + relay.idle
        self.other.transport.write(data)
        if size >= SMALL:
            self.full += 1
            if self.full == BULK:
                self.shorten()
        elif self.full < BULK:
            self.full = 0

    def shorten(self) -> None:
        """There is bulk: have it moved without us, where both are plain TCP."""
        source, destination = self.transport, self.other.transport
        if supported() and type(source) is Stream and type(destination) is Stream:
            RelayShortcut(self, source, destination)
        else:
            self.full = NEVER

    def moved(self, size: int) -> None:
        """So many bytes of this side were taken on the shortcut; 0 where only some went out."""
        self.received += size
        relay = self._relay
        if not relay.finished:
            relay.deadline = relay.sweep.now + relay.idle

    def readConnectionLost(self) -> None:
        self._over(cut=False)

    def read_cut(self) -> None:
        """Its TLS stream ended without saying so: what came goes on, but to TLS not as the whole of it."""
        if not self.other.closed:
            self._relay.reason = TRUNCATED
        self._over(cut=True)

    def _over(self, *, cut: bool) -> None:
        if self.closed:
            return
        self.closed = True
        transport = self.other.transport
        # A producer that is paused would keep the other side from ending: Twisted asks it for more first.
        transport.unregisterProducer()
        if cut and isinstance(transport, TlsLayer):
            transport.cut_write()
        elif not self.other.closed:
            transport.loseWriteConnection()
        if self.other.closed:
            self._relay.finish(None)

    def writeConnectionLost(self) -> None:
        """We have said all we will say to this side."""

    def connectionLost(self, reason: Failure) -> None:
        self._relay.lost(self, reason)

    def pauseProducing(self) -> None:
        self.transport.pauseProducing()
        self._relay.sweep.stalled.add(self)

    def resumeProducing(self) -> None:
        self._relay.sweep.stalled.discard(self)
        if not self.closed:
            self.transport.resumeProducing()

    def stopProducing(self) -> None:
        """The other side is gone; `Relay.lost` hears of it next, and knows how this side is to end."""

    def fileno(self) -> int:
        """The socket's number, for `Stalled`; a stream of a connection has none."""
        handle = self.transport.getHandle()
        return -1 if handle is None else int(handle.fileno())

    def broken(self) -> None:
        """It was reset while nobody read from it."""
        relay = self._relay
        relay.abort(PEER_RESET if self is relay.client else UPSTREAM_RESET)


class FramedEnd(RelayEnd):
    """The server's side of a WebSocket: keeps count of frames, so that a goodbye fits between two."""

    __slots__ = ("frames", "leaving")

    def __init__(self, relay: Relay) -> None:
        super().__init__(relay)
        self.frames = Frames()
        self.leaving = False
        self.full = NEVER

    def dataReceived(self, data: bytes) -> None:
        if self.leaving:
            # The client was told goodbye; nothing may follow a close frame (RFC 6455 section 5.5.1).
            return
        self.frames.feed(data)
        super().dataReceived(data)
        if self._relay.draining and self.frames.at_boundary:
            self.leave()

    def leave(self) -> None:
        """Say 1001 (going away) to the client; its answer travels on to the server."""
        if not self.leaving:
            self.leaving = True
            self.other.transport.write(close_frame(1001))


class Relay:
    """Two joined transports. `ended` fires when both are gone; `reason` says why, None for an orderly end.

    Half-closes are passed on: of TLS a close_notify is one, and a stream that was cut without it
    stays one that was cut. A reset on one side resets the other. After `idle` seconds without a
    byte both are cut, and so is what is not taken within `idle` seconds after the end.
    """

    __slots__ = ("client", "deadline", "draining", "ended", "finished", "idle", "reason", "server", "sweep")

    def __init__(self, sweep: Sweep, idle: float, *, websocket: bool = False) -> None:
        self.sweep = sweep
        self.idle = idle if idle > 0 else NEVER
        self.deadline = NEVER
        self.client = RelayEnd(self)
        self.server: RelayEnd = FramedEnd(self) if websocket else RelayEnd(self)
        self.client.other, self.server.other = self.server, self.client
        self.ended: Wait[None] = Wait()
        self.reason: Reason | None = None
        self.draining = False
        self.finished = False
        """Whether it is over but for what must still go out."""

    def join(self, client: Any, server: Any, from_client: bytes = b"", from_server: bytes = b"") -> None:
        """Take over two paused transports, and what was already read from each."""
        self.client.transport, self.server.transport = client, server
        client.protocol = self.client
        server.protocol = self.server
        client.registerProducer(self.server, True)
        server.registerProducer(self.client, True)
        self.deadline = self.sweep.now + self.idle
        self.sweep.watch(self)
        if from_client:
            self.client.dataReceived(from_client)
        if from_server:
            self.server.dataReceived(from_server)
        if not self.finished:
            client.resumeProducing()
            server.resumeProducing()

    def drain(self) -> None:
        """Ask for an end soon; only WebSocket has a way to."""
        self.draining = True
        if not self.finished and isinstance(self.server, FramedEnd) and self.server.frames.at_boundary:
            self.server.leave()

    def abort(self, reason: Reason) -> None:
        """Cut both sides."""
        self._end(reason, orderly=False)

    def finish(self, reason: Reason | None) -> None:
        """Both sides have said all they had to say."""
        self._end(reason, orderly=True)

    def expired(self, now: float) -> None:
        if self.finished:
            self._cut()
        else:
            self.abort(IDLE_TIMEOUT)

    def lost(self, end: RelayEnd, reason: Failure) -> None:
        """One side's connection is gone."""
        if not self.finished:
            orderly = isinstance(reason.value, ConnectionDone)
            why: Reason | None = None
            if self.draining and isinstance(reason.value, ConnectionAborted):
                why = DRAINED
            elif not orderly:
                why = PEER_RESET if end is self.client else UPSTREAM_RESET
            elif self.draining and not end.closed:
                why = DRAINED
            elif not end.closed and end is self.client:
                why = CLIENT_GONE
            self._end(why, orderly)
        end.transport = _GONE
        if self.client.transport is _GONE and self.server.transport is _GONE:
            self.sweep.forget(self)
            for each in (self.client, self.server):
                # Without these circles all of it is freed at once, and not by the garbage collector.
                del each.other, each._relay
            self.ended.fire(None)

    def _end(self, reason: Reason | None, orderly: bool) -> None:
        if self.finished:
            return
        self.finished = True
        self.reason = self.reason or reason
        for end in (self.client, self.server):
            self.sweep.stalled.discard(end)
            if end.transport is not _GONE:
                end.transport.unregisterProducer()
        if not orderly:
            self._cut()
            return
        # What was written may still have to go out, to a side that need not take it.
        self.deadline = self.sweep.now + self.idle
        for end in (self.client, self.server):
            transport = end.transport
            if type(transport) is Stream:
                transport.close()
            elif transport is not _GONE:
                transport.loseConnection()

    def _cut(self) -> None:
        self.deadline = NEVER
        for end in (self.client, self.server):
            if end.transport is not _GONE:
                end.transport.abortConnection()


class _Gone:
    """Where a lost transport was; swallows what is still said to it."""

    def write(self, data: bytes) -> None:
        """Nobody hears it."""

    def loseWriteConnection(self) -> None:
        """It is closed already."""

    def unregisterProducer(self) -> None:
        """It has none."""

    def resumeProducing(self) -> None:
        """It has nothing more to say."""


_GONE = _Gone()
