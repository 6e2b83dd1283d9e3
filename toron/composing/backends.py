"""Makes backends with all that their traffic needs, or keeps them: servers, checks, connections, cookies."""

from __future__ import annotations

import os
import zlib
from collections import Counter
from collections.abc import Callable, Generator, Hashable, Iterator
from functools import partial
from itertools import count
from typing import Any

from twisted.application.service import Service

from toron.composing.ground import Ground
from toron.config import model
from toron.core.backend import Backend
from toron.core.ejection import Ejection
from toron.core.message import Request
from toron.core.retrying import Budget
from toron.core.rise_fall import RiseFall
from toron.core.server import Server
from toron.core.sticky import StickySeal
from toron.interfaces import Probe
from toron.net.dial import Dialer, UpstreamTls, client_context
from toron.net.discovery import Discovery
from toron.net.health import HealthCheck
from toron.net.http2_pool import Http2Pool
from toron.net.inheritance import Inherited, Named
from toron.net.late import NEVER as NEVER_LATE
from toron.net.members import Members
from toron.net.pauses import emptying
from toron.net.pool import Pool
from toron.net.sweep import Sweep
from toron.net.upstream import Connections
from toron.observe.metrics import Metrics
from toron.observe.stats import BackendStats, ServerStats
from toron.probes.grpc import grpc_probe
from toron.probes.http import http_probe
from toron.probes.tcp import tcp_probe
from toron.services.proxy import Policy, Proxy
from toron.wire import proxy_protocol
from toron.wire.schemes import OVER_TLS, SHARED


class Group:
    """A backend with what its traffic needs; made once for each backend that is used."""

    def __init__(
        self,
        backend: Backend,
        spec: model.Backend,
        path: tuple[str | int, ...],
        stats: BackendStats,
        named: bool,
    ) -> None:
        self.backend = backend
        self.spec = spec
        self.named = named
        """Whether the configuration gives it its name."""
        self.known: Hashable = None
        """What one without a name is looked for by, and which of those it is."""
        self.path = path
        """Where it was written."""
        self.stats = stats
        self.servers: dict[Server, ServerStats] = {}
        self.dialer: Any = None
        self.proxy: Proxy | None = None
        self.checks: list[HealthCheck] = []
        """Of the servers that are written."""
        self.members: Members | None = None
        """Where its servers are discovered: what is done when they come and go."""
        self.discovery: Discovery | None = None
        """Who finds them; None in a worker, which is told."""


