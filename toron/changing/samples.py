"""Remembers what was counted and when, so that it can be told what came since, and what came before."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from typing import Any

from twisted.internet.task import deferLater

from toron.changing.condition import Scope, Span
from toron.changing.counted import NOTHING, Counted
from toron.observe.metrics import Metrics
from toron.observe.stats import RouteStats, ServerStats

BEFORE = 60.0
"""Seconds before a change that it is compared with, at most."""

EVERY = 10.0
"""Seconds between two samples while nothing is watched."""

LATELY = 10.0
"""Seconds that a condition looks back, where enough requests came in them."""

MOST = 64
"""Samples of what came since a change, at most."""

_SLICE = 0.002
"""Seconds of counting after which others get their turn."""

_STEP = 50
"""Routes or servers between two looks at the clock."""

_RELAYED = frozenset({"tcp", "tls", "udp"})

Key = tuple[str, ...]


class Sample:
    """What had been counted at a time (seconds of the reactor's clock), by route and by server."""

    __slots__ = ("at", "counts")

    def __init__(self, at: float, counts: dict[Key, Counted]) -> None:
        self.at = at
        self.counts = counts
        """By `("route", name)` and `("server", backend, name)`."""


def of_route(stats: RouteStats) -> Counted:
    """What a route has counted."""
    errors = sum(number for (_, status), number in stats.requests.items() if status >= 500)
    return Counted(sum(stats.requests.values()), errors, tuple(stats.buckets))


def of_server(stats: ServerStats) -> Counted:
    """What was counted of a server: its answers (or where it is relayed to connections), and failures."""
    failed = sum(stats.failures.values())
    errors = failed + sum(number for status, number in stats.requests.items() if status >= 500)
    done = stats.connections if stats.server.scheme in _RELAYED else sum(stats.requests.values())
    return Counted(failed + done, errors, tuple(stats.buckets))


class Samples:
    """Takes samples of the metrics, and compares them. `seconds` of everything is the reactor's clock."""

    def __init__(self, reactor: Any, metrics: Metrics) -> None:
        self._reactor = reactor
        self._metrics = metrics
        self._before: deque[Sample] = deque()
        """Of the last minute, while nothing is watched."""
        self._base: Sample | None = None
        """Of when the change was made that is watched."""
        self._since: deque[Sample] = deque(maxlen=MOST)
        self._last: dict[Key, Counted] = {}

    async def take(self) -> Sample:
        """Count now; in slices, and with what workers have counted."""
        if self._metrics.refresh is not None:
            await self._metrics.refresh()
        at = self._reactor.seconds()
        counts: dict[Key, Counted] = {}
        end = at + _SLICE
        for _ in self._count(counts):
            if self._reactor.seconds() >= end:
                await deferLater(self._reactor, 0)
                end = self._reactor.seconds() + _SLICE
        self._last = counts
        return Sample(at, counts)

    def _count(self, counts: dict[Key, Counted]) -> Generator[None]:
        last = self._last
        for number, (key, stats) in enumerate(list(self._metrics.everything())):
            counted = None
            if isinstance(stats, RouteStats):
                counted = of_route(stats)
            elif isinstance(stats, ServerStats):
                counted = of_server(stats)
            if counted is not None:
                # What has not changed is one object in all samples.
                known = last.get(key)
                counts[key] = known if known is not None and known == counted else counted
            if number % _STEP == _STEP - 1:
                yield

    # --- before a change ----------------------------------------------------------------------

    async def remember(self) -> None:
        """Take a sample to compare what comes later with: every EVERY seconds, and just before a change."""
        sample = await self.take()
        self._before.append(sample)
        while len(self._before) > 1 and self._before[1].at <= sample.at - BEFORE:
            self._before.popleft()

    # --- after it -----------------------------------------------------------------------------

    async def begin(self) -> None:
        """A change was made."""
        self._base = await self.take()
        self._since.clear()

    async def go_on(self) -> None:
        """Take a sample of what has come since."""
        sample = await self.take()
        since = self._since
        if len(since) == MOST:
            # A longer time is looked at less closely.
            kept = [each for number, each in enumerate(since) if number % 2]
            since.clear()
            since.extend(kept)
        since.append(sample)

    def end(self) -> None:
        """Nothing is watched any more; what comes from here on is what a next change is compared with."""
        self._base = None
        self._since.clear()
        self._before.clear()

    def read(self, scope: Scope, least: int) -> tuple[Span, Span]:
        """What came lately, or since the change where that is more than `least`, and what came before it.

        Seconds are 0 where there is nothing to tell.
        """
        base = self._base
        if base is None or not self._since:
            return Span(NOTHING, 0.0), Span(NOTHING, 0.0)
        choose = _chooser(scope)
        now = self._since[-1]
        recent = [each for each in self._since if each.at >= now.at - LATELY]
        first = base if base.at >= now.at - LATELY else recent[0]
        lately = Span(_grown(first, now, choose), now.at - first.at)
        if lately.counted.requests < least:
            lately = Span(_grown(base, now, choose), now.at - base.at)
        if not self._before:
            return lately, Span(NOTHING, 0.0)
        earliest, latest = self._before[0], self._before[-1]
        return lately, Span(_grown(earliest, latest, choose), latest.at - earliest.at)


def _chooser(scope: Scope) -> Callable[[Key], bool]:
    if scope.kind == "route":
        return lambda key: key == ("route", scope.name)
    if scope.kind == "backend":
        return lambda key: key[0] == "server" and key[1] == scope.name
    return lambda key: key[0] == "route"


def _grown(first: Sample, last: Sample, choose: Callable[[Key], bool]) -> Counted:
    """What was counted between two samples."""
    found = NOTHING
    for key, counted in last.counts.items():
        if choose(key):
            before = first.counts.get(key)
            if before is not counted:
                found = found.with_(counted.since(before))
    return found
