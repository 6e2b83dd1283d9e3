"""Asks a probe about a server, again and again, and tells the backend when the answer has changed."""

from __future__ import annotations

import random as randomness
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.logger import Logger
from twisted.python.failure import Failure

from toron.core.backend import Backend
from toron.core.refusal import Refusal
from toron.core.rise_fall import ProbeFailed, RiseFall
from toron.core.server import Server
from toron.core.wait import Cancelled, Task

if TYPE_CHECKING:
    from toron.observe.stats import ServerStats

_JITTER = 0.1
"""The share of the interval by which each wait differs, so that checks do not march in step."""
_FIRST = 1.0
"""Seconds within which the first check is made."""


class HealthCheck(Service):
    """The checks of one server: every `interval` seconds, each for at most `timeout` seconds."""

    def __init__(
        self,
        reactor: Any,
        random: randomness.Random,
        backend: Backend,
        server: Server,
        probe: Callable[[Server], Awaitable[None]],
        state: RiseFall,
        interval: float,
        timeout: float,
        stats: ServerStats,
    ) -> None:
        self._reactor = reactor
        self._random = random
        self.server = server
        self._probe = probe
        self._state = state
        self._interval = interval
        self._timeout = timeout
        self._stats = stats
        self.tell: Callable[[Server, bool, str], None] = backend.set_healthy
        """Told when the answer has changed: the server, whether it is well, and why."""
        self.unsure = True
        """Whether it may be well, and nobody knows yet: neither from checks nor from before."""
        self._next: Any = None
        self._task: Task[None] | None = None
        self.log = Logger()

    def resume(self, healthy: bool) -> None:
        """Go on from what is known of the server, instead of from what it is before its first check."""
        self._state.healthy = healthy
        self.unsure = False

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        soon = min(_FIRST, self._interval) * self._random.random()
        self._next = self._reactor.callLater(soon, self._check)

    def stopService(self) -> None:
        super().stopService()  # type: ignore[no-untyped-call]
        if self._next is not None and self._next.active():
            self._next.cancel()
        if self._task is not None:
            self._task.cancel()

    def _check(self) -> None:
        late = self._reactor.callLater(self._timeout, self._give_up)

        def over(_: None, error: BaseException | None) -> None:
            timed_out = not late.active()
            if not timed_out:
                late.cancel()
            self._task = None
            if not self.running:
                return
            if error is None:
                self._passed()
            elif timed_out and isinstance(error, Cancelled):
                self._failed(f"no answer in {self._timeout:g} s")
            elif isinstance(error, ProbeFailed | Refusal):
                self._failed(str(error))
            else:
                self.log.failure("the probe of {server} is broken", Failure(error), server=self.server.name)
                self._failed(f"the probe is broken: {type(error).__name__}")
            spread = 1.0 + _JITTER * (2.0 * self._random.random() - 1.0)
            self._next = self._reactor.callLater(self._interval * spread, self._check)

        async def probing() -> None:
            await self._probe(self.server)

        task = self._task = Task(probing(), over)
        task.start()
        if task.done:
            self._task = None

    def _give_up(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _passed(self) -> None:
        self._stats.probes_passed += 1
        if self._state.record(True):
            self.tell(self.server, True, "checks pass")
        self.unsure = self.unsure and not self._state.healthy

    def _failed(self, why: str) -> None:
        self.unsure = False
        self._stats.probes_failed += 1
        self.log.debug("{server} failed a check: {why}", server=self.server.name, why=why)
        if self._state.record(False) is False:
            self.tell(self.server, False, why)
