"""Turns a configuration into the service tree: the one file that joins the rooms."""

from __future__ import annotations

import datetime
import os
import random as randomness
import time
import zlib
from collections import ChainMap, Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from OpenSSL import SSL
from twisted.internet.task import Clock
from twisted.logger import Logger

import toron
from toron import plugin
from toron.config import model
from toron.config.load import Loaded
from toron.core.backend import Backend
from toron.core.chain import chain
from toron.core.connection_routing import ConnectionPattern, ConnectionRouter
from toron.core.ejection import Ejection
from toron.core.forwarding import Forwarding
from toron.core.limits import Limits, SharedLimits
from toron.core.message import Request, Service
from toron.core.networks import Networks
from toron.core.redirect import Redirection
from toron.core.refusal import NO_ROUTE, UNKNOWN_HOST, Refusal
from toron.core.retrying import Budget
from toron.core.rise_fall import RiseFall
from toron.core.routing import Pattern, Router
from toron.core.server import Server
from toron.core.sticky import StickySeal
from toron.interfaces import Environment, Guard, Probe, Serve
from toron.listeners.http import serve_http
from toron.listeners.https import protocols, serve_https
from toron.listeners.sni import serve_sni
from toron.listeners.tcp import serve_tcp
from toron.listeners.tls import serve_tls
from toron.net.accept import ReceiveProxy, StreamListener
from toron.net.certificates import Certificates, KeyPair, self_signed, server_context
from toron.net.dial import Dialer, UpstreamTls, client_context
from toron.net.discovery import Discovery
from toron.net.doors import Doors
from toron.net.gateway import Gateway
from toron.net.health import HealthCheck
from toron.net.http2_pool import Http2Pool
from toron.net.http_site import HttpSite
from toron.net.inheritance import Inheritance, Inherited
from toron.net.late import NEVER as NEVER_LATE
from toron.net.members import Members
from toron.net.pool import Pool
from toron.net.quic_sni import QuicListener
from toron.net.shared_memory import as_file
from toron.net.sockets import listening_socket
from toron.net.sweep import NEVER, Sweep
from toron.net.tls import explain
from toron.net.udp import UdpListener
from toron.net.upstream import Connections
from toron.net.websocket_echo import websocket_echo
from toron.observe.access_log import AccessLog, NullAccessLog
from toron.observe.journal import Journal
from toron.observe.line_writer import LineWriter
from toron.observe.metrics import Metrics
from toron.observe.readiness import Readiness
from toron.observe.stats import BackendStats, ServerStats
from toron.probes.grpc import grpc_probe
from toron.probes.http import http_probe
from toron.probes.tcp import tcp_probe
from toron.services.echo import echo_http, echo_stream
from toron.services.proxy import Policy, Proxy
from toron.services.redirect import redirect
from toron.services.relay import RelayService
from toron.services.respond import respond
from toron.wire import proxy_protocol
from toron.wire.schemes import OVER_TLS, SHARED

if TYPE_CHECKING:
    from toron.admin.listener import AdminListener
    from toron.net.quic_endpoint import QuicEndpoint

_T = TypeVar("_T")

_TCP_IDLE, _UDP_IDLE, _QUIC_IDLE = 3600.0, 30.0, 60.0
"""Seconds, where the configuration names none."""
_QUIC_SILENCE = 30.0
"""Seconds without a packet after which a client is gone, at least: twice as long as until it is probed.

Between requests `keepalive` counts, as in other versions of HTTP; an exchange may be silent for longer.
"""


def compose(
    loaded: Loaded,
    reactor: Any,
    random: randomness.Random,
    wall: Callable[[], float],
    fatal: Callable[[str], None],
) -> Gateway:
    """The whole gateway, bound to nothing yet.

    `wall` gives Unix seconds; `fatal` is told why a start failed. Raises Invalid for what can only
    be seen here.
    """
    return _Composer(loaded, reactor, random, wall).whole(fatal)


class Part:
    """One process of a gateway of several, with what it has to tell the others about."""

    def __init__(self, composer: _Composer, root: Gateway, doors: list[Doors]) -> None:
        self.root = root
        self.doors = doors
        """Of the parent: the sockets of each listener."""
        self.access_log = composer.access_log
        self.metrics = composer.metrics
        self.readiness = composer.readiness
        self.backends = {group.backend.name: group.backend for group in composer.groups}
        self.checks = composer.checks
        """Of the parent: the active checks of servers that are written, by backend."""
        self.checked = {group.backend.name for group in composer.groups if group.spec.health is not None}
        """The backends that active checks are made of."""
        self.discovered = {group.backend.name for group in composer.groups if group.members is not None}
        """The backends whose servers come and go."""
        self.limits = composer.limits


