"""The stats as Prometheus metric families, under the names that are promised to users."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from operator import attrgetter

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from toron.observe.stats import (
    BOUNDS,
    BackendStats,
    DiscoveryStats,
    Durations,
    ListenerStats,
    RouteStats,
    ServerStats,
)

Sample = tuple[Sequence[str], float]
"""The values of the labels, and the number."""

LAYER4 = ("", "tcp", "tls", "sni", "udp", "sni-udp")
LAYER7 = ("", "http", "https", "http3")
UDP = ("", "udp", "sni-udp")
PACKETS = (*UDP, "http3")
TLS = ("", "tls", "https", "http3")
EVERY = (*LAYER4, "http", "https", "http3")

LISTENER: tuple[tuple[str, type[CounterMetricFamily | GaugeMetricFamily], str, tuple[str, ...], str], ...] = (
    ("toron_connections", CounterMetricFamily, "connections", EVERY, "Connections accepted (UDP: sessions)."),
    ("toron_connections_active", GaugeMetricFamily, "active", EVERY, "Connections open now."),
    ("toron_bytes_received", CounterMetricFamily, "bytes_in", LAYER4, "Bytes relayed from clients."),
    ("toron_bytes_sent", CounterMetricFamily, "bytes_out", LAYER4, "Bytes relayed to clients."),
    ("toron_http_request_body_bytes", CounterMetricFamily, "body_in", LAYER7, "Bytes of request bodies."),
    ("toron_http_response_body_bytes", CounterMetricFamily, "body_out", LAYER7, "Bytes of response bodies."),
    ("toron_udp_sessions", GaugeMetricFamily, "sessions", UDP, "UDP sessions open now."),
    ("toron_udp_datagrams_received", CounterMetricFamily, "datagrams_in", PACKETS, "Datagrams from clients."),
    ("toron_udp_datagrams_sent", CounterMetricFamily, "datagrams_out", PACKETS, "Datagrams to clients."),
    ("toron_udp_datagrams_dropped", CounterMetricFamily, "datagrams_dropped", PACKETS, "Datagrams dropped."),
)  # fmt: skip
"""Name, kind, attribute of ListenerStats, the protocols it is shown for, text."""

BOUND_NAMES = (*(str(bound) for bound in BOUNDS), "+Inf")


def counter(name: str, text: str, labels: Sequence[str], samples: Iterable[Sample]) -> Metric:
    """A counter; `_total` is added to its name."""
    family = CounterMetricFamily(name, text, labels=labels)
    for values, number in samples:
        family.add_metric(values, number)
    return family


def gauge(name: str, text: str, labels: Sequence[str], samples: Iterable[Sample]) -> Metric:
    """A gauge."""
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, number in samples:
        family.add_metric(values, number)
    return family


def histogram(
    name: str, text: str, labels: Sequence[str], samples: Iterable[tuple[Sequence[str], Durations]]
) -> Metric:
    """A histogram of seconds."""
    family = HistogramMetricFamily(name, text, labels=labels)
    for values, durations in samples:
        counts = accumulate(durations.buckets.copy())
        family.add_metric(values, list(zip(BOUND_NAMES, counts, strict=True)), durations.seconds)
    return family


def code(status: int) -> str:
    """The label of a status: itself from 100 to 599, else `other`."""
    return str(status) if 100 <= status <= 599 else "other"


def by_code(counted: Iterable[tuple[tuple[str, ...], int, int]]) -> list[Sample]:
    """Samples of (labels, status, count), with the counts of all `other` statuses added up."""
    sums: dict[tuple[str, ...], int] = {}
    for labels, status, count in counted:
        key = (*labels, code(status))
        sums[key] = sums.get(key, 0) + count
    return list(sums.items())


def listener_families(listeners: Sequence[ListenerStats]) -> Iterator[Metric]:
    """What the listeners counted."""
    for name, kind, attribute, protocols, text in LISTENER:
        read = attrgetter(attribute)
        family = kind(name, text, labels=["listener"])
        for stats in listeners:
            if stats.protocol in protocols:
                family.add_metric([stats.name], read(stats))
        yield family
    yield counter(
        "toron_refused", "Connections and requests refused or cut short, by reason.", ["listener", "reason"],
        [((s.name, word), n) for s in listeners for word, n in s.refused.copy().items()],
    )  # fmt: skip
    yield counter(
        "toron_tls_handshakes", "TLS handshakes done with clients.", ["listener", "version"],
        [((s.name, v), n) for s in listeners if s.protocol in TLS for v, n in s.handshakes.copy().items()],
    )  # fmt: skip


def route_families(routes: Sequence[RouteStats]) -> Iterator[Metric]:
    """What the routes counted."""
    yield counter(
        "toron_http_requests", "Requests answered, by status.", ["listener", "route", "code"],
        by_code(
            ((listener, stats.name), status, count)
            for stats in routes
            for (listener, status), count in stats.requests.copy().items()
        ),
    )  # fmt: skip
    yield histogram(
        "toron_http_request_duration_seconds", "From the request head to the end of its answer.", ["route"],
        [((stats.name,), stats) for stats in routes],
    )  # fmt: skip


def server_families(servers: Sequence[ServerStats], now: float) -> Iterator[Metric]:
    """What was counted for the servers, and how they are at `now` (seconds of the reactor's clock)."""
    labels = ["backend", "server"]
    named = [((stats.backend, stats.server.name), stats) for stats in servers]
    yield gauge(
        "toron_server_up", "Whether active checks find the server well.", labels,
        [(key, s.server.healthy) for key, s in named],
    )  # fmt: skip
    yield gauge(
        "toron_server_ejected", "Whether passive health has taken the server out.", labels,
        [(key, s.server.eject_until > now) for key, s in named],
    )  # fmt: skip
    yield gauge(
        "toron_server_draining", "Whether nobody new is led to the server.", labels,
        [(key, s.server.draining) for key, s in named],
    )  # fmt: skip
    yield gauge(
        "toron_server_in_flight", "Requests or connections the server is busy with.", labels,
        [(key, s.server.in_flight) for key, s in named],
    )  # fmt: skip
    yield counter(
        "toron_upstream_connections", "Connections opened to the server.", labels,
        [(key, s.connections) for key, s in named],
    )  # fmt: skip
    yield gauge(
        "toron_upstream_connections_idle", "Idle connections kept to the server.", labels,
        [(key, s.idle) for key, s in named],
    )  # fmt: skip
    yield counter(
        "toron_upstream_requests", "Requests the server answered, by status.", [*labels, "code"],
        by_code((key, status, n) for key, s in named for status, n in s.requests.copy().items()),
    )  # fmt: skip
    yield histogram(
        "toron_upstream_response_seconds", "Until the head of the server's answer was whole.", labels,
        [(key, s) for key, s in named if s.server.scheme in ("http", "https")],
    )  # fmt: skip
    yield counter(
        "toron_upstream_failures", "Attempts that failed at the server, by reason.", [*labels, "reason"],
        [((*key, word), n) for key, s in named for word, n in s.failures.copy().items()],
    )  # fmt: skip
    yield counter(
        "toron_probes", "Active checks, by result.", [*labels, "result"],
        [
            ((*key, result), n)
            for key, s in named
            for result, n in (("passed", s.probes_passed), ("failed", s.probes_failed))
        ],
    )  # fmt: skip


def discovery_families(backends: Sequence[DiscoveryStats]) -> Iterator[Metric]:
    """What discovery counted."""
    yield counter(
        "toron_discovery", "How often servers were looked for, by result.", ["backend", "result"],
        [
            ((stats.name, result), number)
            for stats in backends
            for result, number in (("found", stats.found), ("failed", stats.failed))
        ],
    )  # fmt: skip
    yield gauge(
        "toron_discovery_servers", "Servers that were found last.", ["backend"],
        [((stats.name,), stats.servers) for stats in backends],
    )  # fmt: skip
    yield gauge(
        "toron_discovery_stale", "Whether the last look failed, so that older servers stay.", ["backend"],
        [((stats.name,), stats.stale) for stats in backends],
    )  # fmt: skip


def backend_families(backends: Sequence[BackendStats]) -> Iterator[Metric]:
    """What the backends counted."""
    yield counter(
        "toron_retries", "Requests sent to another server.", ["backend"],
        [((stats.name,), stats.retries) for stats in backends],
    )  # fmt: skip
