"""Changes the keys of session tickets by and by: a stolen one opens little (RFC 5077 section 5.5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall

from toron.net.certificate_source import Source

EVERY = 12 * 3600.0
"""Seconds after which each source has other keys; a ticket is good for two hours."""

STEP = 60.0
"""Seconds from one look at whose turn it is to the next."""


class FreshTickets(Service):
    """Renews the keys of one source after the other. Each process has its own keys."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._sources: Callable[[], Sequence[Source]] = tuple
        self._turns = 0.0
        """Of how many sources it is time to renew the keys."""
        self._next = 0
        self._call: LoopingCall | None = None

    def keep(self, sources: Callable[[], Sequence[Source]]) -> None:
        """Renew those of these from now on: there may be more of them each time."""
        self._sources = sources
        if bool(sources()) != (self._call is not None):
            self._start()

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        self._start()

    def stopService(self) -> None:
        super().stopService()  # type: ignore[no-untyped-call]
        self._stop()

    def _stop(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.stop()

    def _start(self) -> None:
        self._stop()
        if self.running and self._sources():
            self._call = LoopingCall(self._look)
            self._call.clock = self._reactor
            self._call.start(STEP, now=False)

    def _look(self) -> None:
        sources = self._sources()
        self._turns += len(sources) * STEP / EVERY
        while self._turns >= 1.0:
            self._turns -= 1.0
            self._next = (self._next + 1) % len(sources)
            sources[self._next].renew_tickets()
