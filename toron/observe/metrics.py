"""Metrics: hands out the stats that the data path counts in, and shows them to Prometheus."""

from __future__ import annotations

import platform
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Protocol

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import InfoMetricFamily, Metric

from toron.core.server import Server
from toron.observe.certificates import CertificateStats
from toron.observe.families import (
    backend_families,
    counter,
    discovery_families,
    gauge,
    listener_families,
    route_families,
    server_families,
)
from toron.observe.readiness import Readiness
from toron.observe.stats import BackendStats, DiscoveryStats, ListenerStats, RouteStats, ServerStats

Key = tuple[str, ...]
"""What stats are of: `("listener", name)`, `("server", backend, server)` and so on."""


class Drops(Protocol):
    """What loses lines now and then: the access log."""

    @property
    def dropped(self) -> int:
        """How many so far."""


class Metrics:
    """Every number there is. Ask for stats once, when composing; then only count in them.

    Every label is a name of the configuration, a reason word, a TLS version or a status, so that
    no client can make more series. `seconds` is the reactor's clock.
    """

    def __init__(
        self, readiness: Readiness, seconds: Callable[[], float], version: str, access_log: Drops
    ) -> None:
        self.loop_lag = 0.0
        """Seconds the event loop was late, last time somebody looked."""
        self.worker_lag = 0.0
        """The same of the worker that was latest."""
        self.dropped_by_workers = 0
        """Access lines that workers could not hand over."""
        self.refresh: Callable[[], Any] | None = None
        """Where set: fetches what workers have counted; a Deferred that fires soon."""
        self.more: list[Callable[[], Iterable[Metric]]] = []
        """What has families of its own to add."""
        self.of_certificates = CertificateStats()
        self._readiness = readiness
        self._seconds = seconds
        self._version = version
        self._access_log = access_log
        self._listeners: dict[str, ListenerStats] = {}
        self._routes: dict[str, RouteStats] = {}
        self._backends: dict[str, BackendStats] = {}
        self._discovery: dict[str, DiscoveryStats] = {}
        self._kept: set[Key] | None = None
        """What there is since something was forgotten; None where nothing was."""
        self._servers: dict[tuple[str, str], ServerStats] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    # --- asked when composing -----------------------------------------------------------------

    def listener(self, name: str, protocol: str = "") -> ListenerStats:
        """The stats of a listener; its protocol decides which of them are shown (empty: all)."""
        found = self._listeners.get(name)
        if found is None:
            found = self._listeners[name] = ListenerStats(name, protocol)
        return found

    def route(self, name: str) -> RouteStats:
        """The stats of a route; the name is empty for requests that no route matched."""
        found = self._routes.get(name)
        if found is None:
            found = self._routes[name] = RouteStats(name)
        return found

    def backend(self, name: str) -> BackendStats:
        """The stats of a backend."""
        found = self._backends.get(name)
        if found is None:
            found = self._backends[name] = BackendStats(name)
        return found

    def discovery(self, backend: str) -> DiscoveryStats:
        """The stats of what discovers a backend's servers."""
        found = self._discovery.get(backend)
        if found is None:
            found = self._discovery[backend] = DiscoveryStats(backend)
        return found

    def server(self, backend: str, server: Server) -> ServerStats:
        """The stats of a server; one of the same name takes over what was counted."""
        key = (backend, server.name)
        found = self._servers.get(key)
        if found is None:
            found = self._servers[key] = ServerStats(backend, server)
        found.server = server
        return found

    def forget_server(self, backend: str, server: Server) -> None:
        """The server is no longer one of the backend's, unless another has taken its name."""
        key = (backend, server.name)
        found = self._servers.get(key)
        if found is not None and found.server is server:
            del self._servers[key]

    def keep(
        self,
        listeners: Mapping[str, str],
        routes: Collection[str],
        backends: Mapping[str, Iterable[Server]],
    ) -> None:
        """Forget the numbers of all that is not served any more.

        `listeners` are protocols by name; what was counted of the rest goes on.
        """
        self._listeners = {name: one for name, one in self._listeners.items() if name in listeners}
        for name, one in self._listeners.items():
            one.protocol = listeners[name]
        self._routes = {name: one for name, one in self._routes.items() if not name or name in routes}
        self._backends = {name: one for name, one in self._backends.items() if name in backends}
        kinds = {"listener": listeners, "route": ("", *routes), "backend": backends}
        self._kept = {(kind, name) for kind, names in kinds.items() for name in names}
        servers: dict[tuple[str, str], ServerStats] = {}
        for backend, those in backends.items():
            for server in those:
                stats = self.server(backend, server)
                servers[(backend, server.name)] = stats
        self._servers = servers

    # --- asked at any time --------------------------------------------------------------------

    @property
    def certificates(self) -> dict[str, float]:
        """When each certificate in use ends (Unix seconds), by name."""
        return self.of_certificates.first_ends()

    def of_listener(self, name: str) -> ListenerStats | None:
        """The stats of a listener, where there are any."""
        return self._listeners.get(name)

    def of_server(self, backend: str, server: Server) -> ServerStats | None:
        """The stats of a server, where there are any."""
        return self._servers.get((backend, server.name))

    def answered(self, route: str) -> dict[tuple[str, int], int]:
        """The answers of a route so far, by listener and status."""
        found = self._routes.get(route)
        return {} if found is None else found.requests

    def all_routes(self) -> list[RouteStats]:
        """The stats of all routes; any thread may ask."""
        return list(self._routes.values())

    def all_servers(self) -> list[ServerStats]:
        """The stats of all servers; any thread may ask."""
        return list(self._servers.values())

    @property
    def connections(self) -> int:
        """Connections of clients and UDP sessions that are open."""
        return sum(stats.active for stats in list(self._listeners.values()))

    @property
    def dropped(self) -> int:
        """Access lines that were not written."""
        return self._access_log.dropped

    def everything(self) -> Iterator[tuple[Key, ListenerStats | RouteStats | BackendStats | ServerStats]]:
        """All stats there are, with the keys that `find` takes."""
        yield from ((("listener", name), stats) for name, stats in self._listeners.items())
        yield from ((("route", name), stats) for name, stats in self._routes.items())
        yield from ((("backend", name), stats) for name, stats in self._backends.items())
        yield from ((("server", *key), stats) for key, stats in self._servers.items())

    def find(self, key: Key) -> ListenerStats | RouteStats | BackendStats | ServerStats | None:
        """The stats of that key; None for what is no longer there."""
        match key:
            case (kind, name) if self._kept is not None and (kind, name) not in self._kept:
                return None
            case ("listener", name):
                return self.listener(name)
            case ("route", name):
                return self.route(name)
            case ("backend", name):
                return self.backend(name)
            case (_, backend, server):
                return self._servers.get((backend, server))
        raise ValueError(f"no stats have the key {key}")

    def refused(self, listener: str, word: str) -> None:
        """Count a refusal where the listener's stats are not at hand."""
        self.listener(listener).refuse(word)

    def exposition(self) -> tuple[bytes, str]:
        """The text that Prometheus reads, and its content type; takes milliseconds, any thread may."""
        return generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4

    def collect(self) -> Iterator[Metric]:
        """The families, for prometheus_client."""
        yield InfoMetricFamily(
            "toron_build",
            "The version that is running.",
            value={"version": self._version, "python": platform.python_version()},
        )
        yield gauge("toron_ready", "Whether new traffic is welcome.", [], [((), self._readiness.ready)])
        lag = max(self.loop_lag, self.worker_lag)
        yield gauge("toron_event_loop_lag_seconds", "How late the event loop was.", [], [((), lag)])
        dropped = self._access_log.dropped + self.dropped_by_workers
        yield counter("toron_access_log_dropped", "Access lines not written.", [], [((), dropped)])
        # Copies, since the loop may add to them meanwhile; each is made in one step.
        yield from listener_families(list(self._listeners.values()))
        yield from route_families(list(self._routes.values()))
        yield from backend_families(list(self._backends.values()))
        yield from discovery_families(list(self._discovery.values()))
        yield from server_families(list(self._servers.values()), self._seconds())
        yield from self.of_certificates.families()
        for families in self.more:
            yield from families()
