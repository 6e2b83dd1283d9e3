"""A connection to a server that speaks HTTP/1.1: one exchange after another."""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from toron.core.body import Body
from toron.core.message import Response
from toron.core.refusal import (
    CLIENT_GONE,
    RESPONSE_TIMEOUT,
    UPSTREAM_BAD,
    UPSTREAM_CLOSED,
    UPSTREAM_IDLE,
    UPSTREAM_RESET,
    UPSTREAM_UPGRADE,
    Refusal,
)
from toron.core.server import Server
from toron.core.wait import Wait
from toron.net.dial import UpstreamFailed
from toron.net.sweep import NEVER, Sweep
from toron.wire.events import Data, End, Malformed, RequestHead, ResponseHead, Upgraded
from toron.wire.headers import Headers
from toron.wire.http1 import ClientCodec

Inform = Callable[[ResponseHead], None]
_END = End()


class UpstreamTunnel:
    """What a 101 leaves: the server's transport, paused, and the bytes that came after the head."""

    __slots__ = ("data", "release", "transport")

    def __init__(self, transport: Any, data: bytes, release: Callable[[], None]) -> None:
        self.transport = transport
        self.data = data
        self.release = release
        """To be called when the tunnel is over."""

    def abort(self) -> None:
        """Nobody joins it."""
        self.transport.abortConnection()
        self.release()