class Backends:
    """Those of one composition, each made when something first leads to it.

    With `before`, those that serve now: what has not changed is taken over, and none of it is touched.
    """

    def __init__(
        self,
        ground: Ground,
        config: model.Config,
        sweep: Sweep,
        metrics: Metrics,
        wall: Callable[[], float],
        before: Backends | None,
    ) -> None:
        self.ground = ground
        self.reactor = ground.reactor
        self.config = config
        self.sweep = sweep
        self.metrics = metrics
        self.wall = wall
        self._groups: dict[Any, Group] = {}
        self._fresh: set[Group] = set()
        """Those that were not there before."""
        self._unnamed: Counter[Hashable] = Counter()
        self._reserved: set[str] = set()
        """Names that backends without one of their own have, or are likely to take over."""
        self._earlier = {} if before is None else {group.backend.name: group for group in before.groups}
        """The backends of the composition before, by name."""

    @property
    def groups(self) -> list[Group]:
        """Every backend with its traffic."""
        return list(self._groups.values())

    @property
    def services(self) -> list[Service]:
        """What is part of the tree: the checks of servers that are written, and who discovers others."""
        checks: list[Service] = [check for group in self.groups for check in group.checks]
        return checks + [group.members for group in self.groups if group.members is not None]

    def leave(self) -> None:
        """Let go of what only served to compose."""
        self._earlier = {}
        self._fresh = set()

    def dismantle(self) -> Generator[None]:
        """Let go of what is known of them, in small steps; those that are used by others live on."""
        del self.config
        return emptying(self._groups)

    def reserve_names(self) -> Generator[None]:
        """See which backends without a name will be taken over: they keep what they were called."""
        earlier = {group.known: group.backend.name for group in self._earlier.values() if not group.named}
        seen: Counter[Hashable] = Counter()
        inherited = isinstance(self.ground.inheritance, Inherited)
        for spec in unnamed(self.config) if earlier and not inherited else ():
            known = _known(spec)
            seen[known] += 1
            name = earlier.get((known, seen[known]))
            if name is not None:
                self._reserved.add(name)
            yield

    def group(self, reference: model.BackendRef, path: tuple[str | int, ...]) -> Group:
        """The backend of that name, or the one written at `path`."""
        named = isinstance(reference, str)
        key = reference if named else path
        made = self._groups.get(key)
        if made is None:
            piece: Hashable
            known: Hashable = None
            if isinstance(reference, str):
                spec, name, path = self.config.backends[reference], reference, ("backends", reference)
                piece = ("backend", name)
            else:
                spec = reference
                known, name = self._known_at(path, spec)
                piece = ("backend", known)
            plugins = self.ground.loaded.plugins
            balance = plugins[(*path, "balance")]
            discovery = None if spec.discovery is None else plugins[(*path, "discovery")]
            made_of = (
                spec, balance, discovery,
                self.ground.contents(spec.tls), self.ground.contents(balance.options),
            )  # fmt: skip
            made = self.ground.same(piece, made_of, lambda: self._group(spec, name, path, named))
            if made not in self._fresh:
                # With the whole go its parts, for a composition after this one that changes it.
                for part in ("dialer", "pool", "secret"):
                    self.ground.pieces.carry((part, made.backend.name))
                made.path = path
            made.known = known
            if not named and self.ground.inheritance is not None:
                self.ground.inheritance.unnamed[path] = known, made.backend.name
            self._groups[key] = made
        return made

    def _known_at(self, path: tuple[str | int, ...], spec: model.Backend) -> Named:
        """What a backend without a name is known by, and its name where it is known already, else ""."""
        inheritance = self.ground.inheritance
        if isinstance(inheritance, Inherited):
            return inheritance.unnamed[path]
        # One with the same servers and settings is the same.
        known = _known(spec)
        self._unnamed[known] += 1
        return (known, self._unnamed[known]), ""

    def _name_of_unnamed(self, spec: model.Backend) -> str:
        """Unnamed backends may begin with the same server, and are still told apart."""
        first = name_of_first(spec)
        names = (first if number == 1 else f"{first}#{number}" for number in count(1))
        name = next(name for name in names if name not in self._reserved)
        self._reserved.add(name)
        return name

    def _server(self, spec: model.ServerSpec, earlier: dict[str, Server], of: model.Backend) -> Server:
        """A server, with the state that it had in this backend if it was there already."""
        made = Server(spec.url, spec.weight, spec.backup)
        kept = earlier.pop(made.url, None)
        if kept is None:
            return made
        self.ground.changes.append(partial(_go_on, kept, made, of))
        return kept

    def _group(self, spec: model.Backend, name: str, path: tuple[str | int, ...], named: bool) -> Group:
        name = name or self._name_of_unnamed(spec)
        earlier = self._earlier.get(name)
        if earlier is not None and earlier.named != named:
            earlier = None
        before = {} if earlier is None else {server.url: server for server in earlier.backend.servers}
        kept = set(before.values())
        if spec.discovery is None:
            servers = [self._server(each, before, spec) for each in spec.all_servers]
        else:
            # Those that were known serve until it is found out which there are.
            servers = [server for server in before.values() if server.scheme in spec.schemes]
            self.ground.changes.extend(partial(_go_on, server, server, spec) for server in servers)
        _, balancer = self.ground.plugin((*path, "balance"), name)
        passive = spec.passive_health
        backend = Backend(
            name, servers, balancer,
            ejection=None if passive is None else Ejection(
                passive.failures, passive.base, passive.max, passive.max_ejected
            ),
            budget=Budget(spec.retries.budget), attempts=spec.retries.attempts,
        )  # fmt: skip
        backend.changed = self._changed(name)
        group = Group(backend, spec, path, self.metrics.backend(name), named)
        self._fresh.add(group)
        group.servers = {server: self.metrics.server(name, server) for server in servers}
        made_of = (
            spec.timeouts.connect, spec.tls, self.ground.contents(spec.tls),
            OVER_TLS.isdisjoint(spec.schemes), spec.schemes[0],
        )  # fmt: skip
        group.dialer = self.ground.same(
            ("dialer", name), made_of,
            lambda: Dialer(self.reactor, spec.timeouts.connect, self._upstream_tls(spec, path)),
        )  # fmt: skip
        if spec.discovery is not None:
            self._discover(group, (*path, "discovery"))
        if spec.health is not None:
            checked = earlier is not None and earlier.spec.health is not None
            self._checks(group, spec.health, kept, checked)
        return group

    def _discover(self, group: Group, path: tuple[str | int, ...]) -> None:
        """Who says which servers there are, and what is done as they come and go; a worker is told."""
        backend, name = group.backend, group.backend.name
        members = group.members = Members(
            backend, group.servers, self.sweep,
            count=partial(self.metrics.server, name), forget=partial(self.metrics.forget_server, name),
        )  # fmt: skip
        if isinstance(self.ground.inheritance, Inherited):
            return
        _, discover = self.ground.plugin(path, name)
        group.discovery = Discovery(
            self.reactor, self.ground.random, backend, discover, group.spec.schemes[0],
            self.metrics.discovery(name),
        )  # fmt: skip
        group.discovery.setServiceParent(members)  # type: ignore[no-untyped-call]

    def _changed(self, backend: str) -> Callable[[Server, bool, str], None]:
        def changed(server: Server, up: bool, why: str) -> None:
            if up:
                self.ground.log.info("server {b}/{s} is up: {why}", b=backend, s=server.name, why=why)
            else:
                self.ground.log.warn("server {b}/{s} is down: {why}", b=backend, s=server.name, why=why)

        return changed

    def _upstream_tls(self, spec: model.Backend, path: tuple[str | int, ...]) -> UpstreamTls | None:
        if OVER_TLS.isdisjoint(spec.schemes):
            return None
        tls = spec.tls
        http = spec.schemes[0] in ("https", "h2")
        with (
            self.ground.located("the TLS files can not be used", *path, "tls"),
            self.ground.readable(tls.ca) as ca,
            self.ground.readable(tls.cert) as cert,
            self.ground.readable(tls.key) as key,
        ):
            context = client_context(ca, tls.verify, cert, key, (b"http/1.1",) if http else ())
            both = client_context(ca, tls.verify, cert, key, (b"h2", b"http/1.1")) if http else context
        if not tls.verify and not tls.pin:
            self.ground.log.warn(
                "{place}: certificates of these servers are NOT verified",
                place=self.ground.loaded.place(*path, "tls", "verify"),
            )
        return UpstreamTls(context, tls.server_name, tls.verify, both, tls.pin)

    def _checks(self, group: Group, spec: model.Health, kept: set[Server], checked: bool) -> None:
        """An active check for each server, as a service of its own; a worker is told what they find.

        A server that was `kept`, and `checked` before, goes on as it is.
        """
        up, probe = spec.initial == "up", self._probe(group, spec)
        here = not isinstance(self.ground.inheritance, Inherited)

        def check(server: Server) -> HealthCheck:
            return HealthCheck(
                self.reactor, self.ground.random, group.backend, server, probe,
                RiseFall(spec.rise, spec.fall, up), spec.interval, spec.timeout, group.servers[server],
            )  # fmt: skip

        if group.members is not None:
            group.members.initial, group.members.check = up, check if here else None
        for server in group.backend.servers:
            if server in kept and not checked and not up:
                distrust = partial(group.backend.set_healthy, server, False, "not checked yet")
                self.ground.changes.append(distrust)
            elif server not in kept and not up:
                group.backend.set_healthy(server, False, "not checked yet")
            if not here:
                continue
            made = check(server)
            if server in kept:
                self.ground.changes.append(partial(_resume, made, server))
            if group.members is None:
                group.checks.append(made)
            else:
                group.members.adopt(server, made)

    def _probe(self, group: Group, spec: model.Health) -> Probe:
        environment = self.ground.environment(group.backend.name)
        version = group.spec.proxy_protocol
        preface = b""
        if version is not None:
            preface = proxy_protocol.header_v2(None, None, local=True) if version == "v2" else (
                proxy_protocol.header_v1(None, None)
            )  # fmt: skip
        dialer = group.dialer if spec.port is None else group.dialer.at_port(spec.port)
        if spec.path is not None:
            return http_probe(
                environment, dialer, self.sweep, method=spec.method, path=spec.path, host=spec.host,
                status=spec.status, body=spec.body, preface=preface,
            )  # fmt: skip
        if spec.grpc is not None:
            return grpc_probe(environment, dialer, spec.grpc.service, spec.host, preface)
        send = spec.send.encode() if spec.send is not None else b""
        return tcp_probe(environment, dialer, send, spec.expect, preface)

    def proxy(self, group: Group) -> Proxy:
        """The service in front of a backend; all routes to it share one, and its connections."""
        if group.proxy is not None:
            return group.proxy
        spec = group.spec
        pool = self._connections(group)
        policy = Policy(
            response=spec.timeouts.response, idle=spec.timeouts.idle, total=spec.timeouts.total,
            tunnel=spec.timeouts.tunnel,
            retry_statuses=frozenset(spec.retries.on),
            retry_methods=frozenset(method.upper().encode() for method in spec.retries.methods),
            retry_body=spec.retries.body, host=spec.host.encode(), forwarded=spec.forwarded,
        )  # fmt: skip
        group.proxy = Proxy(
            group.backend, pool, self.sweep, policy,
            seconds=self.reactor.seconds, wall=self.wall, stats=group.stats, server_stats=group.servers,
            sticky=self._sticky(group), preface=_preface_of_requests(spec.proxy_protocol),
        )  # fmt: skip
        return group.proxy

    def _connections(self, group: Group) -> Connections:
        spec = group.spec
        idle, response_idle = spec.pool.idle, spec.timeouts.idle
        shared = not SHARED.isdisjoint(spec.schemes)

        def opened(server: Server) -> None:
            group.servers[server].connections += 1

        def make() -> Connections:
            pool = Pool(self.sweep, group.dialer, spec.pool.size, idle, response_idle, opened)
            if not shared:
                return pool
            late = getattr(self.reactor, "late", NEVER_LATE)
            return Http2Pool(self.sweep, late, group.dialer, pool, idle, response_idle, opened)

        # A dialer is what it is: connections made by another one may be of another kind.
        made_of = (id(group.dialer), spec.pool, response_idle, shared, spec.proxy_protocol)
        pool = self.ground.same(("pool", group.backend.name), made_of, make)
        self.ground.changes.append(partial(setattr, pool, "opened", opened))
        if group.members is not None:
            group.members.pools.append(pool)
        return pool

    def _sticky(self, group: Group) -> StickySeal | None:
        spec = group.spec.sticky
        if spec is None:
            return None
        with self.ground.located("", *group.path, "sticky"):
            secrets = [secret.get_secret_value().encode() for secret in spec.secret]
            name = group.backend.name
            if not secrets:
                secret = partial(self.ground.once, partial(os.urandom, 32))
                secrets = [self.ground.same(("secret", name), None, secret)]
            # A name of its own, or two sticky backends would take the cookie from each other.
            cookie = spec.cookie or f"toron_sticky_{zlib.crc32(name.encode()):08x}"
            seal = StickySeal(secrets, cookie.encode(), spec.ttl, name.encode())
        return seal  # noqa: RET504  # mypy takes a return inside for one that may not happen


