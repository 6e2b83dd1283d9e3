"""The kinds of work: what each is, how it is done, and what toron has to reach."""

from __future__ import annotations

import contextlib
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench import load
from bench.measure import cpu_seconds, resident
from bench.peers import PEERS, FewRoutes, ManyRoutes, OneWorker, Proxy, Toron, TwoWorkers

IDLE = 10_000
SPARE = 500
"""Files that are open besides the idle connections."""

WARM = 1.0
"""Seconds of the same work before it counts."""

Load = Callable[[int, float], float]
"""Does work on a port for some seconds, and returns how much was done."""


@dataclass(frozen=True)
class Figure:
    """What one run gave: the cost of a unit, and how many units and seconds that is from."""

    cost: float
    units: float
    seconds: float


@dataclass(frozen=True)
class Work:
    """A kind of work. `must` and `aim` are times the `baseline`, or without one a cost."""

    name: str
    title: str
    unit: str
    run: Callable[[Proxy, float], Figure]
    port: str
    must: float
    aim: float
    below: tuple[str, ...] = ()
    """Peers that toron's cost must be below as well."""
    within: tuple[tuple[str, float], ...] = ()
    """Other peers, and how many times their cost toron's may be at most."""
    peers: tuple[type[Proxy], ...] = PEERS
    baseline: str | None = "nginx"
    subject: str = "toron"
    often: int = 1
    """Times it is measured in each round, by turns: more where all that the machine does counts too."""


def cpu(port: str, scale: float, what: Load) -> Callable[[Proxy, float], Figure]:
    """A run that gives CPU time per unit of work, in seconds times `scale`."""

    def measured(proxy: Proxy, seconds: float) -> Figure:
        number = proxy.ports[port]
        what(number, min(WARM, seconds))
        before, start = cpu_seconds(proxy.pid), time.monotonic()
        units = what(number, seconds)
        spent = cpu_seconds(proxy.pid) - before
        return Figure(spent * scale / units, units, time.monotonic() - start)

    return measured


def idle(proxy: Proxy, seconds: float) -> Figure:
    """Resident memory of an idle kept connection, in KiB; LoadFailed where the limits allow too few."""
    if (limit := resource.getrlimit(resource.RLIMIT_NOFILE)[0]) < IDLE + SPARE:
        raise load.LoadFailed(f"{limit} open files are too few: ulimit -n {IDLE + SPARE}")
    port = proxy.ports["HTTP"]
    start = time.monotonic()
    with contextlib.ExitStack() as warm:
        load.idle_connections(port, 100, warm)
    before = resident(proxy.pid)
    with contextlib.ExitStack() as stack:
        load.idle_connections(port, IDLE, stack)
        return Figure((resident(proxy.pid) - before) / 1024 / IDLE, IDLE, time.monotonic() - start)


def latency(proxy: Proxy, seconds: float) -> Figure:
    """The 99th percentile, in µs from when a request was due; TooSlow where the proxy does not keep up."""
    pace = proxy.site.pace
    if pace is None:
        raise load.LoadFailed("the rate to ask at is not known")
    port = proxy.ports["HTTP"]
    with contextlib.suppress(load.TooSlow):  # that is judged when it is warm
        load.paced(port, min(WARM, seconds), pace)
    replies = load.paced(port, seconds, pace)
    return Figure(replies.p99, replies.answered, replies.seconds)


def _http(port: int, seconds: float) -> float:
    return load.requests(f"http://127.0.0.1:{port}/", seconds)


def _http_close(port: int, seconds: float) -> float:
    return load.requests(f"http://127.0.0.1:{port}/", seconds, close=True)


def _tls(port: int, seconds: float) -> float:
    return load.requests(f"https://127.0.0.1:{port}/", seconds)


def _large(port: int, seconds: float) -> float:
    return load.download(f"http://127.0.0.1:{port}/large", seconds)


MICRO = 1e6
MILLI_PER_GB = 1e3 * 1e9

WORK = (
    Work("http-keepalive", "HTTP/1.1 keep-alive, small response", "µs CPU / request",
         cpu("HTTP", MICRO, _http), "HTTP", 1.9, 1.3, below=("envoy",)),
    Work("http-close", "HTTP/1.1, Connection: close", "µs CPU / request",
         cpu("HTTP", MICRO, _http_close), "HTTP", 2.2, 1.5),
    Work("tls-keepalive", "TLS 1.3 keep-alive, small response", "µs CPU / request",
         cpu("TLS", MICRO, _tls), "TLS", 2.2, 1.5),
    Work("tls-handshake", "TLS 1.3, full handshake per connection", "µs CPU / connection",
         cpu("TLS", MICRO, load.handshakes), "TLS", 1.8, 1.3),
    Work("h2", "HTTP/2 over TLS, to HTTP/1.1", "µs CPU / request",
         cpu("H2", MICRO, load.streams), "H2", 1.2, 0.8, baseline="envoy", within=(("caddy", 0.35),)),
    Work("grpc", "gRPC, unary calls", "µs CPU / call",
         cpu("GRPC", MICRO, load.unary), "GRPC", 1.2, 0.9, baseline="envoy"),
    Work("http3", "HTTP/3, small response", "µs CPU / request",
         cpu("H3", MICRO, load.quic), "H3", 1.0, 0.5, baseline="caddy"),
    Work("http-download", "HTTP download of 100 MiB", "ms CPU / GB",
         cpu("HTTP", MILLI_PER_GB, _large), "HTTP", 1.0, 0.5),
    Work("tcp-roundtrips", "TCP relay, small round trips", "µs CPU / round trip",
         cpu("TCP", MICRO, _http), "TCP", 1.3, 1.0),
    Work("tcp-connections", "TCP relay, new connection each", "µs CPU / connection",
         cpu("TCP", MICRO, _http_close), "TCP", 1.7, 1.3),
    Work("tcp-bulk", "TCP relay, bulk", "ms CPU / GB",
         cpu("TCP", MILLI_PER_GB, _large), "TCP", 0.5, 0.4),
    Work("udp", "UDP relay, one datagram each way", "µs CPU / round trip",
         cpu("UDP", MICRO, load.datagrams), "UDP", 2.5, 1.5),
    Work("routes", "10,000 routes against 10 routes", "µs CPU / request",
         cpu("HTTP", MICRO, _http), "HTTP", 1.1, 1.0,
         peers=(FewRoutes, ManyRoutes), baseline=FewRoutes.label, subject=ManyRoutes.label),
    Work("workers", "Two workers against one", "µs CPU / request",
         cpu("HTTP", MICRO, _http), "HTTP", 1.1, 1.0,
         peers=(OneWorker, TwoWorkers), baseline=OneWorker.label, subject=TwoWorkers.label),
    Work("latency", "Latency at up to half of nginx's maximum rate", "µs p99",
         latency, "HTTP", 3.0, 1.5, often=3),
    Work("idle", "10,000 idle keep-alive connections", "KiB resident / connection",
         idle, "HTTP", 6.0, 3.0, peers=(Toron,), baseline=None),
)  # fmt: skip