@implementer(IPushProducer)
class UpstreamConnection:
    """Sends requests to one server.

    A Sink for the request's body, the Source of the response's, the producer of its transport.
    `idle` is told when an exchange ended well and another may follow, `gone` when none may.
    """

    __slots__ = (
        "_answer", "_body", "_codec", "_idle_seconds", "_inform", "_over", "_request_body",
        "_response_seconds", "_sweep", "_switched", "deadline", "gone", "idle", "lost", "server", "transport", "used",
    )  # fmt: skip

    def __init__(self, server: Server, sweep: Sweep, idle_seconds: float) -> None:
        self.server = server
        self.transport: Any = None
        self.idle: Callable[[UpstreamConnection], bool] | None = None
        self.gone: Callable[[UpstreamConnection], None] | None = None
        self.deadline = NEVER
        self.lost = False
        self.used = False
        """Whether an exchange went over it before the present one."""
        self._sweep = sweep
        self._idle_seconds = idle_seconds
        self._codec = ClientCodec()
        self._answer: Wait[Response] | None = None
        self._body: Body | None = None
        self._inform: Inform | None = None
        self._over: Callable[[Refusal | None], None] | None = None
        self._request_body: Body | None = None
        self._response_seconds = NEVER
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
        self._body = None
        self._response_seconds = seconds
        codec = self._codec
        codec.send(head)
        if body is None:
            codec.send(_END)
            self.deadline = self._sweep.now + seconds
            self.transport.write(codec.outgoing())
        else:
            self.deadline = NEVER
            self._request_body = body
            body.pour(self)
            if not self.lost and self._answer is not None:
                self.body_flush()
        return answer

    def cancel(self) -> None:
        """The exchange is not wanted any more."""
        self._abandon()

    def give_up(self, error: Refusal) -> None:
        """End the exchange under way with an error."""
        if self._answer is not None or self._body is not None:
            self._fail(error)

    # --- a sink for the request's body --------------------------------------------------------

    def body_data(self, data: bytes) -> None:
        self._codec.send(Data(data))

    def body_end(self, trailers: Headers | None) -> None:
        self._codec.send(_END if trailers is None else End(trailers))
        self._request_body = None
        if self._answer is not None:
            self.deadline = self._sweep.now + self._response_seconds
        self.body_flush()

    def body_failed(self, error: BaseException) -> None:
        self._request_body = None
        if isinstance(error, Refusal):
            self._fail(error)
        else:
            self._fail(UpstreamFailed(CLIENT_GONE, str(error), ours=True))

    def body_flush(self) -> None:
        data = self._codec.outgoing()
        if data and not self.lost:
            self.transport.write(data)

    # --- the source of the response's body, and the producer of the transport -----------------

    def pause(self) -> None:
        if not self.lost:
            self.deadline = NEVER
            self.transport.pauseProducing()

    def resume(self) -> None:
        if not self.lost:
            if self._body is not None:
                self.deadline = self._sweep.now + self._idle_seconds
            self.transport.resumeProducing()

    def stop(self) -> None:
        self._abandon()

    def pauseProducing(self) -> None:
        if self._request_body is not None:
            # The server takes nothing: it has as long for that as between two bytes.
            self.deadline = self._sweep.now + self._idle_seconds
            self._request_body.pause()

    def resumeProducing(self) -> None:
        if self._request_body is not None:
            self.deadline = NEVER
            self._request_body.resume()

    def stopProducing(self) -> None:
        """The transport is lost; connectionLost says so too."""

    # --- a protocol ---------------------------------------------------------------------------

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport
        transport.registerProducer(self, True)
        self._sweep.watch(self)

    def dataReceived(self, data: bytes) -> None:
        answered: Response | None = None
        ended = False
        body = self._body
        for event in self._codec.receive(data):
            kind = type(event)
            if kind is Data:
                if body is not None:
                    body.feed(event.data)  # type: ignore[union-attr]
            elif kind is ResponseHead:
                assert isinstance(event, ResponseHead)
                if event.status >= 200:
                    body = self._body = Body(self, event.length)
                    answered = Response(event.status, event.headers, body, event.reason)
                elif event.status == 101:
                    answered = Response(101, event.headers)
                    answered.upgrade = event.upgrade
                elif self._inform is not None:
                    self._inform(event)
            elif kind is End:
                if body is not None:
                    body.end(event.trailers)  # type: ignore[union-attr]
                ended = True
            elif kind is Upgraded:
                self._switch(event.data, answered)  # type: ignore[union-attr]
            else:
                assert isinstance(event, Malformed)
                reason = UPSTREAM_UPGRADE if event.word == "switch_not_asked" else UPSTREAM_BAD
                self._fail(UpstreamFailed(reason, f"{event.word} {event.detail}".strip()))
                return
        if self.lost:
            return
        if ended:
            self._finished()
        elif body is not None and self.deadline != NEVER:
            self.deadline = self._sweep.now + self._idle_seconds
        # Last of all, since whoever waits may begin another exchange here.
        if answered is not None:
            answer, self._answer = self._answer, None
            if answer is not None:
                answer.fire(answered)
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
        self._fail(UpstreamFailed(UPSTREAM_CLOSED if orderly else UPSTREAM_RESET, untouched=False))
        if self.gone is not None:
            self.gone(self)

    def expired(self, now: float) -> None:
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
        self.transport.loseConnection()

    def alive(self) -> bool:
        """Whether an idle connection looks as if the server has not closed it."""
        handle = self.transport.getHandle()
        poll = select.poll()
        poll.register(handle, select.POLLIN | select.POLLRDHUP)
        return not poll.poll(0)

    def _finished(self) -> None:
        """The response is whole."""
        self._body = None
        self.deadline = NEVER
        self.used = True
        request_body, self._request_body = self._request_body, None
        if request_body is not None:
            # Answered before the request was whole: nobody reads the rest of it.
            request_body.stop()
        self._exchange_over()
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
        over, self._over = self._over, None
        response.tunnel = UpstreamTunnel(self.transport, data, lambda: over(None) if over else None)

    def _fail(self, error: Refusal) -> None:
        """Whoever waits for something of this exchange is told; the connection is of no more use."""
        answer, self._answer = self._answer, None
        body, self._body = self._body, None
        request_body, self._request_body = self._request_body, None
        self._abandon(error)
        if request_body is not None:
            request_body.stop()
        if answer is not None:
            answer.fail(error)
        if body is not None:
            body.fail(error)
            body.flush()

    def _abandon(self, error: Refusal | None = None) -> None:
        self._answer = None
        self._body = None
        self.deadline = NEVER
        if not self.lost:
            self.lost = True
            self._sweep.forget(self)
            self.transport.abortConnection()
        self._exchange_over(error)
