"""Makes the listeners, with all that is behind their doors: guards, certificates, layer-4 routes, sites."""

from __future__ import annotations

import random as randomness
from collections import ChainMap, defaultdict
from collections.abc import Callable, Generator, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from toron.composing.backends import Backends, Group
from toron.composing.certificates import CertificateParts
from toron.composing.clients import agreement, asked_clients, client_rules
from toron.composing.entrance import Entrance
from toron.composing.ground import Ground
from toron.composing.routes import Routes, dispatch
from toron.composing.secure_doors import SecureDoors
from toron.config import model
from toron.core.connection_routing import ConnectionPattern, ConnectionRouter
from toron.core.forwarding import Forwarding
from toron.core.networks import Networks
from toron.core.server import Server
from toron.interfaces import Guard, Serve
from toron.listeners.http import serve_http
from toron.listeners.https import protocols, serve_https
from toron.listeners.sni import serve_sni
from toron.listeners.tcp import serve_tcp
from toron.listeners.tls import serve_tls
from toron.net.accept import ReceiveProxy, StreamListener
from toron.net.certificates import Certificates
from toron.net.http_site import HttpSite
from toron.net.pauses import emptying
from toron.net.quic_sni import QuicListener
from toron.net.sockets import OpenSocket
from toron.net.sweep import NEVER, Sweep
from toron.net.udp import UdpListener
from toron.observe.access_log import AccessLog, NullAccessLog
from toron.observe.journal import Journal
from toron.observe.metrics import Metrics
from toron.observe.recent import Chart, Recent
from toron.observe.stats import ListenerStats
from toron.services.echo import echo_stream
from toron.services.relay import RelayService
from toron.wire import proxy_protocol

if TYPE_CHECKING:
    from toron.composing.routes import Routing
    from toron.net.quic_endpoint import QuicEndpoint

    Listener = StreamListener | UdpListener | QuicEndpoint

_TCP_IDLE, _UDP_IDLE, _QUIC_IDLE = 3600.0, 30.0, 60.0
"""Seconds, where the configuration names none."""
_QUIC_SILENCE = 30.0
"""Seconds without a packet after which a client is gone, at least: twice as long as until it is probed.

Between requests `keepalive` counts, as in other versions of HTTP; an exchange may be silent for longer.
"""

Door = tuple[bool, str | None, int, str]
"""A socket: whether it is for datagrams, its address and port; where that is 0 also whose it is."""


def door(spec: model.Listener) -> Door:
    """The socket of a listener."""
    return spec.over_udp, spec.address, spec.port, "" if spec.port else spec.label


