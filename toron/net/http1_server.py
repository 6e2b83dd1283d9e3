"""A client's HTTP/1.1 connection: bytes become requests for a service, its responses bytes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from toron.core.body import Body
from toron.core.error_page import refused
from toron.core.forwarding import Forwarding
from toron.core.message import Request, Response
from toron.core.path import route_path
from toron.core.refusal import (
    BODY_TIMEOUT,
    BODY_TOO_LARGE,
    CLIENT_GONE,
    CLIENT_STALLED,
    HEAD_TIMEOUT,
    INTERNAL,
    REASONS,
    Reason,
    Refusal,
)
from toron.core.wait import Cancelled, Task, Wait
from toron.net.connection import Connection
from toron.net.relay import Relay
from toron.net.sweep import NEVER, Sweep
from toron.wire.events import Data, End, Malformed, RequestHead, ResponseHead
from toron.wire.headers import Headers
from toron.wire.http1 import Reading, ServerCodec, Writing

_END = End()
_PHRASES = {int(status): status.phrase.encode("ascii") for status in HTTPStatus}
_PIPELINED_MOST = 64 << 10
_GRACE = 0.5
"""Seconds that a client which has said all it will say is still waited for: the end of its stream
may mean `that was my last request` as well as `I am gone`."""
_LINGER = 1.0
"""Seconds to keep reading after an early answer, so that the client gets to see it."""
_LINGER_MOST = 256 << 10

_BODY, _PIPELINE = 1, 2


class HttpSite:
    """What all HTTP connections of one listener share."""

    __slots__ = (
        "_date", "_date_until", "body_limit", "body_seconds", "draining", "fields_most", "finished", "forwarding", "head_most",
        "head_seconds", "keepalive_seconds", "listener", "log", "max_requests", "new_id", "port", "reactor",
        "scheme", "service", "stats", "sweep", "tunnel_seconds", "wall", "write_seconds",
    )  # fmt: skip

    def __init__(
        self,
        *,
        reactor: Any,
        sweep: Sweep,
        listener: str,
        scheme: bytes,
        service: Callable[[Request], Awaitable[Response]],
        forwarding: Forwarding,
        finished: Callable[[HttpServer, Request, int, int, Reason | None, str], None],
        new_id: Callable[[], str],
        wall: Callable[[], float],
        stats: Any,
    ) -> None:
        """`wall` gives Unix seconds; sizes below are in bytes, times in seconds."""
        self.reactor = reactor
        self.sweep = sweep
        self.listener = listener
        self.scheme = scheme
        self.service = service
        self.forwarding = forwarding
        self.finished = finished
        """Told of every exchange that is over: connection, request, status, body bytes sent, reason, detail."""
        self.new_id = new_id
        self.wall = wall
        self.stats = stats
        self._date = b""
        self._date_until = 0.0
        self.port = 0
        self.head_most = 32 << 10
        self.fields_most = 100
        self.body_limit = 256 << 20
        self.max_requests = 0
        self.head_seconds = 10.0
        self.body_seconds = 60.0
        self.keepalive_seconds = 75.0
        self.write_seconds = 60.0
        self.tunnel_seconds = 3600.0
        self.draining = False
        self.log = Logger()

    def drain(self) -> None:
        """Every answer from here on is the last of its connection."""
        self.draining = True

    def date(self) -> bytes:
        """The time for a Date field (RFC 9110 section 6.6.1), written once a second."""
        if self.sweep.now >= self._date_until:
            self._date_until = self.sweep.now + 1.0
            self._date = formatdate(self.wall(), usegmt=True).encode("ascii")
        return self._date


@implementer(IHalfCloseableProtocol, IPushProducer)
class HttpServer:
    """One connection: one exchange at a time, in the order the requests came.

    A Sink for the response's body, the Source of the request's, the producer of its transport.
    """

    __slots__ = (
        "_body", "_closing", "_codec", "_full", "_grace", "_held_up", "_lingered", "_reading", "_relay",
        "_response", "_sent", "_served", "_site", "_status", "_task", "closed", "connection", "deadline",
        "ended", "request", "transport",
    )  # fmt: skip

    def __init__(self, connection: Connection, site: HttpSite) -> None:
        self.connection = connection
        self.transport: Any = None
        self.deadline = NEVER
        self.ended: Wait[None] = Wait()
        """Fires when the connection is over."""
        self.request: Request | None = None
        self.closed = False
        self._site = site
        self._codec = ServerCodec(site.head_most, site.fields_most)
        self._task: Task[Response] | None = None
        self._body: Body | None = None
        """The request's body, until it is whole."""
        self._response: Body | None = None
        """The response's body, until it is whole."""
        self._status = 0
        self._sent = 0
        self._served = 0
        self._reading = False
        self._held_up = 0
        self._full = False
        self._closing = False
        self._lingered = 0
        self._grace: Any = None
        self._relay: Relay | None = None

    # --- a protocol ---------------------------------------------------------------------------

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport
        transport.registerProducer(self, True)
        self.connection.drain = self.drain
        self._site.sweep.watch(self)
        self.deadline = self._site.sweep.now + self._site.head_seconds

    def dataReceived(self, data: bytes) -> None:
        if self._closing:
            self._linger(data)
            return
        codec = self._codec
        if self._body is not None:
            self.deadline = self._site.sweep.now + self._site.body_seconds
        elif self.request is None and codec.pending == 0:
            # The first byte of a head: from here on the head has its time, not the idle connection.
            self.deadline = self._site.sweep.now + self._site.head_seconds
        self._read(data)

    def _read(self, data: bytes) -> None:
        """Read, and go on reading pipelined requests for as long as they are answered at once."""
        codec = self._codec
        self._reading = True
        try:
            while True:
                events = codec.receive(data)
                if events:
                    self._take(events)
                if self.closed or self._closing or not codec.pending or self.request is not None:
                    break
                if not codec.between or not events:
                    break
                data = b""
        finally:
            self._reading = False
        if self.request is not None and self._body is None and codec.pending > _PIPELINED_MOST:
            self._hold_up(_PIPELINE)

    def _take(self, events: list[Any]) -> None:
        started: Request | None = None
        body = self._body
        for event in events:
            kind = type(event)
            if kind is Data:
                if body is not None:
                    body.feed(event.data)
            elif kind is RequestHead:
                if type(events[-1]) is Malformed:
                    # Nothing of it may reach a server, not even the part that was well formed.
                    self._malformed(events[-1], event)
                    return
                started = self._begin(event)
                if started is None:
                    return
                body = self._body
            elif kind is End:
                if body is not None:
                    self._body = None
                    if self.deadline != NEVER:
                        self.deadline = NEVER
                    body.end(event.trailers)
            else:
                self._malformed(event, None)
                return
        if started is not None:
            self._serve(started)
        elif body is not None:
            body.flush()

    def readConnectionLost(self) -> None:
        if self.closed or self._closing:
            self._close_now()
            return
        for event in self._codec.receive_eof():
            if self._body is not None or self._task is not None:
                self._gone()
                return
            self._malformed(event, None)  # type: ignore[arg-type]
            return
        if self.request is None:
            self._close_now()
        else:
            self._grace = self._site.reactor.callLater(_GRACE, self._gone)

    def writeConnectionLost(self) -> None:
        """Our own doing, after an early answer."""

    def connectionLost(self, reason: Failure) -> None:
        if self.closed:
            return
        self.closed = True
        self._site.sweep.forget(self)
        if self._grace is not None and self._grace.active():
            self._grace.cancel()
        self._interrupt(CLIENT_GONE)
        self.connection.lost(reason)
        self.ended.fire(None)

    # --- a request ----------------------------------------------------------------------------

    def _begin(self, head: RequestHead) -> Request | None:
        """Make a Request of a head; None when it was refused right here."""
        site = self._site
        self._served += 1
        if site.draining or (site.max_requests and self._served >= site.max_requests):
            self._codec.close_next = True
        connection = self.connection
        path, question, query = head.target.partition(b"?")
        headers = head.headers
        request = Request(head.method, path, headers, query=query if question else None)
        request.id = site.new_id()
        request.arrived = site.reactor.seconds()
        request.version = head.version
        request.scheme = site.scheme
        request.listener = site.listener
        request.port = site.port
        request.host = _host_only(head.authority)
        request.peer_ip = connection.client_ip
        request.peer_port = connection.client_port
        request.local = (connection.local_ip, connection.local_port)
        request.tls = connection.tls
        request.upgrade = head.upgrade or None
        request.expects_continue = head.expects_continue
        request.accepts_trailers = head.accepts_trailers
        request.inform = self._inform
        request.client_ip, request.trusted_peer = site.forwarding.client(connection.client_ip, headers)
        self.request = request
        self._status = 0
        self._sent = 0
        length = head.length
        if length != 0:
            body = self._body = request.body = Body(self, length)
            body.limit = site.body_limit
            self.deadline = site.sweep.now + site.body_seconds
        else:
            self.deadline = NEVER
        try:
            if length is not None and length > site.body_limit:
                raise Refusal(BODY_TOO_LARGE, f"{length} bytes; {site.body_limit} are allowed")
            if path != b"*":
                request.route_path = route_path(path)
        except Refusal as refusal:
            self._refuse(refusal)
            return None
        return request

    def _serve(self, request: Request) -> None:
        try:
            task = self._task = Task(self._site.service(request), self._answered)  # type: ignore[arg-type]
            task.start()
        except Refusal as refusal:
            self._refuse(refusal)

    def _answered(self, response: Response | None, error: BaseException | None) -> None:
        self._task = None
        if error is None:
            assert response is not None
            self._respond(response)
        elif isinstance(error, Refusal):
            self._refuse(error)
        elif not isinstance(error, Cancelled):
            self._site.log.failure(
                "request {id} failed", Failure(error), id=self.request.id if self.request else ""
            )
            self._refuse(Refusal(INTERNAL, type(error).__name__))

    def _malformed(self, error: Malformed, head: RequestHead | None) -> None:
        """What the client sends can not be trusted from here on."""
        refusal = Refusal(REASONS[error.word], error.detail)
        body, self._body = self._body, None
        if body is not None:
            # The service learns of it, and answers with the refusal if it still can.
            body.fail(refusal)
            body.flush()
            if self.request is not None and self._response is not None:
                self._cut(refusal.reason, refusal.detail)
            return
        if self.request is None:
            request = self.request = Request(b"", b"", Headers())
            if head is not None:
                request.method, request.host = head.method, _host_only(head.authority)
                request.path, _, query = head.target.partition(b"?")
                request.query = query or None
                request.headers = head.headers
            request.id = self._site.new_id()
            request.arrived = self._site.reactor.seconds()
            request.client_ip = request.peer_ip = self.connection.client_ip
            request.peer_port = self.connection.client_port
            request.scheme = self._site.scheme
            request.listener = self._site.listener
            request.tls = self.connection.tls
        self._refuse(refusal)

    # --- the response -------------------------------------------------------------------------

    def _inform(self, head: ResponseHead) -> None:
        """Send an interim response on."""
        if not self.closed and self._codec.writing is Writing.HEAD:
            self._codec.send(head)
            self.transport.write(self._codec.outgoing())

    def _refuse(self, refusal: Refusal) -> None:
        request = self.request
        if request is None or self.closed:
            return
        if self._codec.writing is not Writing.HEAD:
            self._cut(refusal.reason, refusal.detail)
            return
        response = refused(refusal, request.headers.get(b"accept"), request.id)
        self._respond(response, refusal)

    def _respond(self, response: Response, refusal: Refusal | None = None) -> None:
        request = self.request
        body = response.body
        if self.closed or request is None:
            if isinstance(body, Body):
                body.stop()
            if response.tunnel is not None:
                response.tunnel.abort()
            return
        self._status = response.status
        if response.status == 101:
            self._switch(request, response)
            return
        codec = self._codec
        if self._body is not None and codec.reading is not Reading.DONE:
            # Answered before the request was whole: nobody will read the rest of it.
            codec.close_next = True
        if b"date" not in response.headers:
            response.headers.add(b"Date", self._site.date())
        if isinstance(body, bytes):
            phrase = response.reason or _PHRASES.get(response.status, b"")
            codec.send(ResponseHead(response.status, response.headers, phrase, length=len(body)))
            if body:
                if codec.writing is not Writing.NOTHING:
                    self._sent = len(body)
                codec.send(Data(body))
            codec.send(_END)
            self._write()
            self._finish(refusal.reason if refusal else None, refusal.detail if refusal else "")
        else:
            codec.send(ResponseHead(response.status, response.headers, response.reason, length=body.length))
            self._response = body
            body.pour(self)
            if self._response is not None:
                self._write()

    def body_data(self, data: bytes) -> None:
        try:
            self._codec.send(Data(data))
        except ValueError as error:
            self._cut(INTERNAL, str(error))
            return
        self._sent += len(data)

    def body_end(self, trailers: Headers | None) -> None:
        self._response = None
        try:
            self._codec.send(_END if trailers is None else End(trailers))
        except ValueError as error:
            self._cut(INTERNAL, str(error))
            return
        self._write()
        self._finish(None, "")

    def body_failed(self, error: BaseException) -> None:
        self._response = None
        if isinstance(error, Refusal):
            self._cut(error.reason, error.detail)
        else:
            self._cut(INTERNAL, str(error))

    def body_flush(self) -> None:
        self._write()

    def _write(self) -> None:
        data = self._codec.outgoing()
        if data and not self.closed:
            self.transport.write(data)

    # --- the ends of an exchange --------------------------------------------------------------

    def _finish(self, reason: Reason | None, detail: str) -> None:
        """The response is whole."""
        request, self.request = self.request, None
        if request is None:
            return
        self._site.finished(self, request, self._status, self._sent, reason, detail)
        if self._grace is not None:
            if self._grace.active():
                self._grace.cancel()
            self._codec.keeps_open = False
        codec = self._codec
        if not codec.keeps_open:
            self._close(early=self._body is not None or codec.reading is Reading.BROKEN)
            return
        self.deadline = self._site.sweep.now + self._site.keepalive_seconds
        if self._held_up:
            self._let_go(_BODY | _PIPELINE)
        if codec.pending and not self._reading:
            self._read(b"")

    def _close(self, early: bool) -> None:
        """Close when all is sent; after an early answer the client is still listened to for a while."""
        body, self._body = self._body, None
        if body is not None:
            body.stop()
        self._closing = True
        if early and not self.closed:
            self.deadline = self._site.sweep.now + _LINGER
            self._let_go(_BODY | _PIPELINE)
            self.transport.loseWriteConnection()
        else:
            self.deadline = self._site.sweep.now + self._site.write_seconds
            self.transport.loseConnection()

    def _linger(self, data: bytes) -> None:
        self._lingered += len(data)
        if self._lingered > _LINGER_MOST:
            self._close_now()

    def _close_now(self) -> None:
        if not self.closed:
            self.transport.loseConnection()

    def _cut(self, reason: Reason, detail: str) -> None:
        """A response that can not be finished must not look finished."""
        if self.request is None:
            return
        until_close = self._codec.writing is Writing.UNTIL_CLOSE
        if not until_close:
            self._write()
        self._interrupt(reason, detail)
        self._closing = True
        self.deadline = self._site.sweep.now + self._site.write_seconds
        if until_close:
            self.transport.abortConnection()
        else:
            self.transport.loseConnection()

    def _interrupt(self, reason: Reason, detail: str = "") -> None:
        """End the exchange under way, wherever it is, and say why."""
        request, self.request = self.request, None
        task, self._task = self._task, None
        body, self._body = self._body, None
        response, self._response = self._response, None
        if body is not None:
            body.fail(Refusal(reason, detail))
            body.stop()
        if task is not None:
            task.cancel()
        if response is not None:
            response.stop()
        if request is not None:
            self._site.finished(self, request, self._status or reason.status, self._sent, reason, detail)

    def _gone(self) -> None:
        """The client will not read what is still to come."""
        if not self.closed:
            self._interrupt(CLIENT_GONE)
            self.transport.abortConnection()

    def expired(self, now: float) -> None:
        if self._closing:
            self.transport.abortConnection()
        elif self.request is None:
            if self._codec.pending:
                self._malformed_late()
            else:
                self._closing = True
                self.transport.loseConnection()
        elif self._full:
            self._interrupt(CLIENT_STALLED)
            self.transport.abortConnection()
        elif self._body is not None:
            body, self._body = self._body, None
            refusal = Refusal(BODY_TIMEOUT)
            self._codec.close_next = True
            self._codec.keeps_open = False
            body.fail(refusal)
            body.flush()

    def _malformed_late(self) -> None:
        self._codec.reading = Reading.BROKEN
        self._codec.keeps_open = False
        self._malformed(Malformed(HEAD_TIMEOUT.word), None)

    def drain(self) -> None:
        """End soon: after the exchange under way, at once where there is none."""
        self._codec.close_next = True
        if self._relay is not None:
            self._relay.drain()
        elif self.request is None and not self._closing and not self._codec.pending:
            self._closing = True
            self.transport.loseConnection()

    # --- another protocol ---------------------------------------------------------------------

    def _switch(self, request: Request, response: Response) -> None:
        """The answer was 101: join the client with what the answer came with."""
        tunnel: Any = response.tunnel
        codec = self._codec
        transport = self.transport
        codec.send(ResponseHead(101, response.headers, b"Switching Protocols", upgrade=response.upgrade))
        transport.write(codec.outgoing())
        held = codec.receive(b"")
        early = held[0].data if held and isinstance(held[0], Data) else b""
        self._site.sweep.forget(self)
        self.deadline = NEVER
        transport.unregisterProducer()
        transport.pauseProducing()
        self._held_up = 0
        relay = self._relay = Relay(
            self._site.sweep, self._site.tunnel_seconds, websocket=response.upgrade == b"websocket"
        )

        async def over() -> None:
            await relay.ended

        def ended(_: None, error: BaseException | None) -> None:
            tunnel.release()
            self.closed = True
            self.request = None
            stats = self._site.stats
            stats.body_in += relay.client.received
            self._site.finished(
                self, request, 101, relay.server.received, relay.reason, f"{relay.client.received} bytes in"
            )
            self.connection.lost()
            self.ended.fire(None)

        Task(over(), ended).start()
        relay.join(transport, tunnel.transport, early, tunnel.data)

    # --- the source of the request's body, and the producer of the transport ------------------

    def pause(self) -> None:
        self._hold_up(_BODY)

    def resume(self) -> None:
        self._let_go(_BODY)

    def stop(self) -> None:
        """The rest of the body is not wanted: the answer to this request is the last one here."""
        self._codec.close_next = True
        self._let_go(_BODY)

    def _hold_up(self, why: int) -> None:
        if not self._held_up and not self.closed:
            self.transport.pauseProducing()
        self._held_up |= why
        if why == _BODY:
            self.deadline = NEVER

    def _let_go(self, why: int) -> None:
        held_up = self._held_up
        self._held_up = held_up & ~why
        if held_up and not self._held_up and not self.closed:
            if self._body is not None:
                self.deadline = self._site.sweep.now + self._site.body_seconds
            self.transport.resumeProducing()

    def pauseProducing(self) -> None:
        self._full = True
        self.deadline = self._site.sweep.now + self._site.write_seconds
        if self._response is not None:
            self._response.pause()

    def resumeProducing(self) -> None:
        self._full = False
        if self._closing:
            return
        self.deadline = (
            NEVER if self.request is not None else self._site.sweep.now + self._site.keepalive_seconds
        )
        if self._response is not None:
            self._response.resume()

    def stopProducing(self) -> None:
        """The transport is lost; connectionLost says so too."""


def _host_only(authority: bytes) -> bytes:
    """The host in lower case, without port and trailing dot."""
    host = authority.lower()
    if host.startswith(b"["):
        return host[1 : host.find(b"]")]
    host = host.partition(b":")[0]
    return host[:-1] if host.endswith(b".") else host
