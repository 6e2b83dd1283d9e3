"""A connection to a server that speaks HTTP/1.1: one exchange after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from zope.interface import classImplements

from toron.core.body import Body
from toron.core.message import Response
from toron.core.refusal import (
    RESPONSE_TIMEOUT,
    UPSTREAM_BAD,
    UPSTREAM_CLOSED,
    UPSTREAM_IDLE,
    UPSTREAM_RESET,
    UPSTREAM_UPGRADE,
    Refusal,
    UpstreamFailed,
)
from toron.core.server import Server
from toron.core.wait import Wait
from toron.net.http_exchange import Inform, UpstreamExchange
from toron.net.socket_state import bytes_taken, is_quiet
from toron.net.sweep import NEVER, Sweep
from toron.net.tunnel import UpstreamTunnel
from toron.wire.events import Data, End, Malformed, RequestHead, ResponseHead, Upgraded
from toron.wire.headers import Headers
from toron.wire.http1_client import ClientCodec

_END = End()


class UpstreamConnection(UpstreamExchange):
    """Sends requests to one server; also the producer of its transport.

    `idle` is told when an exchange ended well and another may follow, `gone` when none may.
    """

    __slots__ = ("_codec", "_switched", "_taken", "gone", "idle", "lost", "server", "transport")

    def __init__(self, server: Server, sweep: Sweep, idle_seconds: float) -> None:
        self._set_up(sweep, idle_seconds)
        self.server = server
        self.transport: Any = None
        self.idle: Callable[[UpstreamConnection], bool] | None = None
        self.gone: Callable[[UpstreamConnection], None] | None = None
        self.lost = False
        self._codec = ClientCodec()
        self._taken = 0
        self._switched = False

    # --- an exchange --------------------------------------------------------------------------

    def begin(
        self,
        head: RequestHead,
        body: Body | None,
        inform: Inform | None,
        seconds: float,
        over: Callable[[Refusal | None], None],
    ) -> Wait[Response]:
        """Send a request; the answer fires when its head is here, or fails with UpstreamFailed.

        The head must come within `seconds` of the last byte sent. `over` is called when the
        exchange is: when the response is whole, or with an error when it will never be.
        """
        answer: Wait[Response] = Wait()
        self._answer = answer
        self._inform = inform
        self._over = over
        self._response_seconds = seconds
        self._expecting = head.expects_continue
        codec = self._codec
        codec.send(head)
        if body is None:
            codec.send(_END)
            self.deadline = self._sweep.now + seconds
            self.transport.write(codec.outgoing())
        else:
            self._request_body = body
            self._rearm()
            body.pour(self)
            if self._over is over:
                self.body_flush()
        return answer

    # --- a sink for the request's body --------------------------------------------------------

    def body_data(self, data: bytes) -> None:
        if self._expecting:
            self._expecting = False
            self._rearm()
        self._codec.send(Data(data))

    def body_end(self, trailers: Headers | None) -> None:
        self._codec.send(_END if trailers is None else End(trailers))
        self._request_body = None
        self.body_flush()
        self._rearm()

    def body_flush(self) -> None:
        data = self._codec.outgoing()
        if data and not self.lost:
            self.transport.write(data)
            if self._body is not None or self.deadline != NEVER:
                # Something moves, be it the other way.
                self._rearm()

    # --- the source of the response's body, and the producer of the transport -----------------

    def pause(self) -> None:
        if not self.lost:
            self._paused = True
            self._rearm()
            self.transport.pauseProducing()

    def resume(self) -> None:
        if not self.lost:
            self._paused = False
            self._rearm()
            self.transport.resumeProducing()

    def left_of(self, body: Body) -> int:
        """Bytes of a response's body still to come; 0 where it is over, or of no known length."""
        return self._codec.left if body is self._body else 0

    def moved(self, size: int) -> None:
        """So many bytes of the response's body went to the client past us, not the last one of it."""
        self._codec.came(size)
        if self._body is not None:
            self._body.received += size
        if not self._paused:
            self.deadline = self._sweep.now + self._idle_seconds

    def pauseProducing(self) -> None:
        if not self._full:
            self._full = True
            self._taken = bytes_taken(self.transport)
            self._rearm()
        if self._request_body is not None:
            self._request_body.pause()

    def resumeProducing(self) -> None:
        self._full = False
        self._rearm()
        if self._request_body is not None:
            self._request_body.resume()

    def stopProducing(self) -> None:
        """The transport is lost; connectionLost says so too."""

    # --- a protocol ---------------------------------------------------------------------------

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport
        transport.registerProducer(self, True)
        self._sweep.watch(self)

    def dataReceived(self, data: bytes) -> None:
        if self._over is None:
            # Nobody asked: whatever this is, it must not become the answer to the next request.
            if not self.lost:
                self.close()
            return
        answered: Response | None = None
        ended = False
        body = self._body
        events: list[Any] = self._codec.receive(data)
        for event in events:
            kind = type(event)
            if kind is Data:
                if body is not None:
                    body.feed(event.data)
            elif kind is ResponseHead:
                assert isinstance(event, ResponseHead)
                if event.status >= 200:
                    answered = Response(event.status, event.headers, b"", event.reason)
                    answered.upgrade = event.upgrade
                    if event.length and len(events) == 3 and events[0] is event and type(events[2]) is End:
                        # All of it is here: there is no stream to be held up.
                        answered.body = events[1].data
                        ended = True
                        break
                    answered.body = body = self._body = Body(self, event.length)
                elif event.status == 101:
                    answered = Response(101, event.headers)
                    answered.upgrade = event.upgrade
                else:
                    self._interim(event)
            elif kind is End:
                if body is not None:
                    body.end(event.trailers)
                ended = True
            elif kind is Upgraded:
                self._switch(event.data, answered)
            else:
                assert isinstance(event, Malformed)
                reason = UPSTREAM_UPGRADE if event.word == "switch_not_asked" else UPSTREAM_BAD
                self._fail(UpstreamFailed(reason, f"{event.word} {event.detail}".strip()))
                return
        if self.lost:
            return
        # Taken before the connection may end, which would make it fail.
        answer: Wait[Response] | None = None
        if answered is not None:
            answer, self._answer = self._answer, None
        if ended:
            self._finished()
        elif body is not None and not self._paused:
            self.deadline = self._sweep.now + self._idle_seconds
        # Last of all, since whoever waits may begin another exchange here.
        if answer is not None:
            answer.fire(answered)  # type: ignore[arg-type]
        if body is not None:
            body.flush()

    def connectionLost(self, reason: Failure) -> None:
        if self._switched:
            return
        orderly = bool(reason.check(ConnectionDone))
        self.lost = True
        self._sweep.forget(self)
        if orderly:
            for event in self._codec.receive_eof():
                if type(event) is End and self._body is not None:
                    body, self._body = self._body, None
                    body.end()
                    self._exchange_over()
                    body.flush()
        self._fail(UpstreamFailed(UPSTREAM_CLOSED if orderly else UPSTREAM_RESET))
        if self.gone is not None:
            self.gone(self)

    # --- deadlines ----------------------------------------------------------------------------

    def expired(self, now: float) -> None:
        if self._full and self._over is not None:
            taken = bytes_taken(self.transport)
            if taken > self._taken:
                # Slow is not stalled.
                self._taken = taken
                self._rearm()
                return
        if self._answer is not None:
            self._fail(UpstreamFailed(RESPONSE_TIMEOUT))
        elif self._body is not None:
            self._fail(UpstreamFailed(UPSTREAM_IDLE))
        else:
            self.close()

    # --- endings ------------------------------------------------------------------------------

    @property
    def answered(self) -> bool:
        """Whether any byte of the present answer has come."""
        return self._codec.answered

    def close(self) -> None:
        """Close an idle connection."""
        self.lost = True
        self._sweep.forget(self)
        self.transport.unregisterProducer()
        self.transport.close()

    def alive(self) -> bool:
        """Whether an idle connection looks as if the server has not closed it."""
        return is_quiet(self.transport)

    def _finished(self) -> None:
        """The response is whole."""
        self._body = None
        self.deadline = NEVER
        self.used = True
        request_body, self._request_body = self._request_body, None
        if request_body is not None:
            # Answered before the request was whole: nobody reads the rest of it.
            request_body.stop()
            self._drop()
        self._exchange_over()
        if self.lost:
            return
        if not (self._codec.reusable and self.idle is not None and self.idle(self)):
            self.close()

    def _exchange_over(self, error: Refusal | None = None) -> None:
        over, self._over = self._over, None
        if over is not None:
            over(error)

    def _switch(self, data: bytes, response: Response | None) -> None:
        assert response is not None
        self._switched = True
        self.deadline = NEVER
        self._sweep.forget(self)
        self.transport.unregisterProducer()
        self.transport.pauseProducing()
        response.tunnel = UpstreamTunnel(self.transport, data, self._exchange_over)

    def _abandon(self, error: Refusal | None = None) -> None:
        self._answer = None
        self._body = None
        self.deadline = NEVER
        self._drop()
        self._exchange_over(error)

    def _drop(self) -> None:
        if not self.lost:
            self.lost = True
            self._sweep.forget(self)
            if self.transport is not None:
                self.transport.abortConnection()


classImplements(UpstreamConnection, IPushProducer)
