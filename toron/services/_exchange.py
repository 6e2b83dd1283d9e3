"""One exchange with one server, and what it says of that server."""

from __future__ import annotations

from toron.core.backend import Backend, Lease
from toron.core.refusal import UPSTREAM_CLOSED, UPSTREAM_RESET, Refusal, UpstreamFailed
from toron.net.sweep import Sweep
from toron.net.upstream import Upstream
from toron.observe.stats import ServerStats
from toron.services._time_limit import TimeLimit


class Exchange:
    """From a lease to its release; tells the backend of success and failure."""

    __slots__ = ("_backend", "_ended_well", "_lease", "_limit", "_stats", "_status", "_sweep", "connection")

    def __init__(
        self, backend: Backend, lease: Lease, stats: ServerStats, sweep: Sweep, limit: TimeLimit | None
    ) -> None:
        self.connection: Upstream | None = None
        """Set once there is one."""
        self._backend = backend
        self._lease = lease
        self._stats = stats
        self._sweep = sweep
        self._limit = limit
        self._status = 0
        self._ended_well = False

    def answered(self, status: int) -> None:
        """The head of the response is here; the exchange may be over already."""
        self._status = status
        if status >= 500:
            self._backend.failed(self._lease.server, self._sweep.now, f"status {status}")
        elif self._ended_well:
            self._backend.succeeded(self._lease.server, self._sweep.now)

    def over(self, error: Refusal | None) -> None:
        """The exchange is over: whole, given up, or failed with an error."""
        self._lease.release()
        if self._limit is not None:
            self._limit.end()
        server = self._lease.server
        if error is None:
            self._ended_well = True
            if 0 < self._status < 500:
                self._backend.succeeded(server, self._sweep.now)
        elif isinstance(error, UpstreamFailed) and not error.ours and not self.is_stale(error):
            self._stats.fail(error.reason.word)
            self._backend.failed(server, self._sweep.now, error.reason.word)

    def is_stale(self, error: UpstreamFailed) -> bool:
        """Whether the server only closed a kept connection just as it was used again.

        That says nothing about the server.
        """
        connection = self.connection
        broken_off = error.reason is UPSTREAM_CLOSED or error.reason is UPSTREAM_RESET
        return connection is not None and broken_off and connection.used and not connection.answered

    def never_began(self, error: UpstreamFailed) -> None:
        """There was no connection to be had; nothing happens where there was one."""
        if self.connection is None:
            self._lease.release()
            self._stats.fail(error.reason.word)

    def cancel(self) -> None:
        """Nobody wants the answer any more."""
        if self.connection is None:
            self._lease.release()
        else:
            self.connection.cancel()