def _known(spec: model.Backend) -> Hashable:
    """What a backend without a name is looked for by; those with the same are compared then."""
    try:
        return hash(spec)
    except TypeError:
        # The options of a balancer may be anything.
        return repr(spec)


def name_of_first(spec: model.Backend) -> str:
    """What a backend without a name is called; those after the first of that name get a `#` and a number."""
    return Server(spec.all_servers[0].url).name if spec.discovery is None else spec.discovery.word


def unnamed(config: model.Config) -> Iterator[model.Backend]:
    """The backends written where they are used."""
    for route in config.routes:
        if isinstance(route.backend, model.Backend):
            yield route.backend
    for listener in config.listeners:
        for reference in (*(route.backend for route in listener.routes), listener.backend):
            if isinstance(reference, model.Backend):
                yield reference


def _go_on(server: Server, fresh: Server, spec: model.Backend) -> None:
    """A server goes on in a backend that was changed, with what is written of it now."""
    server.weight, server.backup = fresh.weight, fresh.backup
    server.work = 0.0
    if spec.health is None:
        server.healthy = True
    if spec.passive_health is None:
        server.eject_until, server.failures, server.ejections = 0.0, 0, 0


def _resume(check: HealthCheck, server: Server) -> None:
    check.resume(server.healthy)


def _preface_of_requests(version: str | None) -> Any:
    """Makes PROXY headers for connections that carry one request."""
    if version is None:
        return None
    write = proxy_protocol.header_v1 if version == "v1" else proxy_protocol.header_v2

    def preface(request: Request, server: Server) -> bytes:
        return write((request.peer_ip, request.peer_port), request.local)

    return preface
