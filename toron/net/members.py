"""Keeps what goes with the servers of a backend in step, while they come and go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from twisted.application.service import MultiService

from toron.core.backend import Backend
from toron.core.server import Server
from toron.net.sweep import NEVER, Sweep
from toron.net.upstream import Connections

if TYPE_CHECKING:
    from toron.observe.stats import ServerStats

LINGER = 5.0
"""Seconds between two looks at servers that are gone: what they finish is counted until then."""


class Members(MultiService):
    """The stats, the connections and the active checks of a backend whose servers are discovered.

    What belongs to a server that is gone is forgotten when it has had nothing to do at two looks in a
    row. Its children are the checks, and whoever discovers.
    """

    def __init__(
        self,
        backend: Backend,
        stats: dict[Server, ServerStats],
        sweep: Sweep,
        *,
        count: Callable[[Server], ServerStats],
        forget: Callable[[Server], None],
    ) -> None:
        """`stats` is kept up to date; `count` makes the stats of a server, `forget` unmakes them."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.backend = backend
        self.stats = stats
        self.initial: bool | None = None
        """What servers are before their first check; None where there are no checks."""
        self.check: Callable[[Server], Any] | None = None
        """Makes the check of a server, a service; None in a process that checks nothing."""
        self.pools: list[Connections] = []
        self.deadline = NEVER
        self._sweep = sweep
        self._count = count
        self._forget = forget
        self._checks: dict[Server, Any] = {}
        self._leaving: dict[Server, bool] = {}
        """Servers that are gone, and whether they had nothing to do at the last look."""
        backend.published.append(self._published)

    @property
    def checks(self) -> list[Any]:
        """Those of the servers that are there."""
        return list(self._checks.values())

    def adopt(self, server: Server, check: Any) -> None:
        """Look after the check of a server that is there from the start."""
        self._checks[server] = check
        check.setServiceParent(self)

    def stopService(self) -> Any:
        self._sweep.forget(self)
        return super().stopService()  # type: ignore[no-untyped-call]

    def _published(self, came: Sequence[Server], gone: Sequence[Server]) -> None:
        for server in gone:
            check = self._checks.pop(server, None)
            if check is not None:
                check.disownServiceParent()
            for pool in self.pools:
                pool.drop(server)
            self._leaving[server] = False
        for server in came:
            self._leaving.pop(server, None)
            self.stats[server] = self._count(server)
            if self.initial is not None:
                self.backend.set_healthy(server, self.initial, "not checked yet")
            if self.check is not None:
                self._checks[server] = check = self.check(server)
                check.setServiceParent(self)
        if self._leaving and self.deadline == NEVER:
            self.deadline = self._sweep.now + LINGER
            self._sweep.watch(self)

    def expired(self, now: float) -> None:
        """Look whether those that are gone have finished."""
        for server, idle in list(self._leaving.items()):
            if server.in_flight:
                self._leaving[server] = False
            elif not idle:
                self._leaving[server] = True
            else:
                del self._leaving[server], self.stats[server]
                self._forget(server)
                for pool in self.pools:
                    pool.drop(server)
        if self._leaving:
            self.deadline = now + LINGER
        else:
            self._sweep.forget(self)
