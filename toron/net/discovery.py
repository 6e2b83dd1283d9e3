"""Runs what discovers the servers of a backend, and passes on what it finds."""

from __future__ import annotations

import random as randomness
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from toron.core.backend import Backend
from toron.core.server import Server
from toron.core.wait import Task

if TYPE_CHECKING:
    from toron.observe.stats import DiscoveryStats

FIRST = 5.0
"""Seconds that a start waits for the first servers at most."""

AGAIN = (1.0, 60.0)
"""Seconds until a provider that broke is started again, at first and at most; each time twice as long."""

_SHOWN = 10
"""Servers that a line of the log names at most."""


class Discovery(Service):
    """One provider at work for one backend, from start to stop; it is the `Publisher` that it is given."""

    def __init__(
        self,
        reactor: Any,
        random: randomness.Random,
        backend: Backend,
        discover: Callable[[Any], Awaitable[None]],
        scheme: str,
        stats: DiscoveryStats,
    ) -> None:
        """Servers have to be of `scheme`."""
        self._reactor = reactor
        self._random = random
        self._backend = backend
        self._discover = discover
        self._scheme = scheme
        self._stats = stats
        self.known: Deferred[None] = Deferred()
        """Fires when there are servers, or it has been waited for long enough."""
        self._late: Any = None
        self._next: Any = None
        self._task: Task[None] | None = None
        self._broken = 0
        self._said = ""
        self.log = Logger(namespace="toron")

    # --- life ---------------------------------------------------------------------------------

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        self._late = self._reactor.callLater(FIRST, self._wait_no_longer)
        self._begin()

    def stopService(self) -> None:
        super().stopService()  # type: ignore[no-untyped-call]
        for call in (self._late, self._next):
            if call is not None and call.active():
                call.cancel()
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        async def discovering() -> None:
            await self._discover(self)

        task = self._task = Task(discovering(), self._ended)
        task.start()

    def _ended(self, _: None, error: BaseException | None) -> None:
        self._task = None
        if not self.running:
            return
        if error is not None:
            self.log.failure(
                "the discovery of {backend} is broken", Failure(error), backend=self._backend.name
            )
        self.failed(f"it ended: {type(error).__name__}" if error is not None else "it ended")
        first, most = AGAIN
        delay = min(most, first * 2.0 ** min(self._broken, 30)) * (0.9 + 0.2 * self._random.random())
        self._broken += 1
        self._next = self._reactor.callLater(delay, self._begin)

    def _wait_no_longer(self) -> None:
        if not self.known.called:
            self.log.warn(
                "backend {backend} has no servers yet, and is served without", backend=self._backend.name
            )
            self.known.callback(None)

    # --- what is found ------------------------------------------------------------------------

    def publish(self, servers: Iterable[Server]) -> None:
        """These are all the servers there are now; none, or one of another scheme, count as a failure."""
        found = list(servers)
        if not found:
            self.failed("there are no servers")
            return
        wrong = next((server for server in found if server.scheme != self._scheme), None)
        if wrong is not None:
            self.failed(f"{wrong.url} is not {self._scheme}")
            return
        backend, stats = self._backend, self._stats
        before = list(backend.servers)
        news = backend.publish(found)
        stats.found += 1
        stats.stale = False
        stats.servers = len(backend.servers)
        self._broken = 0
        if self._said:
            self._said = ""
            self.log.info("discovery of {backend} works again", backend=backend.name)
        if news:
            self._tell(before)
        if not self.known.called:
            self._late.cancel()
            self.known.callback(None)

    def _tell(self, before: list[Server]) -> None:
        now = self._backend.servers
        self.log.info(
            "backend {backend} has {count} servers: {came} came, {gone} went",
            backend=self._backend.name, count=len(now),
            came=_names([server for server in now if server not in before]),
            gone=_names([server for server in before if server not in now]),
        )  # fmt: skip

    def failed(self, why: str) -> None:
        """Nothing could be found out: the servers that were found last stay."""
        self._stats.failed += 1
        self._stats.stale = True
        if why == self._said:
            return
        self._said = why
        self.log.warn(
            "discovery of {backend} failed: {why}; {kept}",
            backend=self._backend.name, why=why,
            kept=f"its {len(self._backend.servers)} servers stay" if self._backend.servers
            else "it has no servers yet",
        )  # fmt: skip


def _names(servers: list[Server]) -> str:
    more = len(servers) - _SHOWN
    shown = ", ".join(server.name for server in servers[:_SHOWN]) or "none"
    return f"{shown} and {more} more" if more > 0 else shown
