"""Makes the layer-7 routes, each with its middlewares and its last step, and the routers that find them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Hashable
from typing import TYPE_CHECKING, Any

from toron.composing.backends import Backends
from toron.composing.entrance import Entrance
from toron.composing.ground import Ground
from toron.composing.secure_doors import redirects
from toron.config import model
from toron.core.chain import chain
from toron.core.client_certificate import Requirement
from toron.core.message import Request, Service
from toron.core.networks import Networks
from toron.core.redirect import Redirection
from toron.core.refusal import NO_ROUTE, UNKNOWN_HOST, Refusal
from toron.core.routing import Pattern, Router
from toron.core.trail import Trail, seen
from toron.net.pauses import emptying
from toron.net.websocket_echo import websocket_echo
from toron.observe.recent import Chart, Recent
from toron.services.echo import echo_http
from toron.services.redirect import redirect
from toron.services.respond import respond

if TYPE_CHECKING:
    # Where it is compiled, the class takes no parameters.
    Routing = Router[tuple[str, Service]]
    """Finds what logs call a route, and what answers its requests."""


class Routes:
    """Those of one composition; all listeners that a route is for share what it is made of."""

    def __init__(self, ground: Ground, config: model.Config, backends: Backends) -> None:
        self.ground = ground
        self.config = config
        self.backends = backends
        self.walks: list[tuple[list[tuple[str, Any]], Service]] = []
        """Of each route the middlewares, by their names, and the last step behind them."""
        self.requirements: dict[int, Requirement] = {}
        """What routes ask of the client's certificate, before their middlewares."""
        self._made: list[tuple[str, Service]] = []
        self._owners: Counter[Hashable] = Counter()

    @property
    def names(self) -> set[str]:
        """What logs and metrics call the routes."""
        redirected = any(redirects(self.config, spec) for spec in self.config.listeners)
        return {name for name, _ in self._made} | ({REDIRECTED} if redirected else set())

    def steps(self) -> Generator[None]:
        """Make all of them, one from each yield to the next."""
        for index, route in enumerate(self.config.routes):
            self._made.append((self.name(index), self._service(index, route)))
            yield

    def dismantle(self) -> Generator[None]:
        """Let go of all of them, in small steps."""
        del self.config
        return emptying(self.walks, self._made)

    def name(self, index: int) -> str:
        """What logs and metrics call a route: its name, or its place in the list and its match."""
        return route_name(index, self.config.routes[index])

    def router(self, spec: model.Listener, entrance: Entrance) -> Generator[None, None, Routing]:
        """Finds a request's route among those of this listener; in steps like those of `steps`."""
        router: Routing = Router()
        entrance.router = router
        by_name = redirects(self.config, spec)
        for index, route in enumerate(self.config.routes):
            if spec.label not in route.listeners and (route.listeners or by_name):
                continue
            leads_to = self._made[index]
            entrance.routes[id(leads_to)] = index
            for number, match in enumerate(route.match):
                with self.ground.located("the route can not be matched", "routes", index, "match"):
                    router.add(_pattern(match), route.priority, leads_to)
                entrance.rules.append((index, number))
            yield
        yield from router.compiling()
        return router

    def _service(self, index: int, route: model.Route) -> Service:
        """A route's middlewares, and the last step behind them."""
        owner: Hashable = None
        middlewares = []
        for number, use in enumerate(route.middlewares):
            path = ("routes", index, "middlewares", number)
            key: tuple[Hashable, ...]
            if use.options is None and use.word in self.config.middlewares:
                key = ("middleware", use.word)
            else:
                # What is written in a route belongs to it, wherever in the list the route stands.
                owner = owner or self._owner(route)
                key = ("middleware", owner, number)
            middlewares.append(self.ground.kept(key, path))
        last = self._last(index, route)
        self.walks.append((middlewares, last))
        service = chain(middlewares, last)
        wanted = route.client_cert
        if wanted is None:
            return service
        with self.ground.located("", "routes", index, "client_cert"):
            requirement = Requirement(wanted.subject, wanted.san, wanted.fingerprint)
        self.requirements[index] = requirement
        return requirement.before(service)

    def _owner(self, route: model.Route) -> Hashable:
        """What a route is known by from one composition to the next: its name, or what it matches."""
        known = route.name or repr(route.match)
        self._owners[known] += 1
        return known, self._owners[known]

    def _last(self, index: int, route: model.Route) -> Service:
        if route.backend is not None:
            return self.backends.proxy(self.backends.group(route.backend, ("routes", index, "backend")))
        if route.redirect is not None:
            spec = route.redirect
            with self.ground.located("", "routes", index, "redirect"):
                redirection = Redirection(spec.to, spec.scheme, spec.host, spec.port, spec.status)
            return redirect(redirection)
        if route.respond is not None:
            return respond(route.respond.status, route.respond.headers, route.respond.body)
        answer = websocket_echo(self.ground.reactor)
        if answer is None:
            self.ground.log.warn(
                "{place}: WebSockets are not echoed without the extra: pip install 'toron[websocket]'",
                place=self.ground.loaded.place("routes", index, "echo"),
            )
        return echo_http(answer)


def route_name(index: int, route: model.Route) -> str:
    """What logs and metrics call a route: its name, or its place in the list and its match."""
    if route.name:
        return route.name
    match = route.match[0]
    return f"{index + 1}:{match.host[0] if match.host else '*'}{match.path[0] if match.path else '/'}"


REDIRECTED = "redirect_http"
"""What logs call the route of requests that are sent on to https."""


def dispatch(
    router: Routing, secure: bool, recent: Recent, chart: Chart, *, elsewhere: Service | None = None
) -> Service:
    """Asks the service of a request's route; `secure` says that hosts are known by certificates.

    As many as `recent` wants are followed on their way. What no route takes goes to `elsewhere`, where that
    is given.
    """

    def find(request: Request) -> Any:
        found = router.find(request)
        if recent.left >= 1.0:
            recent.left -= 1.0
            request.trail = Trail(chart, seen(request), found)
        if found is None:
            if elsewhere is not None:
                request.route = REDIRECTED
                return elsewhere(request)
            if secure and not router.serves_host(request.host):
                raise Refusal(UNKNOWN_HOST)
            raise Refusal(NO_ROUTE)
        request.route, service = found
        return service(request)

    return find


def _pattern(match: model.Conditions) -> Pattern:
    """A match as plain data."""
    never = match.not_ if isinstance(match, model.Match) else None
    return Pattern(
        hosts=match.host, paths=match.path, methods=match.methods, headers=dict(match.headers),
        query=dict(match.query), cookies=dict(match.cookies), scheme=match.scheme,
        networks=Networks(match.client_ip) if match.client_ip else None,
        never=None if never is None else _pattern(never),
    )  # fmt: skip
