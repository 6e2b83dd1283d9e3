"""Watches how the gateway does after a change: until the time is over, or a condition holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from toron.changing.condition import Condition
from toron.changing.samples import EVERY, Samples
from toron.core.wait import Task
from toron.observe.metrics import Metrics

LOOK = 0.5
"""Seconds from one look at a condition to the next."""


class Watch:
    """Counts all the time, so that there is something to compare with; and judges while it watches."""

    def __init__(self, reactor: Any, metrics: Metrics) -> None:
        self._reactor = reactor
        self._samples = Samples(reactor, metrics)
        self._timers: list[Any] = []
        self._round = 0
        """Which watch it is: what still comes of an earlier one does not matter any more."""
        self._until = 0.0
        self._condition: Condition | None = None
        self._requests = 0
        self.figures: tuple[str, ...] = ()
        """What the condition saw last."""
        self._log = Logger(namespace="toron")

    @property
    def left(self) -> float:
        """Seconds until the time is over."""
        left: float = self._until - self._reactor.seconds()
        return max(0.0, left)

    def start(self) -> None:
        """Count from now on."""
        if not self._until:
            self._run(self._samples.remember(), lambda: None)
        self._later(EVERY, self.start)

    def stop(self) -> None:
        """Count no more."""
        self._round += 1
        for each in self._timers:
            if each.active():
                each.cancel()
        self._timers = []

    async def remember(self) -> None:
        """A change is about to be made."""
        self.figures = ()
        await self._samples.remember()

    async def begin(
        self, seconds: float, condition: Condition | None, requests: int,
        over: Callable[[], None], holds: Callable[[str], None],
    ) -> None:  # fmt: skip
        """A change was made: call `over` after so many seconds, or `holds` with the reason before that."""
        self._round += 1
        self._until = self._reactor.seconds() + seconds
        self._condition, self._requests = condition, requests
        number = self._round

        def ended() -> None:
            if self._round == number:
                over()

        self._later(seconds, ended)
        if condition is not None:
            await self._samples.begin()
            self._look_again(number, holds)

    def end(self) -> None:
        """It is decided; what comes from here on is what the next change is compared with."""
        self._round += 1
        self._until = 0.0
        self._samples.end()

    def _look_again(self, number: int, holds: Callable[[str], None]) -> None:
        def look() -> None:
            if self._round == number:
                self._run(self._judge(number, holds), lambda: self._look_again(number, holds))

        if self._round == number:
            self._later(LOOK, look)

    async def _judge(self, number: int, holds: Callable[[str], None]) -> None:
        await self._samples.go_on()
        condition = self._condition
        if self._round != number or condition is None:
            return
        verdict = condition.judge(self._samples.read, self._requests)
        self.figures = condition.figures(self._samples.read, self._requests)
        if verdict.holds:
            # Once is enough.
            self._round += 1
            holds("; ".join(verdict.why))

    def _run(self, work: Any, then: Callable[[], None]) -> None:
        def ended(_: None, error: BaseException | None) -> None:
            if error is not None:
                self._log.failure("how the gateway does can not be told", Failure(error))
            then()

        Task(work, ended).start()

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        self._timers = [each for each in self._timers if each.active()]
        self._timers.append(self._reactor.callLater(seconds, call))
