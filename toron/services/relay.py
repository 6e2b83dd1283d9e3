"""Relays a connection to a server of a backend, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from toron.core.backend import Backend, Lease
from toron.core.refusal import CLIENT_GONE, Refusal, UpstreamFailed
from toron.core.server import Server
from toron.core.trail import Trail
from toron.net.connection import NOBODY, Connection
from toron.net.dial import Dialer
from toron.net.living import busy_relay
from toron.net.relay import Relay
from toron.net.sweep import NEVER, Sweep
from toron.observe.stats import BackendStats, ListenerStats, ServerStats

COUNT_EVERY = 1.0
"""Seconds after which the bytes of relays under way are counted again."""

Started = Callable[[Connection, str, Server], None]
Finished = Callable[[Connection, str, Server, Relay], None]


class RelayService:
    """The last step of a layer-4 listener: lease, dial, join, and wait for the end.

    Raises UpstreamFailed with the reason of the last try when no server took the connection. Before
    the first byte the next server is tried; afterwards nothing can be repeated.
    """

    def __init__(
        self,
        backend: Backend,
        dialer: Dialer,
        sweep: Sweep,
        *,
        idle: float,
        preface: Callable[[Connection, Server], bytes] | None,
        stats: ListenerStats,
        backend_stats: BackendStats,
        server_stats: dict[Server, ServerStats],
        started: Started,
        finished: Finished,
    ) -> None:
        """`idle` is in seconds; `preface` makes a PROXY header; the last two are told of each relay."""
        self.backend = backend
        self._dialer = dialer
        self._sweep = sweep
        self._idle = idle
        self._preface = preface
        self._stats = stats
        self._backend_stats = backend_stats
        self._server_stats = server_stats
        self._started = started
        self._finished = finished
        self._counted: dict[Relay, tuple[int, int]] = {}
        """What is counted already of each relay under way: bytes from the client, and bytes to it."""
        self.deadline = NEVER

    async def __call__(self, connection: Connection) -> None:
        lease, transport = await self._connect(connection)
        server = lease.server
        if connection.ended.done:
            lease.release()
            transport.abortConnection()
            raise Refusal(CLIENT_GONE)
        relay = Relay(self._sweep, self._idle)
        connection.drain = relay.drain
        connection.tells = partial(busy_relay, relay)
        connection.led_to = (self.backend.name, server)
        if not self._counted:
            self.deadline = self._sweep.now + COUNT_EVERY
            self._sweep.watch(self)
        self._counted[relay] = (0, 0)
        try:
            held, connection.held = connection.held, b""
            self._started(connection, self.backend.name, server)
            relay.join(connection.transport, transport, held)
            await relay.ended
        finally:
            lease.release()
            self._count(relay, *self._counted.pop(relay))
            if not self._counted:
                self._sweep.forget(self)
            self._finished(connection, self.backend.name, server, relay)
            connection.lost()

    def expired(self, now: float) -> None:
        """Count what relays have moved so far: some of them take hours."""
        self.deadline = now + COUNT_EVERY
        for relay, (received, sent) in self._counted.items():
            self._count(relay, received, sent)
            self._counted[relay] = (relay.client.received, relay.server.received)

    def _count(self, relay: Relay, received: int, sent: int) -> None:
        """Add what has come since that was counted."""
        self._stats.bytes_in += relay.client.received - received
        self._stats.bytes_out += relay.server.received - sent

    async def _connect(self, connection: Connection) -> tuple[Lease, Any]:
        """A lease, and the paused transport to its server."""
        backend = self.backend
        backend.budget.request(self._sweep.now)
        tried: list[Server] = []
        trail = connection.trail = Trail()
        while True:
            after = connection.reactor.seconds() - connection.accepted
            try:
                lease = backend.lease(connection, tried, self._sweep.now)
            except Refusal:
                trail.pick(backend, None, tried, self._sweep.now, after)
                raise
            server = lease.server
            trail.pick(backend, server, tried, self._sweep.now, after)
            tried.append(server)
            first = self._preface(connection, server) if self._preface is not None else b""
            try:
                transport = await self._dialer.dial(server, NOBODY, first, paused=True)
            except UpstreamFailed as failure:
                after = connection.reactor.seconds() - connection.accepted
                trail.failed(failure.reason.word, failure.detail, after)
                lease.release()
                self._server_stats[server].fail(failure.reason.word)
                if not self._again(server, failure, tried):
                    failure.backend, failure.server = backend.name, server.name
                    raise
            except BaseException:
                lease.release()
                raise
            else:
                trail.answered(0, connection.reactor.seconds() - connection.accepted)
                self._server_stats[server].connections += 1
                backend.succeeded(server, self._sweep.now)
                return lease, transport
            self._backend_stats.retries += 1

    def _again(self, server: Server, failure: UpstreamFailed, tried: list[Server]) -> bool:
        backend = self.backend
        now = self._sweep.now
        news = False
        if not failure.ours:
            news = backend.unreachable(server, now)
            backend.failed(server, now, failure.reason.word)
        if len(tried) >= backend.attempts:
            return False
        if not any(s not in tried and backend.is_up(s, now) for s in backend.servers):
            return False
        return backend.budget.may_retry(now, free=news)
