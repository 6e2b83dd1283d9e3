"""Backends and their servers: how they are, and who gets nobody new."""

from __future__ import annotations

from msgspec import Struct

from toron.admin.endpoint import Call, Endpoint
from toron.admin.problem import unknown
from toron.admin.running import Served
from toron.core.backend import Backend
from toron.core.server import Server as BackendServer
from toron.observe.stats import ServerStats


class Server(Struct):
    """A server of a backend."""

    backend: str
    name: str
    """`host:port`, as logs and metrics call it."""
    url: str
    state: str
    """`up`, `down` (active checks say so), `ejected` (it failed too often), `draining`, `suspect` (could
    not be reached lately: asked last), or `gone` (no longer a server of its backend, and finishing)."""
    ejected_until: float | None
    """Unix seconds."""
    weight: int
    backup: int
    """Asked only while no server with a lower number can be."""
    draining: bool
    healthy: bool
    """What active checks say; true where there are none."""
    active: int
    """Requests or connections it is busy with now."""
    failures_in_a_row: int
    failures: int
    """Attempts that failed at it since the start."""
    checks: Checks | None
    """What active checks found; null where there are none."""


class Checks(Struct):
    """Active checks since the start."""

    passed: int
    failed: int


class Group(Struct):
    """A backend."""

    name: str
    balance: str
    servers: int
    up: int
    """Servers that may be asked."""
    draining: int
    active: int
    place: str
    """Where it was written, as `file:line:column`."""


class Groups(Struct):
    """All backends."""

    backends: list[Group]


class Servers(Struct):
    """All servers that were asked for."""

    servers: list[Server]


class WhichServers(Struct, forbid_unknown_fields=True):
    """Of which backend; all where it is empty."""

    backend: str = ""


async def backends(call: Call) -> Groups:
    """One entry for each backend."""
    await call.gateway.refresh()
    serving, now = call.gateway.serving, call.gateway.reactor.seconds()
    places = serving.backend_places
    return Groups([_group(each, places.get(each.backend.name, ""), now) for each in serving.groups])


async def servers(call: Call) -> Servers:
    """One entry for each server."""
    groups = call.gateway.serving.groups
    if call.query.backend:
        groups = [_find(call, call.query.backend)]
    await call.gateway.refresh()
    found = []
    for each in groups:
        found += [told(call, each, server) for server in each.backend.all_servers]
    return Servers(found)


async def drain(call: Call) -> Server:
    """Lead nobody new to it."""
    return await _set_draining(call, True)


async def undrain(call: Call) -> Server:
    """Lead clients to it again."""
    return await _set_draining(call, False)


async def _set_draining(call: Call, draining: bool) -> Server:
    group = _find(call, call.parameters["backend"])
    name = call.parameters["server"]
    backend = group.backend
    chosen = [each for each in backend.servers if name in (each.name, each.url)]
    if not chosen:
        raise unknown("server", name, [each.name for each in backend.servers], f" in backend {backend.name}")
    if draining and all(each.draining or each in chosen for each in backend.servers):
        call.note = "drained: no other server of this backend takes anybody new"
    else:
        call.note = "draining" if draining else "undrained"
    for each in chosen:
        backend.drain(each, draining)
    await call.gateway.refresh()
    return told(call, group, chosen[0])


def _find(call: Call, name: str) -> Served:
    groups = call.gateway.serving.groups
    for each in groups:
        if each.backend.name == name:
            return each
    raise unknown("backend", name, [each.backend.name for each in groups])


def _group(group: Served, place: str, now: float) -> Group:
    backend = group.backend
    return Group(
        name=backend.name,
        balance=group.spec.balance.word,
        servers=len(backend.servers),
        up=sum(1 for each in backend.servers if backend.is_up(each, now)),
        draining=sum(1 for each in backend.servers if each.draining),
        active=sum(each.in_flight for each in backend.servers),
        place=place,
    )


def told(call: Call, group: Served, server: BackendServer) -> Server:
    """A server as the API tells of it."""
    gateway, backend = call.gateway, group.backend
    now = gateway.reactor.seconds()
    known = None if server.gone else gateway.metrics.of_server(backend.name, server)
    stats = known or ServerStats(backend.name, server)
    until = server.eject_until
    return Server(
        backend=backend.name, name=server.name, url=server.url, state=_state(backend, server, now),
        ejected_until=round(gateway.wall() + until - now, 3) if until > now else None,
        weight=server.weight, backup=int(server.backup), draining=server.draining, healthy=server.healthy,
        active=server.in_flight, failures_in_a_row=server.failures, failures=sum(stats.failures.values()),
        checks=None if group.spec.health is None else Checks(stats.probes_passed, stats.probes_failed),
    )  # fmt: skip


def _state(backend: Backend, server: BackendServer, now: float) -> str:
    if server.gone:
        return "gone"
    standing = backend.standing(server, (), now)
    if server.draining:
        return "draining"
    return {"unhealthy": "down", "usable": "up", "backup": "up"}.get(standing, standing)


_SERVER = "/backends/{backend}/servers/{server}"

ENDPOINTS = (
    Endpoint("GET", "/backends", backends, Groups, "The backends, and how many of their servers are up"),
    Endpoint(
        "GET", "/servers", servers, Servers, "The servers of all backends, or of one: how they are",
        query=WhichServers,
    ),
    Endpoint("POST", _SERVER + "/drain", drain, Server, "Lead nobody new to a server"),
    Endpoint("POST", _SERVER + "/undrain", undrain, Server, "Lead clients to a server again"),
)  # fmt: skip