def compose_parent(
    loaded: Loaded,
    reactor: Any,
    random: randomness.Random,
    wall: Callable[[], float],
    fatal: Callable[[str], None],
    inheritance: Inheritance,
    count: int,
) -> Part:
    """What one process does for `count` workers: sockets, checks, logs, the admin port.

    All that workers do is composed too, so that what is wrong is found here, and once; and what must
    be the same in each of them is in `inheritance` from then on. Raises Invalid as `compose` does.
    """
    return _Composer(loaded, reactor, random, wall, inheritance).parent(fatal, count)


def compose_worker(
    loaded: Loaded,
    reactor: Any,
    random: randomness.Random,
    wall: Callable[[], float],
    fatal: Callable[[str], None],
    inherited: Inherited,
    make_writer: Callable[..., Any],
) -> Part:
    """What each worker does: traffic. `make_writer` makes what takes its access lines to the parent."""
    return _Composer(loaded, reactor, random, wall, inherited, make_writer).worker(fatal)


def rehearse(loaded: Loaded) -> Rehearsed:
    """Compose without a reactor: raises Invalid for what a start would."""
    composer = _Composer(loaded, _Still(), randomness.Random(0), time.time)
    composer.whole(_nobody)
    return Rehearsed(composer)


class Entrance:
    """What stands behind the door of one listener, for those who ask why something goes where it goes."""

    __slots__ = ("certificates", "guards", "router", "routes", "rules", "site")

    def __init__(self) -> None:
        self.guards: list[tuple[str, Guard]] = []
        """By their names."""
        self.certificates: Certificates | None = None
        self.site: HttpSite | None = None
        self.router: Any = None
        """A Router, a ConnectionRouter, or None where there is one way only."""
        self.routes: dict[int, int] = {}
        """Of a Router: the number of a route, by the id of what the router finds."""
        self.rules: list[tuple[int, int]] = []
        """Of a Router: the route and the number of its match, for each pattern in the order of adding."""


_LONG = 86400.0 * 366
"""Seconds after which every rate is fresh again."""


class Rehearsed:
    """A gateway that was composed and will not start."""

    def __init__(self, composer: _Composer) -> None:
        self.entrances: dict[str, Entrance] = composer.entrances
        """By the names of the listeners."""
        self.walks: dict[int, tuple[list[tuple[str, Any]], Service]] = composer.walks
        """Of each route the middlewares, by their names, and the last step behind them."""
        self.seconds: Callable[[], float] = composer.reactor.seconds
        self._composer = composer

    def rest(self) -> None:
        """Let time go by until no limit remembers what was asked before."""
        self._composer.reactor.advance(_LONG)

    def backend(self, reference: model.BackendRef, *path: str | int) -> Backend:
        """The backend of that name, or the one written at `path`."""
        return self._composer.group(reference, path).backend

    def written(self, reference: model.BackendRef, *path: str | int) -> tuple[str | int, ...]:
        """Where that backend was written."""
        return self._composer.group(reference, path).path

    def route_name(self, index: int) -> str:
        """What logs and metrics call a route."""
        return self._composer.route_name(index, self._composer.config.routes[index])


class _Still(Clock):
    """In place of a reactor, for what is never started."""

    def callFromThread(self, function: Callable[..., None], *arguments: object) -> None:  # noqa: N802
        self.callLater(0, function, *arguments)


def _nobody(message: str) -> None:
    """Nothing that is never started fails to start."""


class _Group:
    """A backend with what its traffic needs; made once for each backend that is used."""

    def __init__(
        self, backend: Backend, spec: model.Backend, path: tuple[str | int, ...], stats: BackendStats
    ) -> None:
        self.backend = backend
        self.spec = spec
        self.path = path
        """Where it was written."""
        self.stats = stats
        self.servers: dict[Server, ServerStats] = {}
        self.members: Members | None = None
        """Where its servers are discovered: what is done when they come and go."""
        self.dialer: Any = None
        self.proxy: Proxy | None = None


