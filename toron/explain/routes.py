"""Says which route a request takes, which others it would have taken, and what the rest misses."""

from __future__ import annotations

from collections.abc import Generator

from toron.compose import Rehearsed
from toron.composing.entrance import Entrance
from toron.config.load import Loaded
from toron.config.model import Match
from toron.core.judging import Judged, judging
from toron.core.message import Request
from toron.explain.plugins import shown
from toron.explain.record import NEAR, Missed, Record, RouteStep

SHADOWED = 20
"""Shadowed routes that are told, at most."""


def add_route(
    loaded: Loaded, rehearsed: Rehearsed, entrance: Entrance, request: Request, record: Record
) -> int | None:
    """Add the route that takes a request to the record; its number, with the request's captures set."""
    found = entrance.router.find(request)
    if found is None:
        return None
    request.route = found[0]
    taken = entrance.routes[id(found)]
    record.route = route_step(loaded, rehearsed, taken)
    return taken


def add_others(
    loaded: Loaded,
    rehearsed: Rehearsed,
    entrance: Entrance,
    request: Request,
    taken: int | None,
    record: Record,
) -> None:
    """Add the routes that the one which was `taken` shadows, and those that almost match."""
    for _ in adding_others(loaded, rehearsed, entrance, request, taken, record):
        pass


def adding_others(
    loaded: Loaded,
    rehearsed: Rehearsed,
    entrance: Entrance,
    request: Request,
    taken: int | None,
    record: Record,
) -> Generator[None]:
    """The same in small steps, whatever the number of routes."""
    best: dict[int, tuple[Judged, int]] = {}
    for judged in (yield from judging(entrance.router, request)):
        route, match = entrance.rules[judged.order - 1]
        known = best.get(route)
        if known is None or judged.nearness < known[0].nearness:
            best[route] = (judged, match)
    matching = sorted((judged.place, route) for route, (judged, _) in best.items() if judged.matches)
    shadowed = [route for _, route in matching if route != taken]
    record.shadowed = [route_step(loaded, rehearsed, route) for route in shadowed[:SHADOWED]]
    missing = [(judged, route, match) for route, (judged, match) in best.items() if _is_near(judged)]
    if taken is not None:
        # Those whose path has nothing but its first slash in common are no help to anybody.
        missing = [item for item in missing if item[0].misses[0] != ("path",) or item[0].near != 1]
    for judged, route, match in sorted(missing, key=lambda item: item[0].nearness)[:NEAR]:
        step = route_step(loaded, rehearsed, route)
        step.missed = _missed(loaded, route, match, judged.misses[0], request)
        record.near.append(step)


def _is_near(judged: Judged) -> bool:
    return bool(judged.misses) and not {("host",), ("path",)} <= set(judged.misses)


def route_step(loaded: Loaded, rehearsed: Rehearsed, route: int) -> RouteStep:
    """A route by its number."""
    return RouteStep(rehearsed.route_name(route), loaded.place("routes", route))


def _missed(loaded: Loaded, route: int, number: int, step: tuple[str, ...], request: Request) -> Missed:
    match = loaded.config.routes[route].match[number]
    what, *name = step
    path = (*loaded.places.item(("routes", route, "match"), number), *step)
    asked = shown(loaded, _asked(what, name, request))
    return Missed(" ".join(step), shown(loaded, _wanted(match, what, name)), asked, loaded.place(*path))


def _wanted(match: Match, what: str, name: list[str]) -> str:
    if what == "not":
        return "not all of what stands there"
    written = getattr(match, what)
    if not name:
        return " or ".join(map(str, written)) if isinstance(written, tuple) else str(written)
    value = written[name[0]]
    if isinstance(value, bool):
        return "any value" if value else "none at all"
    return str(value)


def _asked(what: str, name: list[str], request: Request) -> str:
    """What the request has where something else was wanted."""
    match what:
        case "host":
            said = request.host
        case "path":
            said = request.route_path
        case "methods":
            said = request.method
        case "scheme":
            said = request.scheme
        case "client_ip":
            return request.client_ip
        case "headers":
            said = b", ".join(request.headers.get_all(name[0].lower().encode()))
        case "query":
            said = request.query or b""
        case "cookies":
            said = b"; ".join(request.headers.get_all(b"cookie"))
        case _:
            return "all of it"
    return said.decode("utf-8", "replace") or "nothing"
