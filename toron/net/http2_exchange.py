"""One exchange with a server, on one stream of an HTTP/2 connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from toron.core.body import HIGH, Body
from toron.core.message import Response
from toron.core.refusal import (
    RESPONSE_TIMEOUT,
    UPSTREAM_BAD,
    UPSTREAM_CLOSED,
    UPSTREAM_IDLE,
    UPSTREAM_RESET,
    Reason,
    Refusal,
    UpstreamFailed,
)
from toron.core.wait import Wait
from toron.net.http_exchange import Inform, UpstreamExchange
from toron.net.sweep import NEVER, Sweep
from toron.wire.events import Data, End, Malformed, RequestHead, Reset, ResponseHead
from toron.wire.headers import Headers
from toron.wire.http2_frames import CANCEL, NO_ERROR

if TYPE_CHECKING:
    from toron.net.http2_client import Http2Upstream

_END = End()
_QUEUE, _TRANSPORT = 1, 2
"""Why the request is held up: the server's flow control; the connection, which takes no more for now."""


class UpstreamStream(UpstreamExchange):
    """Used for one exchange.

    The connection calls `head`, `data`, `end`, `room`, `was_reset`, `malformed` and `fail` as events come,
    and `settle` after each batch of them.
    """

    __slots__ = ("_answered", "_connection", "_ended", "_fed", "_number", "_untaken", "answered")

    def __init__(self, connection: Http2Upstream, sweep: Sweep, idle_seconds: float) -> None:
        self._set_up(sweep, idle_seconds)
        self.answered = False
        """Whether any of the answer has come."""
        self.used = connection.used
        self._connection = connection
        self._number = 0
        self._answered: Response | None = None
        """A response whose head came in this batch of events."""
        self._fed: Body | None = None
        """A body that came in this batch of events, in part or all of it."""
        self._ended = False
        """The response is whole."""
        self._untaken = 0
        """Bytes of the response that the server was not told are taken."""

    # --- an exchange --------------------------------------------------------------------------

    def begin(
        self,
        head: RequestHead,
        body: Body | None,
        inform: Inform | None,
        seconds: float,
        over: Callable[[Refusal | None], None],
    ) -> Wait[Response]:
        """As `http1_client.UpstreamConnection.begin`."""
        answer: Wait[Response] = Wait()
        connection = self._connection
        if connection.free <= 0:
            # Others were quicker.
            answer.fail(_unprocessed(UPSTREAM_CLOSED, "no stream is free"))
            over(None)
            return answer
        self._answer = answer
        self._inform = inform
        self._over = over
        self._response_seconds = seconds
        self._expecting = head.expects_continue
        number = self._number = connection.request(self, head)
        self._sweep.watch(self)
        if body is None:
            connection.say(number, _END)
            self.deadline = self._sweep.now + seconds
            connection.flush()
        else:
            self._request_body = body
            if connection.full:
                self._full = _TRANSPORT
                body.pause()
            self._rearm()
            body.pour(self)
            if self._over is over:
                connection.flush()
        return answer

    # --- a sink for the request's body --------------------------------------------------------

    def body_data(self, data: bytes) -> None:
        if self._expecting:
            self._expecting = False
            self._rearm()
        self._connection.say(self._number, Data(data))
        if not self._full & _QUEUE and self._connection.queued(self._number) > HIGH:
            self._hold(_QUEUE)

    def body_end(self, trailers: Headers | None) -> None:
        self._request_body = None
        self._connection.say(self._number, _END if trailers is None else End(trailers))
        self._connection.flush()
        self._rearm()

    def body_flush(self) -> None:
        if self._over is not None:
            self._connection.flush()
            if self._body is not None or self.deadline != NEVER:
                # Something moves, be it the other way.
                self._rearm()

    def room(self) -> None:
        """The server's flow control let most of what waited go."""
        self._go_on(_QUEUE)

    def hold(self) -> None:
        """The connection takes no more for now."""
        self._hold(_TRANSPORT)

    def go_on(self) -> None:
        """The connection takes more again."""
        self._go_on(_TRANSPORT)

    def _hold(self, why: int) -> None:
        full = self._full
        self._full = full | why
        if not full:
            self._rearm()
            if self._request_body is not None:
                self._request_body.pause()

    def _go_on(self, why: int) -> None:
        full = self._full
        self._full = full & ~why
        if full and not self._full:
            self._rearm()
            if self._request_body is not None:
                self._request_body.resume()

    # --- the source of the response's body ----------------------------------------------------

    def pause(self) -> None:
        self._paused = True
        self._rearm()

    def resume(self) -> None:
        self._paused = False
        size, self._untaken = self._untaken, 0
        if size and self._over is not None:
            self._connection.credit(self._number, size)
            self._connection.flush()
        self._rearm()

    # --- what comes ---------------------------------------------------------------------------

    def head(self, head: ResponseHead) -> None:
        """A head, of an interim response or of the final one."""
        self.answered = True
        if head.status < 200:
            self._interim(head)
            return
        response = self._answered = Response(head.status, head.headers)
        response.body = self._fed = self._body = Body(self, head.length)

    def data(self, data: bytes) -> None:
        """Some of the response's body."""
        body = self._body
        if body is None:
            return
        self._fed = body
        body.feed(data)
        if self._paused:
            self._untaken += len(data)
        else:
            self._connection.credit(self._number, len(data))
            self.deadline = self._sweep.now + self._idle_seconds

    def end(self, trailers: Headers | None) -> None:
        """The response is whole."""
        body, self._body = self._body, None
        self._ended = True
        if body is not None:
            self._fed = body
            body.end(trailers)

    def settle(self) -> None:
        """That was all for now."""
        answered, self._answered = self._answered, None
        body, self._fed = self._fed, None
        answer: Wait[Response] | None = None
        if answered is not None:
            answer, self._answer = self._answer, None
            whole = answered.body
            if self._ended and isinstance(whole, Body) and whole.trailers is None:
                # All of it is here: there is no stream to be held up.
                complete = whole.complete
                if complete is not None and (complete or not whole.length):
                    answered.body = complete
        if self._ended:
            self._finished()
        elif body is not None and not self._paused:
            self.deadline = self._sweep.now + self._idle_seconds
        # Last of all, since whoever waits may begin another exchange here.
        if answer is not None and answered is not None:
            answer.fire(answered)
        if body is not None:
            body.flush()

    def was_reset(self, reset: Reset) -> None:
        """The server gave the stream up."""
        if reset.code == NO_ERROR and self._ended:
            return
        detail = f"error {reset.code}"
        if reset.unprocessed:
            self._fail(_unprocessed(UPSTREAM_RESET, detail))
        else:
            self._fail(UpstreamFailed(UPSTREAM_RESET, detail))

    def malformed(self, error: Malformed) -> None:
        """What the server sent breaks the protocol; the stream was reset for it."""
        self._fail(UpstreamFailed(UPSTREAM_BAD, f"{error.word} {error.detail}".strip()))

    def fail(self, error: UpstreamFailed) -> None:
        """The connection is gone."""
        self._fail(error)

    # --- deadlines ----------------------------------------------------------------------------

    def expired(self, now: float) -> None:
        if self._full & _TRANSPORT and not self._full & _QUEUE:
            # The connection has a deadline of its own.
            self._rearm()
        elif self._answer is not None:
            self._fail(UpstreamFailed(RESPONSE_TIMEOUT))
        else:
            self._fail(UpstreamFailed(UPSTREAM_IDLE))

    # --- endings ------------------------------------------------------------------------------

    def _finished(self) -> None:
        """The response is whole."""
        request_body, self._request_body = self._request_body, None
        if request_body is not None:
            # Answered before the request was whole: nobody reads the rest of it.
            request_body.stop()
            self._connection.reset(self._number, NO_ERROR)
            self._connection.flush()
        self._leave(None)

    def _abandon(self, error: Refusal | None = None) -> None:
        self._answer = None
        self._body = None
        if self._over is not None:
            self._connection.reset(self._number, CANCEL)
            self._connection.flush()
        self._leave(error)

    def _leave(self, error: Refusal | None) -> None:
        over, self._over = self._over, None
        if over is None:
            return
        self.deadline = NEVER
        self._sweep.forget(self)
        self._connection.over(self._number)
        over(error)


def _unprocessed(reason: Reason, detail: str) -> UpstreamFailed:
    """The failure of a request that the server has done nothing with, and is not to blame for."""
    failure = UpstreamFailed(reason, detail, untouched=True, ours=True)
    failure.unprocessed = True
    return failure
