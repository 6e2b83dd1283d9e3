"""The numbers that the data path counts up: plain integers, read when somebody asks."""

from __future__ import annotations

from toron.core.server import Server

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of a duration's buckets, in seconds; one more bucket holds the rest."""

WORDS = 200
"""Different words (reasons, TLS versions) that one thing may count; the rest is `other`."""


def bump(counts: dict[str, int], word: str) -> None:
    """Count a word, without ever holding more than `WORDS` of them."""
    if word in counts:
        counts[word] += 1
    elif len(counts) < WORDS:
        counts[word] = 1
    else:
        counts["other"] = counts.get("other", 0) + 1


class Durations:
    """A histogram of seconds."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        """How many there were in each bucket, not cumulative."""
        self.seconds = 0.0
        """All of them together."""

    def add(self, seconds: float) -> None:
        """Count one. Most are short: its bucket is soon found from below."""
        number = 0
        for bound in BOUNDS:
            if seconds <= bound:
                break
            number += 1
        self.buckets[number] += 1
        self.seconds += seconds


class ListenerStats:
    """What a listener counts. Bytes are those of layer 4, bodies those of HTTP messages."""

    __slots__ = (
        "active", "body_in", "body_out", "bytes_in", "bytes_out", "connections", "datagrams_dropped",
        "datagrams_in", "datagrams_out", "handshakes", "name", "protocol", "refused", "sessions",
    )  # fmt: skip

    def __init__(self, name: str, protocol: str = "") -> None:
        self.name = name
        self.protocol = protocol
        """As configured; it decides which of the numbers are shown. Empty: all of them."""
        self.connections = 0
        """Accepted (of UDP: sessions begun)."""
        self.active = 0
        """Connections open now."""
        self.refused: dict[str, int] = {}
        """By reason word; `refuse` counts."""
        self.bytes_in = 0
        self.bytes_out = 0
        self.body_in = 0
        self.body_out = 0
        self.sessions = 0
        """UDP sessions open now."""
        self.datagrams_in = 0
        self.datagrams_out = 0
        self.datagrams_dropped = 0
        self.handshakes: dict[str, int] = {}
        """TLS handshakes done, by version; `handshake` counts."""

    def opened(self) -> None:
        """A connection was accepted, or a session begun."""
        self.connections += 1
        self.active += 1

    def closed(self) -> None:
        """It is over."""
        self.active -= 1

    def refuse(self, word: str) -> None:
        """A connection, session or request was refused, or cut short."""
        bump(self.refused, word)

    def handshake(self, version: str) -> None:
        """A TLS handshake is done."""
        bump(self.handshakes, version)


class RouteStats(Durations):
    """What a route counts: its answers by listener and status, and how long they took."""

    __slots__ = ("name", "requests")

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.requests: dict[tuple[str, int], int] = {}

    def answered(self, listener: str, status: int, seconds: float) -> None:
        """A request was answered with `status`, `seconds` after its head was whole."""
        key = (listener, status)
        try:
            self.requests[key] += 1
        except KeyError:
            self.requests[key] = 1
        self.add(seconds)


class BackendStats:
    """What a backend counts besides what its servers count."""

    __slots__ = ("name", "retries")

    def __init__(self, name: str) -> None:
        self.name = name
        self.retries = 0


class DiscoveryStats:
    """What the discovery of a backend's servers counts."""

    __slots__ = ("failed", "found", "name", "servers", "stale")

    def __init__(self, name: str) -> None:
        self.name = name
        self.found = 0
        """How often servers were found, the same ones too."""
        self.failed = 0
        self.servers = 0
        """How many there are now."""
        self.stale = False
        """Whether it failed the last time, so that what was found before is in use."""


class ServerStats(Durations):
    """What is counted for one server of one backend."""

    __slots__ = (
        "backend", "connections", "failures", "idle", "probes_failed", "probes_passed", "requests", "server",
    )  # fmt: skip

    def __init__(self, backend: str, server: Server) -> None:
        super().__init__()
        self.backend = backend
        self.server = server
        self.connections = 0
        """Opened to it."""
        self.idle = 0
        """Idle connections kept to it now."""
        self.failures: dict[str, int] = {}
        """By reason word; `fail` counts."""
        self.probes_passed = 0
        self.probes_failed = 0
        self.requests: dict[int, int] = {}
        """HTTP answers, by status."""

    def fail(self, word: str) -> None:
        """It could not be reached, or broke off."""
        bump(self.failures, word)

    def answered(self, status: int, seconds: float) -> None:
        """It answered with `status`; its response head was whole after `seconds`."""
        try:
            self.requests[status] += 1
        except KeyError:
            self.requests[status] = 1
        self.add(seconds)
