"""Says which server of a backend would be asked, and why the others are passed over."""

from __future__ import annotations

from toron.compose import Rehearsed
from toron.config.load import Loaded
from toron.config.model import Backend as BackendSpec
from toron.config.model import BackendRef
from toron.core.backend import STANDINGS, Backend
from toron.core.server import Server
from toron.explain.record import BackendStep, ServerStep
from toron.interfaces import Caller as AnyCaller

HEALTH = "health is not known offline: every server is taken to be well and idle"

_TURNS = 1000
"""Picks that are looked at, at most, to see who else would be asked."""


def backend_step(
    loaded: Loaded,
    rehearsed: Rehearsed,
    reference: BackendRef,
    path: tuple[str | int, ...],
    caller: AnyCaller,
) -> BackendStep:
    """The backend that a reference at `path` means. Refusal where none of its servers can be asked."""
    backend = rehearsed.backend(reference, *path)
    written = rehearsed.written(reference, *path)
    spec = reference if isinstance(reference, BackendSpec) else loaded.config.backends[reference]
    for server in backend.servers:
        backend.set_healthy(server, True, "taken to be well")
        server.work = 0.0
    now = rehearsed.seconds()
    picked = _pick(backend, caller, now)
    turns = min(_TURNS, 4 * len(backend.servers))
    others = {id(_pick(backend, caller, now)) for _ in range(turns)}
    balancer = spec.balance.word
    steps = []
    for number, server in enumerate(backend.servers):
        why = _why(backend, server, server is picked, id(server) in others, balancer, now)
        place = loaded.place(*server_path(loaded, spec, written, number))
        steps.append(ServerStep(server.name, place, "picked" if server is picked else "passed over", why))
    notes = [HEALTH]
    if spec.sticky is not None:
        notes.append("sticky: a client that has the cookie stays on its server")
    return BackendStep(backend.name, loaded.place(*written), balancer, steps, "; ".join(notes))


def _pick(backend: Backend, caller: AnyCaller, now: float) -> Server:
    lease = backend.lease(caller, (), now)
    lease.release()
    return lease.server


def _why(backend: Backend, server: Server, picked: bool, in_turn: bool, balancer: str, now: float) -> str:
    standing = backend.standing(server, (), now)
    if standing != "usable":
        return STANDINGS[standing]
    if picked:
        return "the only one that can be asked" if _alone(backend, now) else f"{balancer} picks it"
    if in_turn:
        return f"{balancer} picks it for other requests"
    return "weight 0: asked only when no other can be" if not server.weight else f"{balancer} picks another"


def _alone(backend: Backend, now: float) -> bool:
    return sum(backend.standing(server, (), now) == "usable" for server in backend.servers) == 1


def server_path(
    loaded: Loaded, spec: BackendSpec, written: tuple[str | int, ...], number: int
) -> tuple[str | int, ...]:
    """Where a server was written: `url` comes before `servers`."""
    if spec.url:
        if number == 0:
            return (*written, "url")
        number -= 1
    return (*written, "servers", number)