class _Composer:
    """One composition; its methods follow the way of the traffic, from the door to the servers."""

    def __init__(
        self,
        loaded: Loaded,
        reactor: Any,
        random: randomness.Random,
        wall: Callable[[], float],
        inheritance: Inheritance | None = None,
        make_writer: Callable[..., Any] = LineWriter,
    ) -> None:
        self.loaded = loaded
        self.inheritance = inheritance
        self.open_socket = inheritance.opened if isinstance(inheritance, Inherited) else listening_socket
        self.make_writer = make_writer
        self.config = loaded.config
        # A daemon changes its folder: what is opened later must not depend on the one it began in.
        self.folder = os.path.abspath(loaded.folder)
        self.reactor = reactor
        self.random = random
        self.wall = wall
        self.log = Logger(namespace="toron")
        self.readiness = Readiness("starting")
        self.sweep = Sweep(reactor)
        self.access_log = self._access_log()
        self.metrics = Metrics(self.readiness, reactor.seconds, toron.__version__, self.access_log)
        self.checks: list[tuple[Backend, HealthCheck]] = []
        """What is started after the sweep and before the listeners."""
        self.members: list[Members] = []
        self.discoveries: list[Discovery] = []
        self.limits: list[SharedLimits] = []
        self.pools: list[Connections] = []
        self.sites: list[HttpSite] = []
        self._groups: dict[Any, _Group] = {}
        self._unnamed: Counter[str] = Counter()
        self._middlewares: dict[int, tuple[str, Any]] = {}
        self.entrances: defaultdict[str, Entrance] = defaultdict(Entrance)
        self.walks: dict[int, tuple[list[tuple[str, Any]], Service]] = {}
        ids = count(1)
        start = f"{random.getrandbits(40):010x}"
        self.new_id = lambda: f"{start}-{next(ids):x}"

    def whole(self, fatal: Callable[[str], None]) -> Gateway:
        """Everything, in the order it starts in."""
        drain = self.config.drain
        root = Gateway(self.reactor, self.readiness, delay=drain.delay, limit=drain.limit, fatal=fatal)
        listeners, admin = self._traffic(), self._admin()
        self._plant(root, *self._checks_alone(), *self.members, *listeners, *admin)
        self._listen(root, listeners, admin)
        root.awaited, root.held = [each.known for each in self.discoveries], [*listeners]
        root.reopening = [self.access_log.reopen]
        return root

    def parent(self, fatal: Callable[[str], None], count: int) -> Part:
        """What is done once for all workers."""
        drain = self.config.drain
        root = Gateway(self.reactor, self.readiness, delay=drain.delay, limit=drain.limit, fatal=fatal)
        root.ready_at_once = False
        self._traffic()
        doors = [
            Doors(
                spec.label, spec.address, spec.port, count,
                stream=not spec.over_udp, backlog=spec.backlog,
            )
            for spec in self.config.listeners
        ]  # fmt: skip
        admin = self._admin()
        self._plant(root, *self._checks_alone(), *self.members, *admin)
        root.awaited = [each.known for each in self.discoveries]
        root.listeners = doors
        root.bound = [*doors, *admin]
        root.last = [*admin, self.access_log]
        # What servers are busy with is for the workers to tell.
        self.sweep.looked = self._looked_at_the_clock
        return Part(self, root, doors)

    def worker(self, fatal: Callable[[str], None]) -> Part:
        """The traffic. The delay before the doors close is the parent's: it closes them first."""
        limit = self.config.drain.limit
        root = Gateway(self.reactor, self.readiness, delay=0.0, limit=limit, fatal=fatal, name="the worker")
        listeners = self._traffic()
        self._plant(root, *self.members, *listeners)
        self._listen(root, listeners, [])
        return Part(self, root, [])

    def _plant(self, root: Gateway, *services: Any) -> None:
        """Make services part of the tree, after those that everything needs."""
        for service in (self.access_log, self.sweep, *services):
            service.setServiceParent(root)

    def _listen(self, root: Gateway, listeners: list[Any], admin: list[AdminListener]) -> None:
        """Tell the root what traffic comes in by, and what has to be told when it ends."""
        root.listeners = listeners
        root.bound = [*listeners, *admin]
        root.draining = [site.drain for site in self.sites]
        root.closing = [pool.close for pool in self.pools]
        root.last = [*admin, self.access_log]
        self.sweep.looked = self._looked

    def _traffic(self) -> list[StreamListener | UdpListener | QuicEndpoint]:
        """The listeners, with all that they lead to, and the backends that nothing leads to."""
        listeners = [self.listener(index, spec) for index, spec in enumerate(self.config.listeners)]
        for index, route in enumerate(self.config.routes):
            if isinstance(route.backend, str):
                self.group(route.backend, ("routes", index, "backend"))
        for name in self.config.backends:
            self.group(name, ("backends", name))
        return listeners

    def _checks_alone(self) -> list[HealthCheck]:
        return [check for _, check in self.checks]

    @property
    def groups(self) -> list[_Group]:
        """Every backend with its traffic."""
        return list(self._groups.values())

    def _access_log(self) -> AccessLog | NullAccessLog:
        spec = self.config.access_log
        if spec is None:
            return NullAccessLog()
        path = spec.path if spec.path == "-" else self._path(spec.path)
        return AccessLog(path, self.reactor, spec.redact, self.wall, self.make_writer)

    def _admin(self) -> list[AdminListener]:
        spec = self.config.admin
        if spec is None:
            return []
        # A worker has none, and should be there soon.
        from toron.admin.listener import AdminListener

        return [AdminListener(self.reactor, spec.address, spec.port, self.metrics, self.readiness)]

    def _looked_at_the_clock(self) -> None:
        self.metrics.loop_lag = self.sweep.lag

    def _looked(self) -> None:
        self._looked_at_the_clock()
        for group in self._groups.values():
            if group.proxy is not None:
                for server, stats in group.servers.items():
                    stats.idle = group.proxy.pool.idle(server)

    # --- listeners ----------------------------------------------------------------------------

    def listener(self, index: int, spec: model.Listener) -> StreamListener | UdpListener | QuicEndpoint:
        """A listener, with its guards in front of what its protocol says."""
        path = ("listeners", index)
        name = spec.label
        stats = self.metrics.listener(name, spec.kind)
        kind: Any = "connection" if spec.protocol in model.LAYER7 else spec.protocol
        journal = Journal(kind, self.access_log, self.metrics, stats, self.reactor.seconds)
        guards = self._guards(path, spec)
        if spec.protocol == "udp":
            group = None if spec.backend is None else self.group(spec.backend, (*path, "backend"))
            return UdpListener(
                self.reactor, name, spec.address, spec.port, group.backend if group else None,
                sweep=self.sweep, guards=guards, idle=_idle(spec, _UDP_IDLE), most=spec.sessions,
                responses=spec.responses, open_socket=self.open_socket, stats=stats,
                server_stats=group.servers if group else {},
                started=journal.started, finished=journal.session, refused=journal.refused,
            )  # fmt: skip
        if spec.protocol == "http3":
            return self._http3_listener(path, spec, guards, stats, journal)
        if spec.over_udp:
            return self._quic_listener(path, spec, guards, stats, journal)
        proxy = None
        if spec.proxy_protocol is not None:
            received = spec.proxy_protocol
            proxy = ReceiveProxy(Networks(received.trusted), received.timeout)
        site = self._site(spec, stats, journal) if spec.protocol in model.LAYER7 else None
        listener = StreamListener(
            self.reactor, name, spec.address, spec.port, self._serve(path, spec, stats, journal, site),
            guards=guards, proxy=proxy, backlog=spec.backlog, open_socket=self.open_socket,
            refused=journal.refused, stats=stats,
        )  # fmt: skip
        if site is not None:
            listener.bound = lambda port: setattr(site, "port", port)
        return listener

    def _quic_listener(
        self,
        path: tuple[str | int, ...],
        spec: model.Listener,
        guards: list[Guard],
        stats: Any,
        journal: Journal,
    ) -> QuicListener:
        """QUIC, led by the names that clients ask for."""
        groups = self._led_to(path, spec)
        servers = ChainMap(*(group.servers for _, group in groups))
        router = ConnectionRouter([(pattern, group.backend) for pattern, group in groups])
        self.entrances[spec.label].router = router
        return QuicListener(
            self.reactor, spec.label, spec.address, spec.port, router,
            hello_seconds=spec.timeouts.handshake,
            sweep=self.sweep, guards=guards, idle=_idle(spec, _QUIC_IDLE), most=spec.sessions,
            open_socket=self.open_socket, stats=stats, server_stats=servers,
            started=journal.started, finished=journal.session, refused=journal.refused,
        )  # fmt: skip

    def _http3_listener(
        self,
        path: tuple[str | int, ...],
        spec: model.Listener,
        guards: list[Guard],
        stats: Any,
        journal: Journal,
    ) -> QuicEndpoint:
        """HTTP/3, which is an extra."""
        try:
            from toron.listeners.http3 import PROTOCOL, serve_http3
            from toron.net.quic_endpoint import QuicEndpoint
            from toron.net.quic_identities import Identities
        except ImportError:
            message = "HTTP/3 needs an extra that is not installed here: pip install 'toron[http3]'"
            raise self.loaded.invalid(message, *path, "protocol") from None
        certificates = self._certificates(path, spec, ())
        with self._located("a certificate can not be used", *path, "certificates"):
            identities = Identities(certificates)
        site = self._site(spec, stats, journal)
        endpoint = QuicEndpoint(
            self.reactor, spec.label, spec.address, spec.port, serve_http3(site, spec.timeouts.handshake),
            identities=identities, protocol=PROTOCOL, guards=guards, most=spec.sessions,
            retry=spec.retry == "always", idle=max(_QUIC_SILENCE, spec.timeouts.keepalive),
            open_socket=self.open_socket, refused=journal.refused, stats=stats,
        )  # fmt: skip
        endpoint.bound = lambda port: setattr(site, "port", port)
        return endpoint

    def _guards(self, path: tuple[str | int, ...], spec: model.Listener) -> list[Guard]:
        guards = [self._plugin((*path, "guards", index)) for index in range(len(spec.guards))]
        self.entrances[spec.label].guards = guards
        return [guard for _, guard in guards]

    def _serve(
        self, path: tuple[str | int, ...], spec: model.Listener, stats: Any, journal: Journal, site: Any
    ) -> Serve:
        """What stands behind the guards of a TCP-based listener."""
        handshake = spec.timeouts.handshake
        if spec.protocol == "http":
            return serve_http(site, spec.http2)
        if spec.protocol == "https":
            certificates = self._certificates(path, spec, protocols(spec.http2))
            return serve_https(site, certificates, handshake, spec.http2)
        router = self._connection_routes(path, spec, stats, journal)
        if spec.protocol == "tls":
            alpn = [name.encode() for route in spec.routes for name in route.match.alpn]
            return serve_tls(router, self._certificates(path, spec, alpn), handshake, stats)
        if spec.protocol == "sni":
            return serve_sni(router, handshake)
        return serve_tcp(router)

    def _certificates(
        self, path: tuple[str | int, ...], spec: model.Listener, protocols: Any
    ) -> Certificates:
        pairs = []
        for index, certificate in enumerate(spec.certificates):
            with self._located("the certificate can not be used", *path, "certificates", index):
                made = self._once((*path, "certificates", index), partial(self._pair, certificate))
                pairs.append(made)
                # OpenSSL may refuse what could be read, and must say which one it is.
                server_context(pairs[-1], spec.tls.policy, protocols)
        certificates = Certificates(pairs, spec.tls.policy, protocols, spec.tls.default_cert == "strict")
        for name, not_after in certificates.expiry.items():
            self.metrics.certificate(name, not_after)
        self.entrances[spec.label].certificates = certificates
        return certificates

    def _pair(self, spec: model.Certificate) -> KeyPair:
        if spec.self_signed:
            return self_signed(spec.self_signed, datetime.datetime.fromtimestamp(self.wall(), datetime.UTC))
        assert spec.cert is not None
        with open(self._path(spec.cert), "rb") as file:
            chain_pem = file.read()
        with open(self._path(spec.key or spec.cert), "rb") as file:
            return KeyPair(chain_pem, file.read())

    def _connection_routes(
        self, path: tuple[str | int, ...], spec: model.Listener, stats: Any, journal: Journal
    ) -> ConnectionRouter[Serve]:
        """Layer-4 routes to what serves."""
        routes: list[tuple[ConnectionPattern, Serve]] = [
            (pattern, self._relay(group, spec, stats, journal)) for pattern, group in self._led_to(path, spec)
        ]
        if spec.echo is not None:
            routes.append((ConnectionPattern(), echo_stream))
        router = self.entrances[spec.label].router = ConnectionRouter(routes)
        return router

    def _led_to(
        self, path: tuple[str | int, ...], spec: model.Listener
    ) -> list[tuple[ConnectionPattern, _Group]]:
        """The backends of a layer-4 listener; its own takes what no route matches."""
        routes = []
        for index, route in enumerate(spec.routes):
            match = route.match
            pattern = ConnectionPattern(
                match.sni, [name.encode() for name in match.alpn],
                Networks(match.client_ip) if match.client_ip else None,
            )  # fmt: skip
            routes.append((pattern, self.group(route.backend, (*path, "routes", index, "backend"))))
        if spec.backend is not None:
            routes.append((ConnectionPattern(), self.group(spec.backend, (*path, "backend"))))
        return routes

    def _relay(self, group: _Group, spec: model.Listener, stats: Any, journal: Journal) -> RelayService:
        return RelayService(
            group.backend, group.dialer, self.sweep,
            idle=_idle(spec, _TCP_IDLE),
            preface=_preface_of_connections(group.spec.proxy_protocol), stats=stats,
            backend_stats=group.stats, server_stats=group.servers,
            started=journal.started, finished=journal.relayed,
        )  # fmt: skip

    # --- layer 7 ------------------------------------------------------------------------------

    def _site(self, spec: model.Listener, stats: Any, journal: Journal) -> HttpSite:
        """What the HTTP connections of a listener share."""
        site = HttpSite(
            reactor=self.reactor,
            sweep=self.sweep,
            listener=spec.label,
            scheme=b"http" if spec.protocol == "http" else b"https",
            service=self._dispatch(spec),
            forwarding=Forwarding(Networks(spec.trusted_proxies)),
            finished=journal.request,
            new_id=self.new_id,
            wall=self.wall,
            stats=stats,
            random=self.random,
        )
        site.encoded_slashes = spec.encoded_slashes == "pass"
        limits, timeouts = spec.limits, spec.timeouts
        site.head_most, site.fields_most = limits.head, limits.fields
        site.body_limit, site.max_requests = limits.body, limits.requests
        site.streams_most = limits.streams
        site.head_seconds, site.body_seconds = timeouts.head, timeouts.body
        site.keepalive_seconds, site.write_seconds = timeouts.keepalive, timeouts.write
        self.sites.append(site)
        self.entrances[spec.label].site = site
        return site

    def _dispatch(self, spec: model.Listener) -> Service:
        """Finds a request's route among those of this listener, and asks its service."""
        router: Router[tuple[str, Service]] = Router()
        entrance = self.entrances[spec.label]
        entrance.router = router
        for index, route in enumerate(self.config.routes):
            if route.listeners and spec.label not in route.listeners:
                continue
            leads_to = (self.route_name(index, route), self._route_service(index, route))
            entrance.routes[id(leads_to)] = index
            for number, match in enumerate(route.match):
                with self._located("the route can not be matched", "routes", index, "match"):
                    router.add(_pattern(match), route.priority, leads_to)
                entrance.rules.append((index, number))
        router.compile()
        secure = spec.protocol != "http"

        def dispatch(request: Request) -> Any:
            found = router.find(request)
            if found is None:
                if secure and not router.serves_host(request.host):
                    raise Refusal(UNKNOWN_HOST)
                raise Refusal(NO_ROUTE)
            request.route, service = found
            return service(request)

        return dispatch

    def route_name(self, index: int, route: model.Route) -> str:
        """What logs and metrics call a route: its name, or its place in the list and its match."""
        if route.name:
            return route.name
        match = route.match[0]
        return f"{index + 1}:{match.host[0] if match.host else '*'}{match.path[0] if match.path else '/'}"

    def _route_service(self, index: int, route: model.Route) -> Service:
        """A route's middlewares, and the last step behind them."""
        middlewares = []
        for number in range(len(route.middlewares)):
            path = ("routes", index, "middlewares", number)
            used = self.loaded.plugins[path]
            made = self._middlewares.get(id(used))
            if made is None:
                made = self._middlewares[id(used)] = self._plugin(path)
            middlewares.append(made)
        last = self._last(index, route)
        self.walks[index] = (middlewares, last)
        return chain(middlewares, last)

    def _last(self, index: int, route: model.Route) -> Service:
        if route.backend is not None:
            return self._proxy(self.group(route.backend, ("routes", index, "backend")))
        if route.redirect is not None:
            spec = route.redirect
            with self._located("", "routes", index, "redirect"):
                redirection = Redirection(spec.to, spec.scheme, spec.host, spec.port, spec.status)
            return redirect(redirection)
        if route.respond is not None:
            return respond(route.respond.status, route.respond.headers, route.respond.body)
        answer = websocket_echo(self.reactor)
        if answer is None:
            self.log.warn(
                "{place}: WebSockets are not echoed without the extra: pip install 'toron[websocket]'",
                place=self.loaded.place("routes", index, "echo"),
            )
        return echo_http(answer)

    def _proxy(self, group: _Group) -> Proxy:
        """The service in front of a backend; all routes to it share one, and its connections."""
        if group.proxy is not None:
            return group.proxy
        spec = group.spec
        pool = self._connections(group)
        self.pools.append(pool)
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

    def _connections(self, group: _Group) -> Connections:
        spec = group.spec

        def opened(server: Server) -> None:
            group.servers[server].connections += 1

        idle, response_idle = spec.pool.idle, spec.timeouts.idle
        pool = Pool(self.sweep, group.dialer, spec.pool.size, idle, response_idle, opened)
        connections: Connections = pool
        if not SHARED.isdisjoint(spec.schemes):
            late = getattr(self.reactor, "late", NEVER_LATE)
            connections = Http2Pool(self.sweep, late, group.dialer, pool, idle, response_idle, opened)
        if group.members is not None:
            group.members.pools.append(connections)
        return connections

    def _sticky(self, group: _Group) -> StickySeal | None:
        spec = group.spec.sticky
        if spec is None:
            return None
        with self._located("", *group.path, "sticky"):
            secrets = [secret.get_secret_value().encode() for secret in spec.secret]
            if not secrets:
                secrets = [self._once((*group.path, "sticky"), lambda: os.urandom(32))]
            name = group.backend.name
            # A name of its own, or two sticky backends would take the cookie from each other.
            cookie = spec.cookie or f"toron_sticky_{zlib.crc32(name.encode()):08x}"
            seal = StickySeal(secrets, cookie.encode(), spec.ttl, name.encode())
        return seal  # noqa: RET504  # mypy takes a return inside for one that may not happen

    # --- backends -----------------------------------------------------------------------------

    def group(self, reference: model.BackendRef, path: tuple[str | int, ...]) -> _Group:
        """The backend of that name, or the one written at `path`."""
        named = isinstance(reference, str)
        key = reference if named else path
        made = self._groups.get(key)
        if made is None:
            if isinstance(reference, str):
                spec, name, path = self.config.backends[reference], reference, ("backends", reference)
            else:
                spec, name = reference, ""
            made = self._groups[key] = self._group(spec, name, path)
        return made

    def _group(self, spec: model.Backend, name: str, path: tuple[str | int, ...]) -> _Group:
        servers = [Server(s.url, s.weight, s.backup) for s in spec.all_servers]
        if not name:
            # Unnamed backends may begin with the same server, and are still told apart.
            first = servers[0].name if spec.discovery is None else spec.discovery.word
            self._unnamed[first] += 1
            number = self._unnamed[first]
            name = first if number == 1 else f"{first}#{number}"
        _, balancer = self._plugin((*path, "balance"), name)
        passive = spec.passive_health
        backend = Backend(
            name, servers, balancer,
            ejection=None if passive is None else Ejection(
                passive.failures, passive.base, passive.max, passive.max_ejected
            ),
            budget=Budget(spec.retries.budget), attempts=spec.retries.attempts,
        )  # fmt: skip
        backend.changed = self._changed(name)
        group = _Group(backend, spec, path, self.metrics.backend(name))
        group.servers = {server: self.metrics.server(name, server) for server in servers}
        group.dialer = Dialer(self.reactor, spec.timeouts.connect, self._upstream_tls(spec, path))
        if spec.discovery is not None:
            self._discover(group, (*path, "discovery"))
        if spec.health is not None:
            self._checks(group, spec.health)
        return group

    def _discover(self, group: _Group, path: tuple[str | int, ...]) -> None:
        """Who says which servers there are, and what is done as they come and go; a worker is told."""
        backend, name = group.backend, group.backend.name
        members = group.members = Members(
            backend, group.servers, self.sweep,
            count=partial(self.metrics.server, name), forget=partial(self.metrics.forget_server, name),
        )  # fmt: skip
        self.members.append(members)
        if isinstance(self.inheritance, Inherited):
            return
        _, discover = self._plugin(path, name)
        discovery = Discovery(
            self.reactor, self.random, backend, discover, group.spec.schemes[0], self.metrics.discovery(name)
        )
        discovery.setServiceParent(members)  # type: ignore[no-untyped-call]
        self.discoveries.append(discovery)

    def _changed(self, backend: str) -> Callable[[Server, bool, str], None]:
        def changed(server: Server, up: bool, why: str) -> None:
            if up:
                self.log.info("server {b}/{s} is up: {why}", b=backend, s=server.name, why=why)
            else:
                self.log.warn("server {b}/{s} is down: {why}", b=backend, s=server.name, why=why)

        return changed

    def _upstream_tls(self, spec: model.Backend, path: tuple[str | int, ...]) -> UpstreamTls | None:
        if OVER_TLS.isdisjoint(spec.schemes):
            return None
        tls = spec.tls
        http = spec.schemes[0] in ("https", "h2")
        with (
            self._located("the TLS files can not be used", *path, "tls"),
            self._readable(tls.ca) as ca,
            self._readable(tls.cert) as cert,
            self._readable(tls.key) as key,
        ):
            context = client_context(ca, tls.verify, cert, key, (b"http/1.1",) if http else ())
            both = client_context(ca, tls.verify, cert, key, (b"h2", b"http/1.1")) if http else context
        if not tls.verify:
            self.log.warn(
                "{place}: certificates of these servers are NOT verified",
                place=self.loaded.place(*path, "tls", "verify"),
            )
        return UpstreamTls(context, tls.server_name, tls.verify, both)

    def _checks(self, group: _Group, spec: model.Health) -> None:
        """An active check for each server, as a service of its own; a worker is told what they find."""
        up, probe = spec.initial == "up", self._probe(group, spec)
        here = not isinstance(self.inheritance, Inherited)

        def check(server: Server) -> HealthCheck:
            return HealthCheck(
                self.reactor, self.random, group.backend, server, probe,
                RiseFall(spec.rise, spec.fall, up), spec.interval, spec.timeout, group.servers[server],
            )  # fmt: skip

        if group.members is not None:
            group.members.initial, group.members.check = up, check if here else None
        for server in group.backend.servers:
            if not up:
                group.backend.set_healthy(server, False, "not checked yet")
            if here:
                self.checks.append((group.backend, check(server)))

    def _probe(self, group: _Group, spec: model.Health) -> Probe:
        environment = self._environment(group.backend.name, *group.path, "health")
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

    # --- small things -------------------------------------------------------------------------

    def _plugin(self, path: tuple[str | int, ...], name: str = "") -> tuple[str, Any]:
        """What the plug-in used at `path` is called, and what it makes."""
        used = self.loaded.plugins[path]
        name = name or used.name
        with self._located("", *path):
            made = plugin.find(used.drawer, used.word).make(used.options, self._environment(name, *path))
        return name, made

    @contextmanager
    def _located(self, what: str, *path: str | int) -> Iterator[None]:
        """Whatever turns out to be unusable in here was written at `path`: Invalid says so."""
        try:
            yield
        except (ValueError, OSError, SSL.Error) as error:
            why = explain(error) if isinstance(error, SSL.Error) else str(error)
            message = f"{what}: {why}" if what else why
            raise self.loaded.invalid(message, *path) from None

    def _environment(self, name: str, *path: str | int) -> Environment:
        return Environment(name, self.reactor, self.random, self.log, self.folder, self._limits_of(*path))

    # --- what workers have in common ----------------------------------------------------------

    def _limits_of(self, *path: str | int) -> Limits:
        """Where what is used at `path` counts."""
        inheritance = self.inheritance
        if inheritance is None:
            return Limits()
        numbers = count()
        limits = SharedLimits(
            lambda size: inheritance.memory((*path, next(numbers)), size), inheritance.seats, inheritance.seat
        )
        self.limits.append(limits)
        return limits

    def _once(self, key: tuple[str | int, ...], make: Callable[[], _T]) -> _T:
        """What has to be the same in all workers."""
        return make() if self.inheritance is None else self.inheritance.once(key, make)

    @contextmanager
    def _readable(self, path: str | None) -> Iterator[str | None]:
        """Where a file can be read: a worker may have no right to it any more, nor it be the same."""
        if path is None or self.inheritance is None:
            yield path and self._path(path)
            return
        with as_file(self._once(("file", path), lambda: Path(self._path(path)).read_bytes())) as readable:
            yield readable

    def _path(self, path: str) -> str:
        return os.path.join(self.folder, path)


