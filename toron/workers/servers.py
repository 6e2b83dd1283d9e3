"""Tells each worker what is known of the servers: by discovery, checks, and the traffic of the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from toron.compose import Part
from toron.core.backend import Backend
from toron.core.server import Server
from toron.workers.messages import Drained, Ejected, FromParent, Health, Published, Suspected
from toron.workers.process import WorkerProcess

SETTLE = 0.05
"""Seconds after the end of an ejection in which it is surely over."""


class Servers:
    """How servers are, in the backends of the parent, and who has to hear of it: all of `workers`."""

    def __init__(self, reactor: Any, part: Part, workers: Collection[WorkerProcess]) -> None:
        self._reactor = reactor
        self._workers = workers
        self._backends: dict[str, Backend] = {}
        self.switch(part)

    def switch(self, part: Part) -> None:
        """These are the backends from here on."""
        known = set(self._backends.values())
        self._backends = part.backends
        self._checked = part.checked
        self._discovered = part.discovered
        for backend in part.backends.values():
            if backend not in known:
                backend.checked = self._on_checked(backend)
                backend.drained = self._on_drained(backend)
                backend.published.append(self._on_published(backend))

    def known(self) -> Iterator[Published | Health | Ejected | Suspected | Drained]:
        """What a new worker has to know."""
        now = self._reactor.seconds()
        for name, backend in self._backends.items():
            if name in self._discovered and backend.servers:
                yield _published(backend)
            for server in backend.servers:
                if name in self._checked:
                    yield Health(name, server.url, server.healthy, "checked before")
                if server.draining:
                    yield Drained(name, server.url, True)
                if server.suspect_until > now:
                    yield Suspected(name, server.url, server.suspect_until)
                if server.eject_until > now:
                    yield Ejected(name, server.url, server.eject_until, server.ejections, "ejected before")

    def _on_checked(self, backend: Backend) -> Callable[[Server, bool, str], None]:
        def tell(server: Server, healthy: bool, why: str) -> None:
            self._tell(Health(backend.name, server.url, healthy, why))

        return tell

    def _on_drained(self, backend: Backend) -> Callable[[Server, bool], None]:
        def tell(server: Server, draining: bool) -> None:
            self._tell(Drained(backend.name, server.url, draining))

        return tell

    def _on_published(self, backend: Backend) -> Callable[[Sequence[Server], Sequence[Server]], None]:
        def tell(came: Sequence[Server], gone: Sequence[Server]) -> None:
            self._tell(_published(backend))

        return tell

    def suspected(self, worker: WorkerProcess, message: Suspected) -> None:
        """A worker could not reach a server: the others ask it last, too."""
        backend = self._backends.get(message.backend)
        if backend is None:
            # It drains, and serves what nobody else does any more.
            return
        for server in backend.known_as(message.server):
            backend.suspect(server, message.until)
        self._tell(message, worker)

    def ejected(self, worker: WorkerProcess, message: Ejected) -> None:
        """A worker ejects a server: so do the others, unless too many are out already."""
        backend = self._backends.get(message.backend)
        if backend is None:
            return
        now = self._reactor.seconds()
        for server in backend.known_as(message.server):
            if not backend.may_eject(server, now):
                worker.tell(Ejected(message.backend, message.server, 0.0, 0, "too many are ejected"))
                return
            backend.eject(server, now, message.until, message.ejections, message.why)
        self._tell(message, worker)
        self._reactor.callLater(max(0.0, message.until - now) + SETTLE, self._settle, backend)

    def _settle(self, backend: Backend) -> None:
        """Say that an ejection is over: nobody asks for a lease here, and so nobody else would."""
        backend.settle(self._reactor.seconds())

    def _tell(self, message: FromParent, but: WorkerProcess | None = None) -> None:
        for worker in self._workers:
            if worker is not but:
                worker.tell(message)


def _published(backend: Backend) -> Published:
    found = [(each.url, each.weight, int(each.backup), each.tls_name) for each in backend.servers]
    return Published(backend.name, found)
