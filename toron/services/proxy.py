"""Sends a request on to a server of a backend, and to another one where that is safe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from toron.core.backend import Backend, Lease
from toron.core.body import Body
from toron.core.forwarding import FORWARDED_NAMES, outgoing
from toron.core.message import Request, Response
from toron.core.refusal import TOTAL_TIMEOUT, UpstreamFailed
from toron.core.server import Server
from toron.core.sticky import StickySeal
from toron.net.dial import Dialer
from toron.net.http1_client import UpstreamConnection
from toron.net.pool import Pool
from toron.net.sweep import NEVER, Sweep
from toron.net.tunnel import UpstreamTunnel
from toron.observe.stats import BackendStats, ServerStats
from toron.services._exchange import Exchange
from toron.services._sending import Sending
from toron.services._time_limit import TimeLimit
from toron.wire.events import RequestHead
from toron.wire.headers import Field, Headers, fold


@dataclass(slots=True)
class Policy:
    """How requests are sent on: times in seconds (0 for no limit), sizes in bytes."""

    response: float = 60.0
    idle: float = 60.0
    total: float = 0.0
    tunnel: float = 3600.0
    retry_statuses: frozenset[int] = frozenset()
    retry_methods: frozenset[bytes] = frozenset()
    retry_body: int = 64 << 10
    host: bytes = b"keep"
    forwarded: bool = False


class Proxy:
    """The service in front of one backend; call it with a request for the server's response.

    Raises Refusal with the reason of the last try when no server gave an answer.
    """

    def __init__(
        self,
        backend: Backend,
        dialer: Dialer,
        pool: Pool,
        sweep: Sweep,
        policy: Policy,
        *,
        seconds: Callable[[], float],
        wall: Callable[[], float],
        stats: BackendStats,
        server_stats: dict[Server, ServerStats],
        sticky: StickySeal | None = None,
        preface: Callable[[Request, Server], bytes] | None = None,
    ) -> None:
        """`preface` makes a PROXY header; a connection that begins with one serves one request."""
        self.backend = backend
        self.pool = pool
        self._dialer = dialer
        self._sweep = sweep
        self._policy = policy
        self._seconds = seconds
        self._wall = wall
        self._stats = stats
        self._server_stats = server_stats
        self._sticky = sticky
        self._preface = preface

    async def __call__(self, request: Request) -> Response:
        policy = self._policy
        request.backend = self.backend
        self.backend.budget.request(self._sweep.now)
        if not policy.total:
            return await self._try(request, None)
        limit = TimeLimit(self._sweep, policy.total)
        try:
            response = await self._try(request, limit)
        except BaseException:
            limit.forget()
            raise
        limit.last()
        return response

    async def _try(self, request: Request, limit: TimeLimit | None) -> Response:
        """The answer of the first server that gives one."""
        backend = self.backend
        policy = self._policy
        sending = None if request.body is None else Sending(request.body, policy.retry_body)
        stuck = self._stuck_to(request)
        tried: list[Server] = []
        while True:
            lease = stuck and backend.lease_server(stuck, tried, self._sweep.now)
            if not lease:
                lease = backend.lease(request, tried, self._sweep.now)
            server = request.server = lease.server
            tried.append(server)
            try:
                response = await self._ask(request, lease, sending, limit)
            except UpstreamFailed as failure:
                late = limit is not None and limit.passed
                if late or not self._again(request, failure, tried, sending):
                    raise
            else:
                request.answered_after = self._seconds() - request.arrived
                self._server_stats[server].answered(response.status, request.answered_after)
                if response.status not in policy.retry_statuses or not self._ask_another(
                    request, tried, sending
                ):
                    return self._marked(request, response, server, stuck)
                self._let_rest(server, response)
            request.retries += 1
            self._stats.retries += 1

    # --- one try ------------------------------------------------------------------------------

    async def _ask(
        self, request: Request, lease: Lease, sending: Sending | None, limit: TimeLimit | None
    ) -> Response:
        """One server's answer; its lease is released when the exchange is over."""
        server = lease.server
        fresh = False
        while True:
            try:
                connection = await self._connection(request, server, fresh, limit)
            except BaseException as error:
                lease.release()
                if isinstance(error, UpstreamFailed):
                    self._server_stats[server].fail(error.reason.word)
                raise
            exchange = Exchange(
                self.backend, lease, connection, self._server_stats[server], self._sweep, limit
            )
            if limit is not None:
                limit.begin(partial(connection.give_up, UpstreamFailed(TOTAL_TIMEOUT)))
            body = None if sending is None else sending.take()
            try:
                response = await connection.begin(
                    self._head(request, server, body), body, request.inform,
                    self._policy.response or NEVER, exchange.over,
                )  # fmt: skip
            except UpstreamFailed as failure:
                if exchange.is_stale(failure) and self._may_repeat(request, sending):
                    # Asked again, over a connection that is certainly new.
                    fresh = True
                    lease = Lease(server)
                    continue
                raise
            except BaseException:
                connection.cancel()
                raise
            exchange.answered(response.status)
            if isinstance(response.tunnel, UpstreamTunnel):
                response.tunnel.idle = self._policy.tunnel or NEVER
            return response

    async def _connection(
        self, request: Request, server: Server, fresh: bool, limit: TimeLimit | None
    ) -> UpstreamConnection:
        """A kept connection, or a new one."""
        first = b""
        if self._preface is None:
            # What can be sent twice may go over a connection that is perhaps closed already.
            certain = (
                request.body is not None
                or request.upgrade is not None
                or request.method not in self._policy.retry_methods
            )
            kept = None if fresh else self.pool.take(server, certain)
            if kept is not None:
                return kept
        else:
            first = self._preface(request, server)
        connection = UpstreamConnection(server, self._sweep, self._policy.idle or NEVER)
        if self._preface is None:
            connection.idle = self.pool.keep
            connection.gone = self.pool.forget
        dialing = self._dialer.dial(server, connection, first)
        await (dialing if limit is None else limit.over(dialing))
        self._server_stats[server].connections += 1
        return connection

    def _head(self, request: Request, server: Server, body: Body | None) -> RequestHead:
        """The head for the server: end-to-end fields, and who the request is from."""
        fields: list[Field] = [
            field for field in request.headers.fields if fold(field[0]) not in FORWARDED_NAMES
        ]
        fields += outgoing(request, request.trusted_peer, self._policy.forwarded)
        if request.retries:
            fields.append((b"X-Retry-Count", b"%d" % request.retries))
        headers = Headers.of(fields)
        host = self._policy.host
        if host != b"keep":
            headers.set(b"Host", server.name.encode() if host == b"server" else host)
        elif b"host" not in request.headers:
            headers.set(b"Host", server.name.encode())
        return RequestHead(
            request.method, request.target, headers,
            length=0 if body is None else body.length,
            upgrade=request.upgrade or b"",
            expects_continue=request.expects_continue,
            accepts_trailers=request.accepts_trailers,
        )  # fmt: skip

    # --- another try --------------------------------------------------------------------------

    def _again(
        self, request: Request, failure: UpstreamFailed, tried: list[Server], sending: Sending | None
    ) -> bool:
        """Whether another server may be asked after a failure; the backend is told of it."""
        now = self._sweep.now
        server = tried[-1]
        news = False
        if failure.untouched and not failure.ours:
            news = self.backend.unreachable(server, now)
            self.backend.failed(server, now, failure.reason.word)
        if not failure.untouched and not self._may_repeat(request, sending):
            return False
        if sending is not None and not sending.repeatable:
            return False
        return self._another_is_left(tried) and self.backend.budget.may_retry(now, free=news)

    def _ask_another(self, request: Request, tried: list[Server], sending: Sending | None) -> bool:
        return (
            self._may_repeat(request, sending)
            and self._another_is_left(tried)
            and self.backend.budget.may_retry(self._sweep.now)
        )

    def _let_rest(self, server: Server, response: Response) -> None:
        """Throw an answer away that is not good enough, and do what it asks for."""
        if isinstance(response.body, Body):
            response.body.stop()
        wish = response.headers.get(b"retry-after", b"")
        if wish and wish.isdigit() and len(wish) < 10:
            self.backend.rest(server, self._sweep.now, float(wish))

    def _another_is_left(self, tried: list[Server]) -> bool:
        if len(tried) >= self.backend.attempts:
            return False
        now = self._sweep.now
        return any(s not in tried and self.backend.is_up(s, now) for s in self.backend.servers)

    def _may_repeat(self, request: Request, sending: Sending | None) -> bool:
        """Whether the request may be sent twice (RFC 9110 section 9.2.2), and can be."""
        if request.method not in self._policy.retry_methods or request.upgrade:
            return False
        return sending is None or sending.repeatable

    # --- sticky clients -----------------------------------------------------------------------

    def _stuck_to(self, request: Request) -> str | None:
        """The server that the client's cookie names; the cookie goes no further."""
        if self._sticky is None:
            return None
        sealed = self._sticky.take(request.headers)
        return self._sticky.open(sealed, self._wall()) if sealed is not None else None

    def _marked(self, request: Request, response: Response, server: Server, stuck: str | None) -> Response:
        """Give a client that is not (or no longer) bound to this server a cookie that says so."""
        sticky = self._sticky
        if sticky is not None and stuck != server.name:
            cookie = sticky.set_cookie(sticky.seal(server.name, self._wall()), request.scheme == b"https")
            response.headers.add(b"Set-Cookie", cookie)
        return response
