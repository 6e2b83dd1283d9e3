"""Says where a connection of layer 4 goes: the route that takes it, and those that do not."""

from __future__ import annotations

from toron.composing.entrance import Entrance
from toron.config.load import Loaded
from toron.config.model import BackendRef, Listener
from toron.core.refusal import NO_CONNECTION_ROUTE, Refusal
from toron.explain.question import Question
from toron.explain.record import NEAR, Missed, Record, RouteStep

_ORDER = ("client_ip", "alpn", "sni")
"""What a route may miss, the least first."""

Way = tuple[BackendRef | None, tuple[str | int, ...]]
"""The backend that a connection is relayed to, and where it was named; None for an echo."""


def connection_way(
    loaded: Loaded, index: int, spec: Listener, entrance: Entrance, asked: Question, record: Record
) -> Way:
    """Add the routes to the record; the way on. Refusal where there is none."""
    path = ("listeners", index)
    if entrance.router is None:
        return (spec.backend, (*path, "backend"))
    named = spec.protocol in ("tls", "sni")
    sni = asked.sni if named else ""
    alpn = asked.alpn if named else ()
    missed = entrance.router.judge(asked.client, sni, [name.encode() for name in alpn])
    matching = [number for number, what in enumerate(missed) if not what]
    steps = [_step(loaded, index, spec, number) for number in range(len(missed))]
    near = sorted((_ORDER.index(what), number) for number, what in enumerate(missed) if what)[:NEAR]
    for _, number in near:
        record.near.append(steps[number])
        steps[number].missed = _missed(loaded, index, spec, number, missed[number], sni, alpn, asked.client)
    if not matching:
        raise Refusal(NO_CONNECTION_ROUTE, sni)
    taken = matching[0]
    record.route = steps[taken]
    record.shadowed = [steps[number] for number in matching[1:]]
    if spec.routes:
        return (spec.routes[taken].backend, (*path, "routes", taken, "backend"))
    return (spec.backend, (*path, "backend"))


def _step(loaded: Loaded, index: int, spec: Listener, number: int) -> RouteStep:
    if spec.routes:
        route = spec.routes[number]
        name = route.name or f"{number + 1}:{route.match.sni[0] if route.match.sni else '*'}"
        return RouteStep(name, loaded.place("listeners", index, "routes", number))
    key = "echo" if spec.backend is None else "backend"
    return RouteStep(f"the listener's own {key}", loaded.place("listeners", index, key))


def _missed(
    loaded: Loaded,
    index: int,
    spec: Listener,
    number: int,
    what: str,
    sni: str,
    alpn: tuple[str, ...],
    client: str,
) -> Missed:
    match = spec.routes[number].match
    wanted, said = {
        "sni": (match.sni, sni),
        "alpn": (match.alpn, ", ".join(alpn)),
        "client_ip": (match.client_ip, client),
    }[what]
    place = loaded.place("listeners", index, "routes", number, "match", what)
    return Missed(what, " or ".join(map(str, wanted)), said or "nothing", place)
