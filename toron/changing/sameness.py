"""What stays the same object from one composition to the next, and so what becomes of who uses it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from toron.admin.changes import State, Touched
from toron.compose import Composition
from toron.composing.listeners import door
from toron.config.model import LAYER7
from toron.net.living import Tally

UNAFFECTED, FINISHES, DRAINS = "unaffected", "finishes", "drains"
KEPT, LOST = "kept", "lost"

_HTTP = frozenset({"http/1.1", "h2", "h3"})

_FORGETS = {
    "rate-limit": "its counters", "connections": "its counts", "jwt": "the keys that it has fetched",
}  # fmt: skip
"""What middlewares and guards of ours remember; others of ours remember nothing."""

_FORGETFUL = frozenset(
    {"add-prefix", "allow", "alt-svc", "body-limit", "deny", "grpc-web", "headers", "redirect", "rewrite",
     "strip-prefix"}
)  # fmt: skip


@dataclass(slots=True)
class Sameness:
    """Names of what is there now and will not be the same; all else will."""

    closed: set[str] = field(default_factory=set)
    """Listeners that go."""
    layer4: set[str] = field(default_factory=set)
    """Listeners now whose traffic is relayed."""
    spoken: set[str] = field(default_factory=set)
    """Listeners that will speak another protocol."""
    backends: dict[str, str] = field(default_factory=dict)
    """Backends that go or change, with a word that says which."""
    routes: dict[str, str] = field(default_factory=dict)
    """Routes that go or change, with a word that says which."""
    state: list[State] = field(default_factory=list)

    def touched(self, tallies: Iterable[Tally]) -> list[Touched]:
        """What becomes of connections that live; what is touched most comes first."""
        found: dict[tuple[str, ...], Touched] = {}
        for tally in tallies:
            fate, why = self._fate(tally)
            key = (tally.kind, tally.listener, tally.route, tally.backend, fate)
            if key not in found:
                found[key] = Touched(0, *key, why)
            found[key].count += tally.count
        rank = {DRAINS: 0, FINISHES: 1, UNAFFECTED: 2}
        return sorted(found.values(), key=lambda each: (rank[each.fate], -each.count, each.listener))

    def _fate(self, tally: Tally) -> tuple[str, str]:
        http = tally.kind in _HTTP or (tally.kind == "new" and tally.listener not in self.layer4)
        if tally.listener in self.closed:
            if http:
                return DRAINS, "its listener goes: it ends with its next answer"
            if tally.kind == "websocket":
                return DRAINS, "its listener goes: it hears 1001"
            return FINISHES, "its listener goes: it goes on until it ends by itself"
        if tally.listener in self.spoken and http:
            return DRAINS, "its listener will speak another protocol: it ends with its next answer"
        if tally.route in self.routes and tally.route:
            return FINISHES, f"its route is {self.routes[tally.route]}: it goes on with the one it has"
        if tally.backend in self.backends:
            return FINISHES, f"its backend is {self.backends[tally.backend]}: it keeps the server it has"
        if http and not tally.route:
            return UNAFFECTED, "no request is under way: the next one gets the new routes"
        return UNAFFECTED, ""


def same(now: Composition, fresh: Composition) -> Sameness:
    """Compare two compositions but for their routes, of one process or of the parent of several."""
    found = Sameness()
    doors = set(map(door, fresh.config.listeners))
    for spec in now.config.listeners:
        place = door(spec)
        if spec.protocol not in LAYER7:
            found.layer4.add(spec.label)
        if place not in doors:
            found.closed.add(spec.label)
        elif spec.protocol in LAYER7 and now.doors.sites[place] is not fresh.doors.sites.get(place):
            found.spoken.add(spec.label)
    groups = {group.backend.name: group for group in fresh.groups}
    for group in now.groups:
        name = group.backend.name
        if groups.get(name) is not group:
            found.backends[name] = "changed" if name in groups else "gone"
    found.state = [*_pools(now, fresh), *_middlewares(now, fresh), *_guards(now, fresh)]
    return found


def _pools(now: Composition, fresh: Composition) -> Iterable[State]:
    """Connections that are kept to servers."""
    pools = set(map(id, fresh.pools))
    servers = {id(server) for group in fresh.groups for server in group.backend.servers}
    for group in now.groups:
        if group.proxy is None:
            continue
        stays = id(group.proxy.pool) in pools
        idle = {True: 0, False: 0}
        for server, stats in group.servers.items():
            idle[stays and id(server) in servers] += stats.idle
        what = f"connections to {group.backend.name}"
        if idle[False]:
            yield State(what, LOST, f"{idle[False]} idle closed")
        if stays:
            yield State(what, KEPT, f"{idle[True]} idle")


def _middlewares(now: Composition, fresh: Composition) -> Iterable[State]:
    after = {id(each) for walk, _ in fresh.routes.walks for _, each in walk}
    seen = set()
    for index, (walk, _) in enumerate(now.routes.walks):
        for number, (name, each) in enumerate(walk):
            if id(each) in seen:
                continue
            seen.add(id(each))
            word = now.config.routes[index].middlewares[number].word
            named = now.config.middlewares.get(word)
            kind = word if named is None else named.type or word
            where = "" if named is not None else f" of route {now.routes.name(index)}"
            yield from _state(f"middleware {name}{where}", kind, id(each) in after)


def _guards(now: Composition, fresh: Composition) -> Iterable[State]:
    after = _guards_of(fresh)
    for spec in now.config.listeners:
        for use, (name, each) in zip(spec.guards, now.doors.entrances[spec.label].guards, strict=True):
            yield from _state(f"guard {name} of listener {spec.label}", use.word, id(each) in after)


def _guards_of(composition: Composition) -> Collection[int]:
    return {id(each) for entrance in composition.doors.entrances.values() for _, each in entrance.guards}


def _state(what: str, kind: str, kept: bool) -> Iterable[State]:
    if kind not in _FORGETFUL:
        yield State(what, KEPT if kept else LOST, _FORGETS.get(kind, "what it remembers"))
