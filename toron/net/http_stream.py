"""One exchange on one stream of a connection that carries many: HTTP/2 and HTTP/3."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Protocol

from toron.core.body import HIGH, Body
from toron.core.error_page import refused
from toron.core.message import Request, Response
from toron.core.refusal import (
    BODY_TIMEOUT,
    CLIENT_GONE,
    CLIENT_STALLED,
    INTERNAL,
    REASONS,
    UPSTREAM_UPGRADE,
    Reason,
    Refusal,
)
from toron.core.wait import Task
from toron.net.connection import Connection
from toron.net.http_site import HttpSite
from toron.net.stream_tunnel import ENOUGH, StreamTunnel
from toron.net.sweep import NEVER
from toron.wire.events import Data, End, Event, Malformed, RequestHead, ResponseHead
from toron.wire.headers import Headers
from toron.wire.http1_framing import BODILESS
from toron.wire.websocket import accept_of

_END = End()

_QUEUE, _TRANSPORT = 1, 2
"""Why the response is held up: the client's flow control; the connection, which takes no more for now."""

CUT = "cut"
"""A stream is reset because its response can not be finished."""
STALLED = "stalled"
"""A stream is reset because the client takes nothing of it."""


LINGER = 3.0
"""Seconds in which a client may end what it sends, when it was answered before it had."""
_LINGER_MOST = 64 << 20
"""Bytes it may send until then."""


class Carrier(Protocol):
    """The connection, as its streams see it."""

    lingers: bool
    """Whether a client that was answered early is let finish what it sends, before its stream is reset."""

    connection: Connection
    site: HttpSite
    origin: Request
    """What all its requests have in common, see `HttpSite.origin`."""
    version: tuple[int, int]
    """Of HTTP, for the log."""
    full: bool
    """Whether the transport takes no more for now."""

    def say(self, stream: int, event: Event) -> None:
        """Have it said; ValueError where it may not come next."""

    def flush(self) -> None:
        """What was said may go out now, or at the end of this batch of events."""

    def queued(self, stream: int) -> int:
        """Bytes said that wait for the client's flow control."""

    def credit(self, stream: int, size: int) -> None:
        """So many bytes of the request's body were taken: the client may send more."""

    def reset(self, stream: int, why: str) -> None:
        """Reset it, for CUT, STALLED, ENOUGH or CANCELLED; what is queued for ENOUGH still goes out first."""

    def over(self, stream: HttpStream) -> None:
        """The stream has nothing more to do."""


