"""Turns a configuration into the service tree: joins the rooms, in the order in which things start."""

from __future__ import annotations

import random as randomness
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

import toron
from toron.composing.acme import AcmeParts
from toron.composing.backends import Backends, Group
from toron.composing.certificates import CertificateParts
from toron.composing.entrance import Entrance
from toron.composing.ground import Ground
from toron.composing.listeners import Listeners
from toron.composing.routes import Routes
from toron.config import model
from toron.config.load import Loaded
from toron.core.backend import Backend
from toron.core.client_certificate import Requirement
from toron.core.message import Service
from toron.net.certificate_care import CertificateCare
from toron.net.doors import Doors
from toron.net.fresh_tickets import FreshTickets
from toron.net.gateway import Gateway
from toron.net.health import HealthCheck
from toron.net.inheritance import Inheritance, Inherited
from toron.net.ocsp_stapling import Stapling
from toron.net.pauses import emptying
from toron.net.sockets import Sockets
from toron.net.sweep import Sweep
from toron.net.upstream import Connections
from toron.observe.access_log import AccessLog, NullAccessLog
from toron.observe.line_writer import LineWriter
from toron.observe.metrics import Metrics
from toron.observe.readiness import Readiness
from toron.observe.recent import Chart, Recent

if TYPE_CHECKING:
    from toron.admin.listener import AdminListener
    from toron.composing.listeners import Listener


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
    return Composition(loaded, reactor, random, wall).whole(fatal)


class Part:
    """One process of a gateway of several, with what it has to tell the others about."""

    def __init__(
        self, composer: Composition, root: Gateway, doors: list[Doors], admin: Sequence[AdminListener] = ()
    ) -> None:
        self.root = root
        self.composition = composer
        self.admin = admin
        """Of the parent: the admin port, where there is one."""
        self.doors = doors
        """Of the parent: the sockets of each listener."""
        self.access_log = composer.access_log
        self.recent = composer.recent
        self.metrics = composer.metrics
        self.readiness = composer.readiness
        self.backends = {group.backend.name: group.backend for group in composer.groups}
        self.checks = [(group.backend, check) for group in composer.groups for check in group.checks]
        """Of the parent: the active checks of servers that are written, by backend."""
        self.checked = {group.backend.name for group in composer.groups if group.spec.health is not None}
        """The backends that active checks are made of."""
        self.discovered = {group.backend.name for group in composer.groups if group.members is not None}
        """The backends whose servers come and go."""
        self.limits = composer.ground.shared_limits
        self.sources = composer.certificates.shared
        """Where certificates come from, by what they are known by in each process."""
        self.answers = composer.acme.answers
        """What is answered to ACME directories."""


def compose_parent(
    loaded: Loaded,
    reactor: Any,
    random: randomness.Random,
    wall: Callable[[], float],
    fatal: Callable[[str], None],
    inheritance: Inheritance,
    count: int,
    sockets: Sockets | None = None,
) -> Part:
    """What one process does for `count` workers: sockets, checks, logs, the admin port.

    All that workers do is composed too, so that what is wrong is found here, and once; and what must
    be the same in each of them is in `inheritance` from then on. Raises Invalid as `compose` does.
    """
    return Composition(loaded, reactor, random, wall, inheritance, sockets=sockets).parent(fatal, count)


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
    return Composition(loaded, reactor, random, wall, inherited, make_writer).worker(fatal)


def rehearse(loaded: Loaded) -> Rehearsed:
    """Compose without a reactor: raises Invalid for what a start would."""
    composition = Composition(loaded, _Still(), randomness.Random(0), time.time)
    composition.whole(_nobody)
    composition.acme.pretend()
    return Rehearsed(composition)


_LONG = 86400.0 * 366
"""Seconds after which every rate is fresh again."""


class Rehearsed:
    """A gateway that was composed and will not start."""

    def __init__(self, composition: Composition) -> None:
        self.entrances: dict[str, Entrance] = composition.doors.entrances
        """By the names of the listeners."""
        self.walks: list[tuple[list[tuple[str, Any]], Service]] = composition.routes.walks
        """Of each route the middlewares, by their names, and the last step behind them."""
        self.requirements: dict[int, Requirement] = composition.routes.requirements
        """What routes ask of the client's certificate, before their middlewares."""
        self.seconds: Callable[[], float] = composition.reactor.seconds
        self._composition = composition

    def rest(self) -> None:
        """Let time go by until no limit remembers what was asked before."""
        self._composition.reactor.advance(_LONG)

    def backend(self, reference: model.BackendRef, *path: str | int) -> Backend:
        """The backend of that name, or the one written at `path`."""
        return self._composition.backends.group(reference, path).backend

    def written(self, reference: model.BackendRef, *path: str | int) -> tuple[str | int, ...]:
        """Where that backend was written."""
        return self._composition.backends.group(reference, path).path

    def route_name(self, index: int) -> str:
        """What logs and metrics call a route."""
        return self._composition.routes.name(index)