class Listeners:
    """Those of one composition, bound to nothing yet; the methods follow the way of a connection."""

    def __init__(
        self,
        ground: Ground,
        config: model.Config,
        backends: Backends,
        routes: Routes,
        certificates: CertificateParts,
        *,
        sweep: Sweep,
        metrics: Metrics,
        access_log: AccessLog | NullAccessLog,
        wall: Callable[[], float],
        new_id: Callable[[], str],
        open_socket: OpenSocket,
        random: randomness.Random,
        recent: Recent,
        chart: Chart,
    ) -> None:
        self.ground = ground
        self.reactor = ground.reactor
        self.config = config
        self.backends = backends
        self.routes = routes
        self.certificates = certificates
        self.sweep = sweep
        self.metrics = metrics
        self.access_log = access_log
        self.wall = wall
        self.new_id = new_id
        self.open_socket = open_socket
        self.random = random
        self.recent = recent
        self.chart = chart
        self.made: list[Listener] = []
        """In the order of the configuration."""
        self.sites: dict[Door, HttpSite] = {}
        self.secure_doors = SecureDoors(config)
        self.entrances: defaultdict[str, Entrance] = defaultdict(Entrance)
        """By the names of the listeners."""

    def steps(self) -> Generator[None]:
        """Make all of them, in small parts."""
        for index, spec in enumerate(self.config.listeners):
            router = None
            if spec.protocol in model.LAYER7:
                router = yield from self.routes.router(spec, self.entrances[spec.label])
            self.made.append(self._listener(("listeners", index), spec, router))
            yield

    def dismantle(self) -> Generator[None]:
        """Let go of what is known of their routes, in small steps."""
        del self.config
        for entrance in self.entrances.values():
            yield from emptying(entrance.routes, entrance.rules)

    def _listener(
        self, path: tuple[str | int, ...], spec: model.Listener, router: Routing | None
    ) -> Listener:
        """A listener, with its guards in front of what its protocol says; HTTP has a router."""
        stats = self.metrics.listener(spec.label, spec.kind)
        kind: Any = "connection" if spec.protocol in model.LAYER7 else spec.protocol
        journal = Journal(
            kind, self.access_log, self.metrics, stats, self.reactor.seconds, self.recent, self.chart,
            self.new_id,
        )  # fmt: skip
        guards = self._guards(path, spec)
        site = None if router is None else self._site(path, spec, router, stats, journal)
        made: Listener
        if spec.protocol == "udp":
            made = self._udp(path, spec, guards, stats, journal)
        elif spec.protocol == "http3":
            assert site is not None
            made = self._http3(path, spec, guards, site, stats, journal)
        elif spec.over_udp:
            made = self._quic(path, spec, guards, stats, journal)
        else:
            made = self._stream(path, spec, guards, site, stats, journal)
        if site is not None and not isinstance(made, UdpListener):
            made.bound = partial(setattr, site, "port")
        return made

    def _guards(self, path: tuple[str | int, ...], spec: model.Listener) -> list[Guard]:
        guards = [
            self.ground.kept(("guard", spec.label, number), (*path, "guards", number))
            for number in range(len(spec.guards))
        ]
        self.entrances[spec.label].guards = guards
        return [guard for _, guard in guards]

    # --- one for each kind of socket ----------------------------------------------------------

    def _stream(
        self,
        path: tuple[str | int, ...],
        spec: model.Listener,
        guards: list[Guard],
        site: HttpSite | None,
        stats: ListenerStats,
        journal: Journal,
    ) -> StreamListener:
        proxy = None
        if spec.proxy_protocol is not None:
            received = spec.proxy_protocol
            proxy = ReceiveProxy(Networks(received.trusted), received.timeout)
        made = StreamListener(
            self.reactor, spec.label, spec.address, spec.port, self._serve(path, spec, stats, journal, site),
            guards=guards, proxy=proxy, backlog=spec.backlog, open_socket=self.open_socket,
            refused=journal.refused, stats=stats,
        )  # fmt: skip
        made.admits = self.entrances[spec.label].clients = client_rules(self.ground, path, spec)
        return made

    def _udp(
        self,
        path: tuple[str | int, ...],
        spec: model.Listener,
        guards: list[Guard],
        stats: ListenerStats,
        journal: Journal,
    ) -> UdpListener:
        group = None if spec.backend is None else self.backends.group(spec.backend, (*path, "backend"))
        return UdpListener(
            self.reactor, spec.label, spec.address, spec.port, group.backend if group else None,
            sweep=self.sweep, guards=guards, idle=_idle(spec, _UDP_IDLE), most=spec.sessions,
            responses=spec.responses, open_socket=self.open_socket, stats=stats,
            server_stats=group.servers if group else {},
            started=journal.started, finished=journal.session, refused=journal.refused,
        )  # fmt: skip

    def _quic(
        self,
        path: tuple[str | int, ...],
        spec: model.Listener,
        guards: list[Guard],
        stats: ListenerStats,
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

    def _http3(
        self,
        path: tuple[str | int, ...],
        spec: model.Listener,
        guards: list[Guard],
        site: HttpSite,
        stats: ListenerStats,
        journal: Journal,
    ) -> QuicEndpoint:
        """HTTP/3, which is an extra."""
        try:
            from toron.listeners.http3 import PROTOCOL, serve_http3
            from toron.net.quic_endpoint import QuicEndpoint
            from toron.net.quic_identities import Identities
        except ImportError:
            message = "HTTP/3 needs an extra that is not installed here: pip install 'toron[http3]'"
            raise self.ground.loaded.invalid(message, *path, "protocol") from None
        certificates = self._certificates(path, spec, ())
        with self.ground.located("a certificate can not be used", *path, "certificates"):
            identities = Identities(certificates)
        return QuicEndpoint(
            self.reactor, spec.label, spec.address, spec.port, serve_http3(site, spec.timeouts.handshake),
            identities=identities, protocol=PROTOCOL, guards=guards, most=spec.sessions,
            retry=spec.retry == "always", idle=max(_QUIC_SILENCE, spec.timeouts.keepalive),
            open_socket=self.open_socket, refused=journal.refused, stats=stats,
        )  # fmt: skip

    # --- behind the guards --------------------------------------------------------------------

    def _serve(
        self,
        path: tuple[str | int, ...],
        spec: model.Listener,
        stats: ListenerStats,
        journal: Journal,
        site: HttpSite | None,
    ) -> Serve:
        """What stands behind the guards of a TCP-based listener; HTTP has a site."""
        handshake = spec.timeouts.handshake
        if site is not None:
            if spec.protocol == "http":
                return serve_http(site, spec.http2)
            certificates = self._certificates(path, spec, protocols(spec.http2))
            self.secure_doors.add(spec, self.entrances[spec.label].router, certificates, site)
            clients = asked_clients(self.ground, path, spec, certificates)
            return serve_https(site, certificates, handshake, spec.http2, clients)
        router = self._connection_routes(path, spec, stats, journal)
        if spec.protocol == "tls":
            alpn = [name.encode() for route in spec.routes for name in route.match.alpn]
            certificates = self._certificates(path, spec, alpn)
            clients = asked_clients(self.ground, path, spec, certificates)
            return serve_tls(router, certificates, handshake, stats, clients)
        if spec.protocol == "sni":
            return serve_sni(router, handshake)
        return serve_tcp(router)

    def _certificates(
        self, path: tuple[str | int, ...], spec: model.Listener, protocols: Iterable[bytes]
    ) -> Certificates:
        certificates = self.certificates.of(path, spec, tuple(protocols))
        self.entrances[spec.label].certificates = certificates
        return certificates

    def _connection_routes(
        self, path: tuple[str | int, ...], spec: model.Listener, stats: ListenerStats, journal: Journal
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
    ) -> list[tuple[ConnectionPattern, Group]]:
        """The backends of a layer-4 listener; its own takes what no route matches."""
        routes = []
        for index, route in enumerate(spec.routes):
            match = route.match
            pattern = ConnectionPattern(
                match.sni, [name.encode() for name in match.alpn],
                Networks(match.client_ip) if match.client_ip else None,
            )  # fmt: skip
            routes.append((pattern, self.backends.group(route.backend, (*path, "routes", index, "backend"))))
        if spec.backend is not None:
            routes.append((ConnectionPattern(), self.backends.group(spec.backend, (*path, "backend"))))
        return routes

    def _relay(
        self, group: Group, spec: model.Listener, stats: ListenerStats, journal: Journal
    ) -> RelayService:
        return RelayService(
            group.backend, group.dialer, self.sweep,
            idle=_idle(spec, _TCP_IDLE),
            preface=_preface(group.spec.proxy_protocol), stats=stats,
            backend_stats=group.stats, server_stats=group.servers,
            started=journal.started, finished=journal.relayed,
        )  # fmt: skip

    def _site(
        self,
        path: tuple[str | int, ...],
        spec: model.Listener,
        router: Routing,
        stats: ListenerStats,
        journal: Journal,
    ) -> HttpSite:
        """What the HTTP connections of a listener share, those from before among them."""
        made = self._new_site(spec, router, stats, journal)
        made.agreement = agreement(self.ground, path, spec)
        site = self.ground.same(("site", door(spec)), spec.protocol, lambda: made)
        if site is not made:
            self.ground.changes.append(partial(site.switch, made))
        self.sites[door(spec)] = site
        self.entrances[spec.label].site = site
        return site

    def _new_site(
        self, spec: model.Listener, router: Routing, stats: ListenerStats, journal: Journal
    ) -> HttpSite:
        secure = spec.protocol != "http"
        site = HttpSite(
            reactor=self.reactor,
            sweep=self.sweep,
            listener=spec.label,
            scheme=b"https" if secure else b"http",
            service=self.certificates.acme.before(
                spec,
                dispatch(router, secure, self.recent, self.chart, elsewhere=self.secure_doors.behind(spec)),
            ),
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
        return site


def _idle(spec: model.Listener, usual: float) -> float:
    """Seconds after which a relay or session on which nothing moves is over; 0 is never."""
    return usual if spec.idle is None else spec.idle or NEVER


def _preface(version: str | None) -> Any:
    """Makes PROXY headers for relayed connections."""
    if version is None:
        return None
    write = proxy_protocol.header_v1 if version == "v1" else proxy_protocol.header_v2

    def preface(connection: Any, server: Server) -> bytes:
        return write(
            (connection.client_ip, connection.client_port), (connection.local_ip, connection.local_port)
        )

    return preface