class HttpStream:
    """A Sink for the response's body, the Source of the request's.

    The carrier calls `begin`, `data`, `end`, `room`, `malformed` and `lost` as events come, and `settle`
    after each batch of them.
    """

    __slots__ = (
        "_body", "_carrier", "_continued", "_fed", "_fresh", "_full", "_headed", "_held", "_key", "_left",
        "_lingers", "_response", "_sent", "_silent", "_site", "_status", "_stopped", "_task", "_tunnel",
        "_untaken", "connection", "deadline", "number", "request",
    )  # fmt: skip

    def __init__(self, carrier: Carrier, number: int) -> None:
        self.connection = carrier.connection
        self.number = number
        self.deadline = NEVER
        self.request: Request | None = None
        """None before it begins, and when the exchange is over."""
        self._carrier = carrier
        self._site = carrier.site
        self._task: Task[Response] | None = None
        self._body: Body | None = None
        """The request's body, until it is whole."""
        self._fed: Body | None = None
        """A body that came in this batch of events, in part or all of it."""
        self._fresh = False
        """The request came in this batch of events."""
        self._continued = True
        """Whether the client need not be told to go on with the body."""
        self._held = False
        """The service takes no more of the request's body for now."""
        self._stopped = False
        """Nobody will take the rest of the request's body."""
        self._untaken = 0
        """Bytes of the request's body that the client was not told are taken."""
        self._response: Body | None = None
        """The response's body, until it is whole."""
        self._headed = False
        """Whether the head of the response was said."""
        self._silent = False
        """Whether the response has no body, whatever its length says (RFC 9110 section 6.4.1)."""
        self._status = 0
        self._sent = 0
        self._full = 0
        self._left = 0
        """Bytes that waited for the client when we looked last."""
        self._lingers = 0
        """Bytes that an answered client may still send, and nobody wants; 0 where it sends no more."""
        self._tunnel: StreamTunnel | None = None
        self._key = b""
        """What the server of a WebSocket has to prove that it has read."""

    # --- what comes ---------------------------------------------------------------------------

    def begin(self, head: RequestHead) -> None:
        """The request's head is here."""
        site = self._site
        request = self.request = site.request(self._carrier.origin, head)
        request.inform = self._inform
        if head.upgrade == b"websocket":
            # A server of HTTP/1.1 wants one (RFC 6455 section 4.1); over streams there is none.
            self._key = b64encode(site.random.randbytes(16))
            request.headers.set(b"Sec-WebSocket-Key", self._key)
        self._continued = not head.expects_continue
        length = head.length
        if length != 0:
            body = self._body = request.body = Body(self, length)
            body.limit = site.body_limit
            site.sweep.watch(self)
            self._rearm()
        if self._carrier.full:
            self._full = _TRANSPORT
        try:
            site.check(request, length)
        except Refusal as refusal:
            self._refuse(refusal)
        else:
            self._fresh = True

    def data(self, data: bytes) -> None:
        """Some of the request's body."""
        if self._tunnel is not None:
            self._tunnel.came(data)
            return
        body = self._body
        if body is None:
            self._linger(len(data))
            return
        self._continued = True
        self._fed = body
        body.feed(data)
        if self._held or self._stopped:
            self._untaken += len(data)
        else:
            self._carrier.credit(self.number, len(data))
            if not self._full:
                self.deadline = self._site.sweep.now + self._site.body_seconds

    def end(self, trailers: Headers | None) -> None:
        """The request is whole."""
        if self._tunnel is not None:
            self._tunnel.ended()
            return
        body, self._body = self._body, None
        if body is not None:
            self._fed = body
            self._rearm()
            body.end(trailers)
        elif self._lingers:
            self._lingers = 0
            if not self._carrier.queued(self.number):
                self._leave()

    def settle(self) -> None:
        """That was all for now."""
        body, self._fed = self._fed, None
        if self._fresh:
            self._fresh = False
            if self.request is not None:
                self._serve(self.request)
        elif body is not None:
            body.flush()

    def drain(self) -> None:
        """The gateway stops: a tunnel is asked to end, an exchange ends by itself."""
        if self._tunnel is not None and self._tunnel.relay is not None and not self._site.patient:
            self._tunnel.relay.drain()

    def lost(self, reason: Reason = CLIENT_GONE, detail: str = "") -> None:
        """The client gave the stream up, or it was reset for what the client did."""
        if self._tunnel is not None:
            self._tunnel.lost()
        else:
            self._interrupt(reason, detail)

    def malformed(self, error: Malformed) -> None:
        """What the client sent on it breaks the protocol; the stream was reset for it."""
        reason = REASONS[error.word]
        if self.request is None and self._status == 0:
            self.request = self._site.request(
                self._carrier.origin, RequestHead(b"", b"", Headers(), version=self._carrier.version)
            )
        self.lost(reason, error.detail)

    # --- the request --------------------------------------------------------------------------

    def _serve(self, request: Request) -> None:
        task = self._site.ask(request, self._answered)
        if task is not None:
            self._task = task
            task.start()

    def _answered(self, response: Response | None, error: BaseException | None) -> None:
        self._task = None
        if error is None:
            assert response is not None
            self._respond(response, None)
            return
        refusal = self._site.refusal(error, self.request)
        if refusal is not None:
            self._refuse(refusal)

    def pause(self) -> None:
        self._held = True
        self._rearm()

    def resume(self) -> None:
        self._held = False
        size, self._untaken = self._untaken, 0
        if size and not self._stopped:
            self._carrier.credit(self.number, size)
            self._carrier.flush()
        self._rearm()

    def stop(self) -> None:
        """The rest of the request's body is not wanted; the stream is reset when the response is whole."""
        self._stopped = True
        self._held = False
        self._rearm()

    # --- the response -------------------------------------------------------------------------

    def _inform(self, head: ResponseHead) -> None:
        """Send an interim response on."""
        if self.request is not None and not self._headed:
            self._carrier.say(self.number, head)
            self._carrier.flush()
            if head.status == 100:
                self._continued = True
                self._rearm()

    def _refuse(self, refusal: Refusal) -> None:
        request = self.request
        if request is None:
            return
        if self._headed:
            self._cut(refusal.reason, refusal.detail)
            return
        self._respond(refused(refusal, request.headers, request.id), refusal)

    def _respond(self, response: Response, refusal: Refusal | None) -> None:
        request = self.request
        body = response.body
        if request is None:
            if isinstance(body, Body):
                body.stop()
            if response.tunnel is not None:
                response.tunnel.abort()
            return
        status = self._status = response.status
        carrier, number = self._carrier, self.number
        if b"date" not in response.headers:
            response.headers.add(b"Date", self._site.date())
        if status == 101:
            self._switch(request, response)
            return
        self._silent = request.method == b"HEAD" or status in BODILESS
        length = len(body) if isinstance(body, bytes) else body.length
        try:
            carrier.say(number, ResponseHead(status, response.headers, length=length))
        except ValueError as error:
            # A plug-in wrote what would break the head.
            if isinstance(body, Body):
                body.stop()
            if refusal is None:
                self._refuse(Refusal(INTERNAL, str(error)))
            else:
                self._cut(INTERNAL, str(error))
            return
        self._headed = True
        if isinstance(body, bytes):
            if body and not self._silent:
                self._sent = len(body)
                carrier.say(number, Data(body))
            carrier.say(number, _END)
            self._finish(refusal.reason if refusal else None, refusal.detail if refusal else "")
            return
        self._response = body
        if self._full:
            body.pause()
        body.pour(self)
        if self._response is not None:
            carrier.flush()

    def body_data(self, data: bytes) -> None:
        if self._silent:
            return
        self._sent += len(data)
        self._carrier.say(self.number, Data(data))
        self._weigh()

    def body_end(self, trailers: Headers | None) -> None:
        self._response = None
        try:
            self._carrier.say(self.number, _END if trailers is None else End(trailers))
        except ValueError as error:
            self._cut(INTERNAL, str(error))
            return
        self._finish(None, "")

    def body_failed(self, error: BaseException) -> None:
        self._response = None
        if isinstance(error, Refusal):
            self._cut(error.reason, error.detail)
        else:
            self._cut(INTERNAL, str(error))

    def body_flush(self) -> None:
        if self.request is not None:
            self._carrier.flush()

    # --- back-pressure ------------------------------------------------------------------------

    def room(self) -> None:
        """The client's flow control let most of what waited go."""
        self._go_on(_QUEUE)

    def hold(self) -> None:
        """The connection takes no more for now."""
        self._hold(_TRANSPORT)

    def go_on(self) -> None:
        """The connection takes more again."""
        self._go_on(_TRANSPORT)

    def _weigh(self) -> None:
        if not self._full & _QUEUE and self._carrier.queued(self.number) > HIGH:
            self._hold(_QUEUE)

    def _hold(self, why: int) -> None:
        full = self._full
        self._full = full | why
        if self._tunnel is not None:
            if not full:
                self._tunnel.hold()
        elif self._response is not None and not full:
            self._response.pause()
        if why == _QUEUE:
            # The connection has a deadline of its own.
            self._left = self._carrier.queued(self.number)
            self._site.sweep.watch(self)
            self._rearm()

    def _go_on(self, why: int) -> None:
        full = self._full
        self._full = full & ~why
        if full and not self._full:
            self._rearm()
            if self._tunnel is not None:
                self._tunnel.go_on()
            elif self._response is not None:
                self._response.resume()

    # --- the ends of an exchange --------------------------------------------------------------

    def _finish(self, reason: Reason | None, detail: str) -> None:
        """The response is whole."""
        request, self.request = self.request, None
        if request is None:
            return
        carrier = self._carrier
        self._site.finished(self, request, self._status, self._sent, reason, detail)
        body, self._body = self._body, None
        if body is not None:
            # Answered before the request was whole: nobody will read the rest of it.
            body.stop()
            if carrier.lingers:
                self._lingers = _LINGER_MOST
                carrier.credit(self.number, self._untaken)
            else:
                carrier.reset(self.number, ENOUGH)
        self._left = carrier.queued(self.number)
        if self._left or self._lingers:
            # The client has to take it before long; until then it is ours to watch.
            self._site.sweep.watch(self)
            self.deadline = self._site.sweep.now + (self._site.write_seconds if self._left else LINGER)
        else:
            self._leave()
        carrier.flush()

    def _linger(self, size: int) -> None:
        """More of what nobody wants: some clients see no answer whose stream is reset meanwhile."""
        if self._lingers > size:
            self._lingers -= size
            self._carrier.credit(self.number, size)
        elif self._lingers:
            self._enough()

    def _enough(self) -> None:
        """Let the client send no more; what was said to it still goes out (RFC 9113 section 8.1)."""
        self._lingers = 0
        self._carrier.reset(self.number, ENOUGH)
        if not self._carrier.queued(self.number):
            self._leave()

    def _interrupt(self, reason: Reason, detail: str = "") -> None:
        """End the exchange under way, wherever it is, and say why."""
        request, self.request = self.request, None
        task, self._task = self._task, None
        body, self._body = self._body, None
        response, self._response = self._response, None
        self._leave()
        if body is not None:
            body.fail(Refusal(reason, detail))
            body.stop()
        if task is not None:
            task.cancel()
        if response is not None:
            response.stop()
        if request is not None:
            status = self._status or reason.status
            self._site.finished(self, request, status, self._sent, reason, detail)

    def _cut(self, reason: Reason, detail: str, why: str = CUT) -> None:
        """A response that can not be finished must not look finished."""
        if self.request is None:
            return
        self._carrier.reset(self.number, why)
        self._interrupt(reason, detail)
        self._carrier.flush()

    def _leave(self) -> None:
        self.deadline = NEVER
        self._site.sweep.forget(self)
        self._carrier.over(self)

    # --- deadlines ----------------------------------------------------------------------------

    def _rearm(self) -> None:
        """Set the deadline for what is waited for now."""
        site = self._site
        if self._full & _QUEUE:
            seconds = site.write_seconds
        elif self._body is not None and self._continued and not self._held and not self._stopped:
            seconds = site.body_seconds
        else:
            seconds = NEVER
        self.deadline = site.sweep.now + seconds

    def expired(self, now: float) -> None:
        if self._full & _QUEUE or self.request is None:
            self._stalled(now)
        elif self._body is not None:
            body, self._body = self._body, None
            self._stopped = True
            body.fail(Refusal(BODY_TIMEOUT))
            body.flush()

    def _stalled(self, now: float) -> None:
        """The client has not taken all of what waits for it; slow is not stalled."""
        left = self._carrier.queued(self.number)
        if self.request is None and not left:
            if self._lingers and self._left:
                self._left = 0
                self.deadline = now + LINGER
            elif self._lingers:
                self._enough()
                self._carrier.flush()
            else:
                self._leave()
        elif left < self._left:
            self._left = left
            self.deadline = now + self._site.write_seconds
        else:
            self._carrier.reset(self.number, STALLED)
            if self.request is None:
                self._leave()
            else:
                self.lost(CLIENT_STALLED)
            self._carrier.flush()

    # --- another protocol ---------------------------------------------------------------------

    def _switch(self, request: Request, response: Response) -> None:
        """The answer was 101: join the stream with what the answer came with (RFC 8441 section 5)."""
        upstream: Any = response.tunnel
        if self._key and response.headers.get(b"sec-websocket-accept") != accept_of(self._key):
            upstream.abort()
            self._refuse(Refusal(UPSTREAM_UPGRADE, "it did not read the key of the WebSocket"))
            return
        self._carrier.say(self.number, ResponseHead(101, response.headers, upgrade=response.upgrade))
        self._headed = True
        self.deadline = NEVER
        tunnel = self._tunnel = StreamTunnel(self._carrier, self.number, self._weigh)
        said = request.body = Body()

        def over(relay: Any) -> None:
            self.request = None
            said.received = relay.client.received
            self._site.finished(self, request, 101, relay.server.received, relay.reason, "")
            self._leave()

        tunnel.relay = upstream.join(tunnel, b"", self._site.sweep, response.upgrade == b"websocket", over)
        self._carrier.flush()
