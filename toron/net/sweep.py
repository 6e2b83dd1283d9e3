"""One coarse clock for all deadlines, instead of a timer for each request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.logger import Logger

from toron.net.looking import Looking
from toron.net.stalled import Stalled

NEVER = float("inf")


class Timed(Protocol):
    """Something that must happen before a time, or is told that it did not."""

    deadline: float
    """Seconds of the reactor's clock, or NEVER."""

    def expired(self, now: float) -> None:
        """The deadline has passed; it was set to NEVER before this call."""


class Sweep(Looking):
    """Looks at every deadline each `step` seconds, which is also how late a deadline may be.

    `now` is the time of the last look: near enough for setting deadlines, and free.
    """

    def __init__(self, reactor: Any, step: float = 0.2) -> None:
        super().__init__(reactor, step)
        self._timed: set[Timed] = set()
        self.now: float = reactor.seconds()
        self.stalled = Stalled()
        """Who is not read from for now."""
        self.looked: Callable[[], None] | None = None
        """Called after each look."""
        self.log = Logger()
        self.lag = 0.0
        """Seconds the last look came late: how long the reactor was busy with something else."""

    def startService(self) -> None:
        super().startService()
        self.now = self._reactor.seconds()

    def watch(self, timed: Timed) -> None:
        """Look at its deadline from now on."""
        self._timed.add(timed)

    def forget(self, timed: Timed) -> None:
        """Look at it no more."""
        self._timed.discard(timed)

    def look(self) -> None:
        """Tell everything whose deadline has passed."""
        now = self._reactor.seconds()
        self.lag = max(0.0, now - self.now - self._step)
        self.now = now
        for timed in [timed for timed in self._timed if timed.deadline <= now]:
            if timed.deadline <= now:
                timed.deadline = NEVER
                self._tell(timed.expired, now)
        self._tell(self.stalled.look, now)
        if self.looked is not None:
            self._tell(self.looked)

    def _tell(self, told: Callable[..., None], *arguments: float) -> None:
        """One that fails must not keep the others from their deadlines."""
        try:
            told(*arguments)
        except Exception:
            self.log.failure("a deadline could not be kept by {told}", told=told)
