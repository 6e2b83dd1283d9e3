"""What was counted since the start, for those who look at how it grows."""

from __future__ import annotations

from msgspec import Struct
from twisted.internet.threads import deferToThreadPool

from toron.admin.endpoint import Call, Endpoint
from toron.observe.metrics import Metrics
from toron.observe.stats import BOUNDS, Durations, RouteStats, ServerStats


class Counted(Struct):
    """Of one route, or of one server."""

    name: str
    """Of a route (empty for requests that none took); of a server `host:port`."""
    backend: str
    """Of a server."""
    requests: int
    errors: int
    """Requests with a status from 500 on; of a server also attempts that failed at it."""
    seconds: float
    """All durations together."""
    buckets: list[int]
    """How many durations there were up to each bound, and one more for the rest."""
    active: int
    """Requests or connections that a server is busy with now."""


class Traffic(Struct):
    """Everything."""

    time: float
    """Unix seconds."""
    bounds: list[float]
    """Of the buckets, in seconds."""
    connections: int
    """Of clients, open now."""
    routes: list[Counted]
    servers: list[Counted]


async def traffic(call: Call) -> Traffic:
    """The counters; added up beside the loop, for there may be many routes."""
    gateway = call.gateway
    await gateway.refresh()
    pool = gateway.reactor.getThreadPool()
    found: Traffic = await deferToThreadPool(gateway.reactor, pool, _counted, gateway.metrics)
    found.time = gateway.wall()
    return found


def _counted(metrics: Metrics) -> Traffic:
    return Traffic(
        0.0,
        list(BOUNDS),
        metrics.connections,
        [_of_route(stats) for stats in metrics.all_routes()],
        [_of_server(stats) for stats in metrics.all_servers()],
    )


def _of_route(stats: RouteStats) -> Counted:
    answered = stats.requests.copy()
    errors = sum(number for (_, status), number in answered.items() if status >= 500)
    return _entry(stats.name, "", sum(answered.values()), errors, stats, 0)


def _of_server(stats: ServerStats) -> Counted:
    answered = stats.requests.copy()
    errors = sum(number for status, number in answered.items() if status >= 500)
    errors += sum(stats.failures.copy().values())
    server = stats.server
    return _entry(server.name, stats.backend, sum(answered.values()), errors, stats, server.in_flight)


def _entry(name: str, backend: str, requests: int, errors: int, stats: Durations, active: int) -> Counted:
    return Counted(name, backend, requests, errors, stats.seconds, stats.buckets.copy(), active)


ENDPOINTS = (
    Endpoint(
        "GET", "/traffic", traffic, Traffic, "What was counted of each route and server since the start"
    ),
)
