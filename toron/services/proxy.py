"""Sends a request on to a server of a backend, and to another one where that is safe."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from toron.core import grpc
from toron.core.backend import Backend, Lease
from toron.core.body import Body
from toron.core.forwarding import FORWARDED_NAMES, outgoing
from toron.core.message import Request, Response
from toron.core.refusal import DEADLINE, Refusal, UpstreamFailed
from toron.core.server import Server
from toron.core.sticky import StickySeal
from toron.core.trail import Trail
from toron.core.wait import Wait
from toron.net.sweep import NEVER, Sweep
from toron.net.tunnel import UpstreamTunnel
from toron.net.upstream import Connections, Upstream
from toron.observe.stats import BackendStats, ServerStats
from toron.services._exchange import Exchange
from toron.services._sending import Sending
from toron.services._time_limit import TimeLimit
from toron.wire.events import RequestHead
from toron.wire.headers import fold, headers_of

_REFUSALS = 3
"""How often a server may say that it did nothing with a request, which is then sent to it once more."""


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
        pool: Connections,
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
        self._sweep = sweep
        self._policy = policy
        self._seconds = seconds
        self._wall = wall
        self._stats = stats
        self._server_stats = server_stats
        self._sticky = sticky
        self._preface = preface

    def __call__(self, request: Request) -> Awaitable[Response]:
        request.backend = self.backend
        self.backend.budget.request(self._sweep.now)
        if not self._policy.total and b"grpc-timeout" not in request.headers:
            return self._try(request, None)
        return self._try_for_a_time(request)

    async def _try_for_a_time(self, request: Request) -> Response:
        limit = self._limit(request)
        if limit is None:
            return await self._try(request, None)
        try:
            response = await self._try(request, limit)
        except BaseException:
            limit.forget()
            raise
        limit.last()
        return response

    def _limit(self, request: Request) -> TimeLimit | None:
        """The backend's limit or the client's own, whichever ends sooner."""
        total = self._policy.total or NEVER
        asked = grpc.timeout(request.headers)
        if asked is not None and asked < total:
            return TimeLimit(self._sweep, asked, DEADLINE, ours=True)
        return None if total == NEVER else TimeLimit(self._sweep, total)

    async def _try(self, request: Request, limit: TimeLimit | None) -> Response:
        """The answer of the first server that gives one."""
        policy = self._policy
        sending = None if request.body is None else Sending(request.body, policy.retry_body)
        stuck = None if self._sticky is None else self._stuck_to(self._sticky, request)
        tried: list[Server] = []
        again: Server | None = None
        fresh = False
        refused = 0
        while True:
            if again is None:
                lease = self._lease(request, stuck, tried)
                tried.append(lease.server)
            else:
                lease = Lease(again)
            server = request.server = lease.server
            if request.trail is not None:
                self._followed(request, tried, again, stuck)
            exchange = Exchange(self.backend, lease, self._server_stats[server], self._sweep, limit)
            try:
                connection = None if fresh else self._kept(request, server)
                if connection is None:
                    connection = await self._new(request, server, limit)
                response = await self._ask(request, server, exchange, connection, sending, limit)
            except UpstreamFailed as failure:
                self._noted(request, tried, failure)
                if exchange.is_stale(failure) and self._may_repeat(request, sending):
                    # The same server is asked once more, over a connection that is certainly new.
                    again, fresh = server, True
                    continue
                if failure.unprocessed and refused < _REFUSALS and (sending is None or sending.repeatable):
                    again, fresh = server, False
                    refused += 1
                    continue
                exchange.never_began(failure)
                late = limit is not None and limit.passed
                if late or not self._again(request, failure, tried, sending):
                    raise
            except BaseException:
                exchange.cancel()
                raise
            else:
                self._answered(request, response, server, exchange)
                if response.status not in policy.retry_statuses or not self._ask_another(
                    request, tried, sending
                ):
                    if self._sticky is not None:
                        self._mark(self._sticky, request, response, stuck)
                    return response
                self._let_rest(server, response)
            again, fresh = None, False
            request.retries += 1
            self._stats.retries += 1

    # --- one try ------------------------------------------------------------------------------

    def _lease(self, request: Request, stuck: str | None, tried: list[Server]) -> Lease:
        """The server that the client is bound to, if it may be asked, else the balancer's pick."""
        now = self._sweep.now
        lease = self.backend.lease_server(stuck, tried, now) if stuck else None
        try:
            return lease or self.backend.lease(request, tried, now)
        except Refusal:
            trail = request.trail = request.trail or Trail()
            trail.pick(self.backend, None, tried, now, self._seconds() - request.arrived)
            raise

    def _ask(
        self, request: Request, server: Server, exchange: Exchange, connection: Upstream,
        sending: Sending | None, limit: TimeLimit | None,
    ) -> Wait[Response]:  # fmt: skip
        """Begin the exchange; its answer fires when the head of the response is here."""
        exchange.connection = connection
        if limit is not None:
            limit.begin(partial(connection.give_up, limit.failure()))
        body = None if sending is None else sending.take()
        head = self._head(request, server, body)
        return connection.begin(head, body, request.inform, self._policy.response or NEVER, exchange.over)

    def _answered(self, request: Request, response: Response, server: Server, exchange: Exchange) -> None:
        """The head of a response is here."""
        exchange.answered(response.status)
        if isinstance(response.tunnel, UpstreamTunnel):
            response.tunnel.idle = self._policy.tunnel or NEVER
        request.answered_after = self._seconds() - request.arrived
        if request.trail is not None:
            request.trail.answered(response.status, request.answered_after)
        self._server_stats[server].answered(response.status, request.answered_after)

    def _kept(self, request: Request, server: Server) -> Upstream | None:
        """A kept connection, or a place on one, if there is any."""
        if self._preface is not None:
            return None
        # What can be sent twice may go over a connection that is perhaps closed already.
        certain = (
            request.body is not None
            or request.upgrade is not None
            or request.method not in self._policy.retry_methods
        )
        pool = self.pool if request.upgrade is None else self.pool.switching
        return pool.take(server, certain)

    async def _new(self, request: Request, server: Server, limit: TimeLimit | None) -> Upstream:
        """A new connection, or a place on one."""
        first = None if self._preface is None else self._preface(request, server)
        pool = self.pool if request.upgrade is None else self.pool.switching
        opening = pool.open(server, first)
        return await (opening if limit is None else limit.over(opening))

    def _head(self, request: Request, server: Server, body: Body | None) -> RequestHead:
        """The head for the server: end-to-end fields, and who the request is from."""
        headers = request.headers
        if headers.has_any(FORWARDED_NAMES):
            fields = [field for field in headers.fields if fold(field[0]) not in FORWARDED_NAMES]
            fields += outgoing(request, request.trusted_peer, self._policy.forwarded)
        else:
            fields = headers.fields + outgoing(request, request.trusted_peer, self._policy.forwarded)
        if request.retries:
            fields.append((b"X-Retry-Count", b"%d" % request.retries))
        sent = headers_of(fields)
        host = self._policy.host
        if host != b"keep":
            sent.set(b"Host", server.name.encode() if host == b"server" else host)
        elif b"host" not in headers:
            sent.set(b"Host", server.name.encode())
        return RequestHead(
            request.method, request.target, sent, length=0 if body is None else body.length,
            upgrade=request.upgrade or b"", expects_continue=request.expects_continue,
            accepts_trailers=request.accepts_trailers,
        )  # fmt: skip

    # --- for those who ask why ----------------------------------------------------------------

    def _followed(
        self, request: Request, tried: list[Server], again: Server | None, stuck: str | None
    ) -> None:
        """Write down who is asked."""
        server = tried[-1]
        by = "again" if again is not None else "cookie" if server.name == stuck else ""
        trail, after = request.trail, self._seconds() - request.arrived
        assert trail is not None
        trail.pick(self.backend, server, tried[:-1], self._sweep.now, after, by)

    def _noted(self, request: Request, tried: list[Server], failure: UpstreamFailed) -> None:
        """Write down why a server did not answer, of a request too that was not followed before."""
        trail = request.trail
        if trail is None:
            trail = request.trail = Trail()
            trail.pick(self.backend, tried[-1], tried[:-1], self._sweep.now, None)
        trail.failed(failure.reason.word, failure.detail, self._seconds() - request.arrived)

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

    def _stuck_to(self, sticky: StickySeal, request: Request) -> str | None:
        """The server that the client's cookie names; the cookie goes no further."""
        sealed = sticky.take(request.headers)
        return sticky.open(sealed, self._wall()) if sealed is not None else None

    def _mark(self, sticky: StickySeal, request: Request, response: Response, stuck: str | None) -> None:
        """Give a client that is not (or no longer) bound to this server a cookie that says so."""
        server = request.server
        if server is not None and stuck != server.name:
            cookie = sticky.set_cookie(sticky.seal(server.name, self._wall()), request.scheme == b"https")
            response.headers.add(b"Set-Cookie", cookie)
