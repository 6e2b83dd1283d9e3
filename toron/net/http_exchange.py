"""One exchange with a server, as any version of HTTP has it: who waits for what, and for how long."""

from __future__ import annotations

from collections.abc import Callable

from toron.core.body import Body
from toron.core.message import Response
from toron.core.refusal import CLIENT_GONE, Refusal, UpstreamFailed
from toron.core.wait import Wait
from toron.net.sweep import NEVER, Sweep
from toron.wire.events import ResponseHead

Inform = Callable[[ResponseHead], None]


class UpstreamExchange:
    """A Sink for the request's body, the Source of the response's."""

    __slots__ = (
        "_answer", "_body", "_expecting", "_full", "_idle_seconds", "_inform", "_over", "_paused",
        "_request_body", "_response_seconds", "_sweep", "deadline", "used",
    )  # fmt: skip

    def _set_up(self, sweep: Sweep, idle_seconds: float) -> None:
        """Called by `__init__` of what is made of this: `super()` costs more than all of the rest."""
        self.deadline = NEVER
        self.used = False
        """Whether the connection has served before."""
        self._sweep = sweep
        self._idle_seconds = idle_seconds
        self._answer: Wait[Response] | None = None
        self._body: Body | None = None
        """The response's body, until it is whole."""
        self._request_body: Body | None = None
        """The request's body, until it is whole."""
        self._inform: Inform | None = None
        self._over: Callable[[Refusal | None], None] | None = None
        self._response_seconds = NEVER
        self._expecting = False
        """Whether the client waits to be told to go on with the body."""
        self._paused = False
        self._full = 0
        """Whether the server takes no more of the request for now, and why."""

    def cancel(self) -> None:
        """The exchange is not wanted any more."""
        self._abandon()

    def give_up(self, error: Refusal) -> None:
        """End the exchange under way with an error."""
        if self._answer is not None or self._body is not None:
            self._fail(error)

    def body_failed(self, error: BaseException) -> None:
        self._request_body = None
        if isinstance(error, Refusal):
            self._fail(error)
        else:
            self._fail(UpstreamFailed(CLIENT_GONE, str(error), ours=True))

    def stop(self) -> None:
        self._abandon()

    def _interim(self, head: ResponseHead) -> None:
        """The head of an interim response came."""
        if head.status == 100 and self._expecting:
            self._expecting = False
            self._rearm()
        if self._inform is not None:
            self._inform(head)

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

    def _fail(self, error: Refusal) -> None:
        """Whoever waits for something of this exchange is told."""
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
        """End the exchange where it is; its `over` is told the error."""
        raise NotImplementedError
