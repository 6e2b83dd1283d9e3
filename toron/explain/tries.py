"""Says which servers of a backend were asked, why these and not others, and how that ended."""

from __future__ import annotations

from toron.compose import Rehearsed
from toron.config.load import Loaded
from toron.config.model import Backend as BackendSpec
from toron.config.model import BackendRef
from toron.core.backend import STANDINGS, Backend
from toron.core.trail import Trail, Try
from toron.explain.record import BackendStep, ServerStep, TryStep
from toron.explain.servers import server_path
from toron.observe.access_lines import ConnectionLine, HttpLine, milliseconds

_BY = {
    "again": "the same once more",
    "cookie": "the client's cookie names it",
}
"""Why a server was asked that the balancer has not picked."""

UNKNOWN = "how the servers stood was not written down"


def backend_of(
    loaded: Loaded,
    served: Rehearsed,
    reference: BackendRef,
    path: tuple[str | int, ...],
    trail: Trail | None,
    line: HttpLine | ConnectionLine,
) -> BackendStep:
    """The backend that a reference at `path` means, with what the trail has of its servers."""
    backend = served.backend(reference, *path)
    written = served.written(reference, *path)
    spec = reference if isinstance(reference, BackendSpec) else loaded.config.backends[reference]
    told = _Tries(loaded, backend, spec, written)
    step = BackendStep(backend.name, loaded.place(*written), spec.balance.word, [])
    if trail is not None and trail.tries:
        step.tries = [told.tried(each) for each in trail.tries]
    elif line.server:
        step.servers = [ServerStep(line.server, told.place(line.server), "picked", "it was asked")]
        step.note = UNKNOWN
    return step


class _Tries:
    """Uses of the servers of one backend, in words."""

    def __init__(
        self, loaded: Loaded, backend: Backend, spec: BackendSpec, written: tuple[str | int, ...]
    ) -> None:
        self._loaded = loaded
        self._balancer = spec.balance.word
        self._written = written
        static = len(spec.servers) + bool(spec.url) == len(backend.servers)
        servers = enumerate(backend.servers) if static else ()
        self._places = {
            server.name: loaded.place(*server_path(loaded, spec, written, number))
            for number, server in servers
        }

    def place(self, name: str) -> str:
        """Where a server was written; one that was discovered, where its backend was."""
        return self._places.get(name) or self._loaded.place(*self._written)

    def tried(self, one: Try) -> TryStep:
        """One use."""
        server = one.server
        step = TryStep(
            None if server is None else server.name, "" if server is None else self.place(server.name),
            self._why(one), "unanswered",
            began_ms=_milliseconds(one.began), ended_ms=_milliseconds(one.ended),
        )  # fmt: skip
        if one.word:
            step.outcome, step.reason, step.detail = "failed", one.word, one.detail
        elif one.ended is not None:
            step.outcome, step.status = "answered", one.status or None
        step.others = [
            ServerStep(each.name, self.place(each.name), "passed over", self._why_not(one, number))
            for number, each in enumerate(one.servers)
            if each is not server
        ][: len(one.standings) if one.standings else 50]
        return step

    def _why(self, one: Try) -> str:
        if one.server is None:
            return "nobody can be asked"
        if one.by:
            return _BY[one.by]
        others = [number for number, each in enumerate(one.servers) if each is not one.server]
        if any(self._standing(one, number) == "usable" for number in others):
            return f"{self._balancer} picks it"
        return "the only one that can be asked"

    def _why_not(self, one: Try, number: int) -> str:
        standing = self._standing(one, number)
        return f"{self._balancer} picked another" if standing == "usable" else STANDINGS[standing]

    def _standing(self, one: Try, number: int) -> str:
        if one.standings is None or number >= len(one.standings):
            return "usable"
        return one.standings[number]


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else milliseconds(seconds)
