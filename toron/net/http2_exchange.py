"""One exchange with a server, on one stream of an HTTP/2 connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from toron.core.body import HIGH, Body
from toron.core.message import Response
from toron.core.refusal import (
    CLIENT_GONE,
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
from toron.net.sweep import NEVER, Sweep
from toron.wire.events import Data, End, Malformed, RequestHead, Reset, ResponseHead
from toron.wire.headers import Headers
from toron.wire.http2_frames import CANCEL, NO_ERROR

if TYPE_CHECKING:
    from toron.net.http2_client import Http2Upstream

Inform = Callable[[ResponseHead], None]
_END = End()
_QUEUE, _TRANSPORT = 1, 2
"""Why the request is held up: the server's flow control; the connection, which takes no more for now."""


class UpstreamStream:
    """A Sink for the request's body, the Source of the response's; used for one exchange.

    The connection calls `head`, `data`, `end`, `room`, `was_reset`, `malformed` and `fail` as events come,
    and `settle` after each batch of them.
    """

    __slots__ = (
        "_answer", "_answered", "_body", "_connection", "_ended", "_expecting", "_fed", "_full",
        "_idle_seconds", "_inform", "_number", "_over", "_paused", "_request_body",
        "_response_seconds", "_sweep", "_untaken", "answered", "deadline", "used",
    )  # fmt: skip

    def __init__(self, connection: Http2Upstream, sweep: Sweep, idle_seconds: float) -> None:
        self.deadline = NEVER
        self.answered = False
        """Whether any of the answer has come."""
        self.used = connection.used
        """Whether the connection has served before."""
        self._connection = connection
        self._sweep = sweep
        self._idle_seconds = idle_seconds
        self._number = 0
        self._answer: Wait[Response] | None = None
        self._answered: Response | None = None
        """A response whose head came in this batch of events."""
        self._body: Body | None = None
        """The response's body, until it is whole."""
        self._fed: Body | None = None
        """A body that came in this batch of events, in part or all of it."""
        self._ended = False
        """The response is whole."""
        self._request_body: Body | None = None
        """The request's body, until it is whole."""
        self._inform: Inform | None = None
        self._over: Callable[[Refusal | None], None] | None = None
        self._response_seconds = NEVER
        self._expecting = False
        """Whether the client waits to be told to go on with the body."""
        self._paused = False
        self._full = 0
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

    def cancel(self) -> None:
        """The exchange is not wanted any more."""
        self._abandon(CANCEL)

    def give_up(self, error: Refusal) -> None:
        """End the exchange under way with an error."""
        if self._answer is not None or self._body is not None:
            self._fail(error, CANCEL)

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

    def body_failed(self, error: BaseException) -> None:
        self._request_body = None
        if isinstance(error, Refusal):
            self._fail(error, CANCEL)
        else:
            self._fail(UpstreamFailed(CLIENT_GONE, str(error), ours=True), CANCEL)

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

    def stop(self) -> None:
        self._abandon(CANCEL)

    # --- what comes ---------------------------------------------------------------------------

    def head(self, head: ResponseHead) -> None:
        """A head, of an interim response or of the final one."""
        self.answered = True
        if head.status < 200:
            if head.status == 100 and self._expecting:
                self._expecting = False
                self._rearm()
            if self._inform is not None:
                self._inform(head)
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
            self._fail(_unprocessed(UPSTREAM_RESET, detail), None)
        else:
            self._fail(UpstreamFailed(UPSTREAM_RESET, detail), None)

    def malformed(self, error: Malformed) -> None:
        """What the server sent breaks the protocol; the stream was reset for it."""
        self._fail(UpstreamFailed(UPSTREAM_BAD, f"{error.word} {error.detail}".strip()), None)

    def fail(self, error: UpstreamFailed) -> None:
        """The connection is gone."""
        self._fail(error, None)

    # --- deadlines ----------------------------------------------------------------------------

    def _rearm(self) -> None:
        """Set the deadline for what is waited for now."""
        if self._paused or self._over is None:
            seconds = NEVER
        elif self._full or self._body is not None:
            seconds = self._idle_seconds
        elif self._request_body is None or self._expecting:
            seconds = self._response_seconds
        else:
            seconds = NEVER
        self.deadline = self._sweep.now + seconds

    def expired(self, now: float) -> None:
        if self._full & _TRANSPORT and not self._full & _QUEUE:
            # The connection has a deadline of its own.
            self._rearm()
        elif self._answer is not None:
            self._fail(UpstreamFailed(RESPONSE_TIMEOUT), CANCEL)
        else:
            self._fail(UpstreamFailed(UPSTREAM_IDLE), CANCEL)

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

    def _fail(self, error: Refusal, code: int | None) -> None:
        """Whoever waits for something of this exchange is told."""
        answer, self._answer = self._answer, None
        body, self._body = self._body, None
        request_body, self._request_body = self._request_body, None
        self._abandon(code, error)
        if request_body is not None:
            request_body.stop()
        if answer is not None:
            answer.fail(error)
        if body is not None:
            body.fail(error)
            body.flush()

    def _abandon(self, code: int | None, error: Refusal | None = None) -> None:
        self._answer = None
        self._body = None
        if self._over is not None and code is not None:
            self._connection.reset(self._number, code)
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