def _idle(spec: model.Listener, usual: float) -> float:
    """Seconds after which a relay or session on which nothing moves is over; 0 is never."""
    return usual if spec.idle is None else spec.idle or NEVER


def _pattern(match: model.Conditions) -> Pattern:
    """A match as plain data."""
    never = match.not_ if isinstance(match, model.Match) else None
    return Pattern(
        hosts=match.host, paths=match.path, methods=match.methods, headers=dict(match.headers),
        query=dict(match.query), cookies=dict(match.cookies), scheme=match.scheme,
        networks=Networks(match.client_ip) if match.client_ip else None,
        never=None if never is None else _pattern(never),
    )  # fmt: skip


def _preface_of_connections(version: str | None) -> Any:
    """Makes PROXY headers for relayed connections."""
    if version is None:
        return None
    write = proxy_protocol.header_v1 if version == "v1" else proxy_protocol.header_v2

    def preface(connection: Any, server: Server) -> bytes:
        return write(
            (connection.client_ip, connection.client_port), (connection.local_ip, connection.local_port)
        )

    return preface


def _preface_of_requests(version: str | None) -> Any:
    """Makes PROXY headers for connections that carry one request."""
    if version is None:
        return None
    write = proxy_protocol.header_v1 if version == "v1" else proxy_protocol.header_v2

    def preface(request: Request, server: Server) -> bytes:
        return write((request.peer_ip, request.peer_port), request.local)

    return preface
