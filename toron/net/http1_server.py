"""A client's HTTP/1.1 connection: bytes become requests for a service, its responses bytes."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.python.failure import Failure
from zope.interface import classImplements

from toron.core.body import Body
from toron.core.error_page import refused
from toron.core.message import Request, Response
from toron.core.refusal import (
    BODY_TIMEOUT,
    CLIENT_GONE,
    CLIENT_STALLED,
    DRAINED,
    HEAD_TIMEOUT,
    INTERNAL,
    KEEPALIVE_TIMEOUT,
    REASONS,
    Reason,
    Refusal,
)
from toron.core.wait import Task, Wait
from toron.net.body_shortcut import LARGE, shorten
from toron.net.connection import Connection
from toron.net.http_site import HttpSite
from toron.net.living import Busy, joined
from toron.net.relay import Relay
from toron.net.socket_state import bytes_taken
from toron.net.sweep import NEVER
from toron.wire.events import Data, End, Malformed, RequestHead, ResponseHead
from toron.wire.headers import Headers
from toron.wire.http1_framing import BROKEN, CHUNKED, HEAD, NOTHING, SIZED, UNTIL_CLOSE
from toron.wire.http1_server import ServerCodec

_END = End()
_PHRASES = {int(status): status.phrase.encode("ascii") for status in HTTPStatus}
_UNFINISHED = frozenset({SIZED, CHUNKED, BROKEN})
"""Where a request was not read to its end."""
_PIPELINED_MOST = 64 << 10
_GRACE = 0.5
"""Seconds that a client which has said all it will say is still waited for: the end of its stream
may mean `that was my last request` as well as `I am gone`."""
_LINGER = 3.0
"""Seconds to keep reading after an early answer, so that the client gets to see it: closing on
bytes nobody read would reset the connection, and the reset may overtake the answer."""
_LINGER_MOST = 64 << 20

_BODY, _PIPELINE, _UNTAKEN = 1, 2, 4
"""Why reading is held up: the service takes no more of the body; enough pipelined requests wait;
the client has not taken the answers it has got."""


class HttpServer:
    """One connection: one exchange at a time, in the order the requests came.

    A Sink for the response's body, the Source of the request's, the producer of its transport.
    """

    __slots__ = (
        "_body", "_closing", "_codec", "_continued", "_descriptor", "_full", "_grace", "_half_closed",
        "_held_up", "_lingered", "_origin", "_patience", "_reading", "_relay", "_response", "_sent",
        "_served", "_signs", "_site", "_status", "_taken", "_task", "closed", "connection", "deadline",
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
        self._origin = site.origin(connection)
        self._codec = ServerCodec(site.head_most, site.fields_most)
        self._task: Task[Response] | None = None
        self._body: Body | None = None
        """The request's body, until it is whole."""
        self._response: Body | None = None
        """The response's body, until it is whole."""
        self._status = 0
        self._sent = 0
        self._served = 0
        self._continued = False
        """Whether the client need not be told to go on with the body."""
        self._reading = False
        self._held_up = 0
        self._descriptor = -1
        self._full = False
        self._taken = 0
        """Bytes the client had taken when we looked last."""
        self._patience = 0.0
        """Seconds until the next look."""
        self._closing = False
        self._lingered = 0
        self._half_closed = False
        self._grace: Any = None
        self._signs = 0
        self._relay: Relay | None = None

    # --- a protocol ---------------------------------------------------------------------------

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport
        transport.registerProducer(self, True)
        self.connection.drain = self.drain
        self.connection.tells = self.busy
        self._site.sweep.watch(self)
        self.deadline = self._site.sweep.now + self._site.head_seconds

    def dataReceived(self, data: bytes) -> None:
        if self._closing:
            self._linger(data)
            return
        if self._body is not None:
            self._continued = True
            if not self._full:
                self.deadline = self._site.sweep.now + self._site.body_seconds
        elif self.request is None and self._codec.pending == 0:
            # The first byte of a head: from here on the head has its time, not the idle connection.
            self.deadline = self._site.sweep.now + self._site.head_seconds
        self._read(data)

    def readConnectionLost(self) -> None:
        if self.closed or self._half_closed:
            return
        if self._closing:
            self.transport.loseConnection()
            return
        self._half_closed = True
        self._end_of_stream()

    def writeConnectionLost(self) -> None:
        """Our own doing, after an early answer."""

    def connectionLost(self, reason: Failure) -> None:
        if self.closed:
            return
        self.closed = True
        self._site.sweep.forget(self)
        self._look_away()
        self._forgive()
        cut = self._site.draining and reason.check(ConnectionAborted)
        self._interrupt(DRAINED if cut else CLIENT_GONE)
        self.connection.lost(reason)
        self.connection.tell(self.ended)

    # --- reading ------------------------------------------------------------------------------

    def _read(self, data: bytes) -> None:
        """Read, and go on reading pipelined requests for as long as they are answered at once."""
        codec = self._codec
        self._reading = True
        try:
            while True:
                events = codec.receive(data)
                if events:
                    self._take(events)
                if (
                    not events or not codec.pending or self._full
                    or self.request is not None or self._closing or self.closed
                ):  # fmt: skip
                    break
                data = b""
        finally:
            self._reading = False
        if self.closed or self._closing:
            return
        if self._half_closed:
            self._end_of_stream()
        elif self.request is not None and self._body is None and codec.pending > _PIPELINED_MOST:
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
                    if self._body is not None:
                        self._body = None
                        self._rearm()
                    body.end(event.trailers)
            else:
                self._malformed(event, None)
                return
        if started is not None:
            self._serve(started)
        elif body is not None:
            body.flush()

    def _end_of_stream(self) -> None:
        """The client will say no more; what it has said already is answered."""
        codec = self._codec
        if self._body is not None:
            self._gone()
        elif self.request is not None:
            if not codec.pending:
                codec.keeps_open = False
            self._suspect()
        elif not (self._full and codec.pending):
            events = codec.receive_eof()
            if events:
                self._malformed(events[0], None)  # type: ignore[arg-type]
            else:
                self._close(early=False)

    # --- a request ----------------------------------------------------------------------------

    def _begin(self, head: RequestHead) -> Request | None:
        """Make a Request of a head; None when it was refused right here."""
        site = self._site
        self._served += 1
        if site.draining or (site.max_requests and self._served >= site.max_requests):
            self._codec.close_next = True
        request = self.request = site.request(self._origin, head)
        request.inform = self._inform
        self._status = 0
        self._sent = 0
        self._continued = not head.expects_continue
        length = head.length
        if length != 0:
            body = self._body = request.body = Body(self, length)
            body.limit = site.body_limit
        self._rearm()
        try:
            site.check(request, length)
        except Refusal as refusal:
            self._refuse(refusal)
            return None
        return request

    def _serve(self, request: Request) -> None:
        task = self._site.ask(request, self._answered)
        if task is not None:
            self._task = task
            task.start()

    def _answered(self, response: Response | None, error: BaseException | None) -> None:
        self._task = None
        if error is None:
            assert response is not None
            self._respond(response)
            return
        refusal = self._site.refusal(error, self.request)
        if refusal is not None:
            self._refuse(refusal)

    def _malformed(self, error: Malformed, head: RequestHead | None) -> None:
        """What the client sends can not be trusted from here on."""
        refusal = Refusal(REASONS[error.word], error.detail)
        body, self._body = self._body, None
        if body is not None:
            # The service learns of it, and answers with the refusal if it still can.
            body.fail(refusal)
            body.flush()
            if self._response is not None:
                self._cut(refusal.reason, refusal.detail)
            return
        if self.request is None:
            self._status = self._sent = 0
            self.request = self._site.request(self._origin, head or RequestHead(b"", b"", Headers()))
        self._refuse(refusal)

    # --- the response -------------------------------------------------------------------------

    def _inform(self, head: ResponseHead) -> None:
        """Send an interim response on."""
        if self.request is not None and self._codec.writing is HEAD:
            self._codec.send(head)
            self._write()
            if head.status == 100:
                self._continued = True
                self._rearm()

    def _refuse(self, refusal: Refusal) -> None:
        request = self.request
        if request is None or self.closed:
            return
        if self._codec.writing is not HEAD:
            self._cut(refusal.reason, refusal.detail)
            return
        self._respond(refused(refusal, request.headers, request.id), refusal)

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
        if self._body is not None:
            # Answered before the request was whole: nobody will read the rest of it.
            codec.close_next = True
        if b"date" not in response.headers:
            response.headers.add(b"Date", self._site.date())
        head = ResponseHead(
            response.status,
            response.headers,
            response.reason or _PHRASES.get(response.status, b""),
            length=len(body) if isinstance(body, bytes) else body.length,
            upgrade=response.upgrade,
        )
        try:
            codec.send(head)
        except ValueError as error:
            # A plug-in wrote what would break the head.
            if isinstance(body, Body):
                body.stop()
            if refusal is None:
                self._refuse(Refusal(INTERNAL, str(error)))
            else:
                self._cut(INTERNAL, str(error))
            return
        if isinstance(body, bytes):
            if body:
                if codec.writing is not NOTHING:
                    self._sent = len(body)
                codec.send(Data(body))
            codec.send(_END)
            self._write()
            self._finish(refusal.reason if refusal else None, refusal.detail if refusal else "")
        else:
            self._response = body
            body.pour(self)
            if self._response is not None:
                self._write()
                if head.length is not None and head.length >= LARGE:
                    shorten(body, self)

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

    @property
    def owed(self) -> int:
        """Bytes of the response's body still to be said; 0 where it is over, or of no known length."""
        return self._codec.owed

    def moved(self, size: int) -> None:
        """So many bytes of the response's body went to the client past us."""
        self._codec.went(size)
        self._sent += size

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
        self._forgive()
        codec = self._codec
        if not codec.keeps_open:
            self._close(early=codec.reading in _UNFINISHED)
            return
        self._rearm()
        if self._full:
            # Answers must not pile up for a client that takes none of them.
            self._hold_up(_UNTAKEN)
        elif self._held_up:
            self._let_go(_BODY | _PIPELINE)
        if not self._full and not self._reading and (codec.pending or self._half_closed):
            self._read(b"")

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

    def _cut(self, reason: Reason, detail: str) -> None:
        """A response that can not be finished must not look finished."""
        if self.request is None:
            return
        until_close = self._codec.writing is UNTIL_CLOSE
        if not until_close:
            self._write()
        self._interrupt(reason, detail)
        if until_close:
            self._abort()
        else:
            self._close(early=False)

    def _gone(self) -> None:
        """The client will not read what is still to come."""
        if not self.closed:
            self._interrupt(CLIENT_GONE)
            self._abort()

    # --- the end of the connection ------------------------------------------------------------

    def _close(self, early: bool) -> None:
        """Close when all is sent; after an early answer the client is still listened to for a while."""
        body, self._body = self._body, None
        if body is not None:
            body.stop()
        self._closing = True
        if self.closed:
            return
        self._let_go(self._held_up)
        # A transport with a producer that it has paused would wait for it instead of closing.
        self.transport.unregisterProducer()
        lingers = early and not self._half_closed
        self._patience = _LINGER if lingers else self._site.write_seconds
        self.deadline = self._site.sweep.now + self._patience
        if lingers:
            self.transport.loseWriteConnection()
        else:
            self.transport.close()
        # Where nothing was left to be sent, that was the end of the connection.
        if not self.closed:
            self._taken = bytes_taken(self.transport)

    def _abort(self) -> None:
        self._closing = True
        self.transport.abortConnection()

    def _linger(self, data: bytes) -> None:
        self._lingered += len(data)
        if self._lingered > _LINGER_MOST:
            self.transport.loseConnection()

    def drain(self) -> None:
        """End soon: after the exchange under way, at once where there is none."""
        self._codec.close_next = True
        if self._relay is not None:
            if not self._site.patient:
                self._relay.drain()
        elif self.request is None and not self._closing and not self._codec.pending:
            self._close(early=False)

    def busy(self) -> Busy:
        """What it does now, for who asks."""
        if self._relay is not None:
            return joined(self._relay, self.request)
        return Busy("http/1.1", () if self.request is None else (self.request,))

    # --- clients that went away -------------------------------------------------------------------

    def client_ended(self) -> None:
        if self.request is not None:
            self._suspect()

    def client_reset(self) -> None:
        self._gone()

    def _suspect(self) -> None:
        """Wait for a sign that the client still lives."""
        if self._grace is None:
            self._signs = self._signs_of_life()
            self._grace = self._site.reactor.callLater(_GRACE, self._suspected)

    def _suspected(self) -> None:
        self._grace = None
        if self.request is None or self.closed:
            return
        if self._signs_of_life() == self._signs:
            self._gone()
        elif self._body is not None:
            self._suspect()

    def _signs_of_life(self) -> int:
        """Grows while the client takes what it is sent: one that is gone would have reset by now."""
        request = self.request
        received = request.body.received if request is not None and request.body is not None else 0
        return bytes_taken(self.transport) + received

    def _forgive(self) -> None:
        grace, self._grace = self._grace, None
        if grace is not None:
            grace.cancel()

    # --- deadlines ----------------------------------------------------------------------------

    def _rearm(self) -> None:
        """Set the deadline for what is waited for now."""
        site = self._site
        if self._closing:
            return
        if self._full:
            seconds = site.write_seconds
        elif self.request is None:
            seconds = site.head_seconds if self._codec.pending else site.keepalive_seconds
        elif self._body is not None and self._continued and not self._held_up & _BODY:
            seconds = site.body_seconds
        else:
            seconds = NEVER
        self.deadline = site.sweep.now + seconds

    def expired(self, now: float) -> None:
        if self._closing or self._full:
            taken = bytes_taken(self.transport)
            if taken > self._taken:
                # Slow is not stalled.
                self._taken = taken
                self.deadline = now + self._patience
            else:
                self._interrupt(CLIENT_STALLED)
                self._abort()
        elif self.request is None:
            self._late_head()
        elif self._body is not None:
            body, self._body = self._body, None
            self._codec.close_next = True
            body.fail(Refusal(BODY_TIMEOUT))
            body.flush()

    def _late_head(self) -> None:
        """The next request has not come, or not all of its head."""
        if self._codec.pending:
            self._codec.reading = BROKEN
            self._codec.keeps_open = False
            self._malformed(Malformed(HEAD_TIMEOUT.word), None)
            return
        if self._served:
            self._site.stats.refuse(KEEPALIVE_TIMEOUT.word)
        else:
            self.connection.reason = HEAD_TIMEOUT
        self._close(early=False)

    # --- another protocol ---------------------------------------------------------------------

    def _switch(self, request: Request, response: Response) -> None:
        """The answer was 101: join the client with what the answer came with."""
        tunnel: Any = response.tunnel
        codec, site, transport = self._codec, self._site, self.transport
        codec.send(ResponseHead(101, response.headers, b"Switching Protocols", upgrade=response.upgrade))
        self._write()
        held = codec.receive(b"")
        early = held[0].data if held and isinstance(held[0], Data) else b""
        site.sweep.forget(self)
        self.deadline = NEVER
        self._forgive()
        self._look_away()
        transport.unregisterProducer()
        transport.pauseProducing()
        said = request.body = Body()

        def over(relay: Relay) -> None:
            self.closed = True
            self.request = None
            said.received = relay.client.received
            site.finished(self, request, 101, relay.server.received, relay.reason, "")
            self.connection.lost()
            self.ended.fire(None)

        relay = self._relay = tunnel.join(
            transport, early, site.sweep, response.upgrade == b"websocket", over
        )
        if self._half_closed and not self.closed:
            relay.client.readConnectionLost()

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
        if self.closed or self._closing:
            return
        if not self._held_up:
            self.transport.pauseProducing()
            if not self._half_closed:
                self._descriptor = self._site.unread.add(self)
        self._held_up |= why
        if why == _BODY:
            self._rearm()

    def _let_go(self, why: int) -> None:
        held_up = self._held_up
        self._held_up = held_up & ~why
        if held_up and not self._held_up and not self.closed:
            self._look_away()
            if self._body is not None:
                self._rearm()
            self.transport.resumeProducing()

    def _look_away(self) -> None:
        if self._descriptor >= 0:
            self._site.unread.remove(self._descriptor)
            self._descriptor = -1

    def pauseProducing(self) -> None:
        if not self._full:
            self._full = True
            self._taken = bytes_taken(self.transport)
            self._patience = self._site.write_seconds
            self._rearm()
        if self._response is not None:
            self._response.pause()

    def resumeProducing(self) -> None:
        self._full = False
        if self._closing:
            return
        self._rearm()
        if self._response is not None:
            self._response.resume()
        if self._held_up & _UNTAKEN:
            self._let_go(_UNTAKEN | _PIPELINE)
            if self._codec.pending or self._half_closed:
                self._read(b"")

    def stopProducing(self) -> None:
        """The transport is lost; connectionLost says so too."""


classImplements(HttpServer, IHalfCloseableProtocol, IPushProducer)