class _Still(Clock):
    """In place of a reactor, for what is never started."""

    def callFromThread(self, function: Callable[..., None], *arguments: object) -> None:  # noqa: N802
        self.callLater(0, function, *arguments)


async def _fetch(reactor: Any, url: str, request: bytes) -> bytes:
    """The response of an OCSP responder; what asks it is loaded when it is asked first."""
    from toron.net.ocsp_fetch import fetch

    return await fetch(reactor, url, request)


def _nobody(message: str) -> None:
    """Nothing that is never started fails to start."""


def shared_door(spec: model.Listener, count: int, sockets: Sockets) -> Doors:
    """The sockets of a listener, for `count` workers."""
    return Doors(
        spec.label, spec.address, spec.port, count,
        stream=not spec.over_udp, backlog=spec.backlog, share=sockets.share,
    )  # fmt: skip


class Composition:
    """One composition: doors, routes and backends, and the tree that they are planted in.

    With `before`, the composition that serves now, it takes over what has not changed and touches none of
    it: what has to happen to it when the new one takes its place is in `ground.changes`.
    """

    ground: Ground
    backends: Backends
    readiness: Readiness
    sweep: Sweep
    access_log: AccessLog | NullAccessLog
    metrics: Metrics
    care: CertificateCare
    stapling: Stapling
    tickets: FreshTickets
    acme: AcmeParts
    certificates: CertificateParts
    sockets: Sockets
    doors: Listeners
    routes: Routes
    new_id: Callable[[], str]
    recent: Recent

    def __init__(
        self,
        loaded: Loaded,
        reactor: Any,
        random: randomness.Random,
        wall: Callable[[], float],
        inheritance: Inheritance | None = None,
        make_writer: Callable[..., Any] = LineWriter,
        before: Composition | None = None,
        sockets: Sockets | None = None,
    ) -> None:
        earlier = None if before is None else before.ground
        self.ground = Ground(loaded, reactor, random, inheritance, earlier)
        self.config = loaded.config
        self.reactor = reactor
        self.random = random
        self.wall = wall
        self.make_writer = make_writer
        self.sockets = before.sockets if before is not None else sockets or Sockets()
        if before is None:
            self.readiness = Readiness("starting")
            self.sweep = Sweep(reactor)
            self.access_log = self._access_log()
            self.metrics = Metrics(self.readiness, reactor.seconds, toron.__version__, self.access_log)
            stats = self.metrics.of_certificates
            self.care = CertificateCare(reactor, wall, stats)
            self.stapling = Stapling(reactor, wall, partial(_fetch, reactor), stats)
            stats.ends, stats.staples = self.care.ends, self.stapling.ends
            self.tickets = FreshTickets(reactor)
            self.recent = self._recent()
            ids = count(1)
            start = f"{random.getrandbits(40):010x}"
            self.new_id = lambda: f"{start}-{next(ids):x}"
        else:
            self.readiness, self.sweep, self.access_log = before.readiness, before.sweep, before.access_log
            self.metrics, self.new_id, self.recent = before.metrics, before.new_id, before.recent
            self.care, self.stapling, self.tickets = before.care, before.stapling, before.tickets
            self.ground.changes.append(partial(self.recent.configure, *self._remembered))
        self.chart = Chart()
        self.route_places: list[str] = []
        """Where each route was written, as `file:line:column`, where an admin port may tell of it."""
        self.backend_places: dict[str, str] = {}
        """The same of each backend, by name."""
        serving = None if before is None else before.backends
        self.backends = Backends(self.ground, self.config, self.sweep, self.metrics, wall, serving)
        self.routes = Routes(self.ground, self.config, self.backends)
        known = None if before is None else before.acme
        self.acme = AcmeParts(self.ground, self.config, random, wall, self.metrics, known)
        self.certificates = CertificateParts(self.ground, wall, self.care, self.stapling, self.acme)
        self.doors = Listeners(
            self.ground, self.config, self.backends, self.routes, self.certificates,
            sweep=self.sweep, metrics=self.metrics, access_log=self.access_log, wall=wall,
            new_id=self.new_id, random=random, recent=self.recent, chart=self.chart,
            open_socket=inheritance.opened if isinstance(inheritance, Inherited) else self.sockets.open,
        )  # fmt: skip

    def whole(self, fatal: Callable[[str], None]) -> Gateway:
        """Everything, in the order it starts in."""
        drain = self.config.drain
        root = Gateway(self.reactor, self.readiness, delay=drain.delay, limit=drain.limit, fatal=fatal)
        listeners, admin = self._traffic(), self._admin()
        self._plant(root, self.care, self.stapling, self.tickets, *self.backends.services, *listeners, *admin)
        self._listen(root, listeners, admin)
        for each in admin:
            each.gateway.root = root
        root.awaited, root.held = self._known(), [*listeners]
        root.unsure, root.recall, root.drain_servers = self._unsure, self.recall, self.drain_servers
        root.reopening = [self.access_log.reopen]
        return root

    def parent(self, fatal: Callable[[str], None], count: int) -> Part:
        """What is done once for all workers."""
        drain = self.config.drain
        root = Gateway(self.reactor, self.readiness, delay=drain.delay, limit=drain.limit, fatal=fatal)
        root.ready_at_once = False
        self._traffic()
        doors = [shared_door(spec, count, self.sockets) for spec in self.config.listeners]
        admin = self._admin()
        self._plant(root, self.care, self.stapling, *self.backends.services, *admin)
        root.awaited = self._known()
        root.unsure, root.recall, root.drain_servers = self._unsure, self.recall, self.drain_servers
        root.listeners = doors
        root.bound = [*doors, *admin]
        for each in admin:
            each.gateway.root = root
        root.last = [*admin, self.access_log]
        self.watch(root)
        return Part(self, root, doors, admin)

    def worker(self, fatal: Callable[[str], None]) -> Part:
        """The traffic. The delay before the doors close is the parent's: it closes them first."""
        limit = self.config.drain.limit
        root = Gateway(self.reactor, self.readiness, delay=0.0, limit=limit, fatal=fatal, name="the worker")
        root.linger = self.config.upgrade.linger
        listeners = self._traffic()
        self._plant(root, self.tickets, *self.backends.services, *listeners)
        self._listen(root, listeners, [])
        return Part(self, root, [])

    def _plant(self, root: Gateway, *services: Any) -> None:
        """Make services part of the tree, after those that everything needs."""
        basis: tuple[Any, ...] = (self.access_log, self.sweep)
        for service in basis:
            service.setServiceParent(root)
        # What is kept of certificates is served from the first connection on.
        self.acme.attend(root)
        self.acme.settle()
        for service in services:
            service.setServiceParent(root)

    def _listen(self, root: Gateway, listeners: list[Any], admin: list[AdminListener]) -> None:
        """Tell the root what traffic comes in by, and what has to be told when it ends."""
        root.listeners = listeners
        root.bound = [*listeners, *admin]
        root.last = [*admin, self.access_log]
        self.attend(root)

    def attend(self, root: Gateway) -> None:
        """Be the one that is told of what goes on."""
        self._answer(root)
        root.lingering = [site.linger for site in self.doors.sites.values()]
        root.draining = [*(site.drain for site in self.doors.sites.values()), *self.acme.draining]
        root.closing = [pool.close for pool in self.pools]
        self.sweep.looked = self._looked
        certificates = self.certificates
        self.tickets.keep(lambda: certificates.sources)
        # Not before: what never serves should be gone with the last who has it.
        self.chart.served = self

    def watch(self, root: Gateway) -> None:
        """Be the one that is told, as a parent: what servers are busy with is for its workers to tell."""
        self._answer(root)
        root.active = self._active
        self.sweep.looked = self._looked_at_the_clock

    def _answer(self, root: Gateway) -> None:
        """Say what another process has to know that takes over, and how long that may take."""
        root.known, root.drained = self.known, self.drained
        root.start_within, root.linger = self.config.upgrade.start, self.config.upgrade.linger

    def _traffic(self) -> list[Listener]:
        for _ in self.steps():
            pass
        return self.listeners

    def _known(self) -> list[Deferred[None]]:
        """What fires when it is known which servers are discovered."""
        return [group.discovery.known for group in self.groups if group.discovery is not None]

    def _active(self) -> int:
        """How many connections workers had when they last said."""
        specs = self.config.listeners
        return sum(self.metrics.listener(spec.label, spec.kind).active for spec in specs)

    def _unsure(self) -> bool:
        """Whether there is a server that nobody has looked at yet."""
        return any(check.unsure for group in self.groups for check in _checks(group))

    def known(self) -> list[tuple[str, str, bool]]:
        """What checks have found: of each server its backend, its URL, and whether it is well."""
        return [
            (group.backend.name, check.server.url, check.server.healthy)
            for group in self.groups for check in _checks(group) if not check.unsure
        ]  # fmt: skip

    def drained(self) -> list[tuple[str, str]]:
        """Which servers somebody has asked to drain: of each its backend and its URL."""
        return [
            (group.backend.name, server.url)
            for group in self.groups for server in group.backend.servers if server.draining
        ]  # fmt: skip

    def drain_servers(self, drained: Iterable[tuple[str, str]]) -> None:
        """Have those drain, as far as they are there."""
        wanted = set(drained)
        for group in self.groups if wanted else ():
            for server in group.backend.servers:
                if (group.backend.name, server.url) in wanted:
                    group.backend.drain(server, True)

    def recall(self, known: Iterable[tuple[str, str, bool]]) -> None:
        """Go on from what another process has found, as far as the servers are the same."""
        found = {(backend, url): healthy for backend, url, healthy in known}
        for group in self.groups:
            for check in group.checks:
                healthy = found.get((group.backend.name, check.server.url))
                if healthy is not None:
                    check.resume(healthy)
                    group.backend.set_healthy(check.server, healthy, "checked by the process before")

    def steps(self) -> Generator[None]:
        """The listeners, with all that they lead to, and the backends that nothing leads to.

        The work of one composition in small parts: a few milliseconds at most from one yield to the next,
        whatever the number of routes.
        """
        yield from self.backends.reserve_names()
        if any(spec.protocol in model.LAYER7 for spec in self.config.listeners):
            yield from self.routes.steps()
        yield from self.doors.steps()
        for index, route in enumerate(self.config.routes):
            if isinstance(route.backend, str):
                self.backends.group(route.backend, ("routes", index, "backend"))
            yield
        for name in self.config.backends:
            self.backends.group(name, ("backends", name))
            yield
        if self.config.admin is not None and not isinstance(self.ground.inheritance, Inherited):
            yield from self._note_places()
        self.backends.leave()
        self.ground.leave()

    def _note_places(self) -> Generator[None]:
        """Remember where routes and backends were written: all that is told of it later."""
        place = self.ground.loaded.place
        for index in range(len(self.config.routes)):
            self.route_places.append(place("routes", index))
            yield
        for group in self.groups:
            self.backend_places[group.backend.name] = place(*group.path)
            yield

    @property
    def listeners(self) -> list[Listener]:
        """What traffic comes in by, in the order of the configuration."""
        return self.doors.made

    @property
    def groups(self) -> list[Group]:
        """Every backend with its traffic."""
        return self.backends.groups

    @property
    def pools(self) -> list[Connections]:
        """The connections to the servers of each backend."""
        return [group.proxy.pool for group in self.groups if group.proxy is not None]

    def settle(self) -> None:
        """Count what is served by this composition, and nothing else."""
        for group in self.groups:
            if group.proxy is not None:
                group.proxy.pool.only(group.backend.servers)
        self.metrics.keep(
            {spec.label: spec.kind for spec in self.config.listeners},
            self.routes.names,
            {group.backend.name: group.backend.servers for group in self.groups},
        )
        self.acme.settle()
        self.certificates.settle()

    def dismantle(self) -> Generator[None]:
        """Let go of what nobody but this composition has, in small steps; it is of no use afterwards."""
        # A model can not be emptied: its parts are held one by one while it is let go.
        held = [*self.config.routes, *self.config.backends.values()]
        del self.config
        self.chart.served = None
        yield from self.routes.dismantle()
        yield from self.doors.dismantle()
        yield from self.backends.dismantle()
        yield from self.ground.dismantle()
        yield from emptying(held)

    def _access_log(self) -> AccessLog | NullAccessLog:
        spec = self.config.access_log
        if spec is None:
            return NullAccessLog()
        path = spec.path if spec.path == "-" else self.ground.path(spec.path)
        return AccessLog(path, self.reactor, spec.redact, self.wall, self.make_writer)

    @property
    def _remembered(self) -> tuple[int, float]:
        """How many requests and connections, and how many of them each second; none if nobody can ask."""
        spec = self.config.explain
        return 0 if self.config.admin is None else spec.keep, spec.follow.per_second

    def _recent(self) -> Recent:
        spec = self.config.access_log or model.AccessLog(path="-")
        return Recent(*self._remembered, self.wall, spec.redact)

    def _admin(self) -> list[AdminListener]:
        spec = self.config.admin
        if spec is None:
            return []
        # A worker has none, and should be there soon.
        from toron.admin.listener import AdminListener
        from toron.admin.running import Running

        gateway = Running(self.reactor, self.wall, toron.__version__, self.metrics, self.readiness, self)
        return [AdminListener(self.reactor, spec.address, spec.port, gateway, self.sockets.open)]

    def _looked_at_the_clock(self) -> None:
        self.metrics.loop_lag = self.sweep.lag

    def _looked(self) -> None:
        self._looked_at_the_clock()
        self.recent.refill()
        for group in self.groups:
            if group.proxy is not None:
                for server, stats in group.servers.items():
                    stats.idle = group.proxy.pool.idle(server)


def _checks(group: Group) -> list[HealthCheck]:
    return group.checks if group.members is None else group.members.checks
