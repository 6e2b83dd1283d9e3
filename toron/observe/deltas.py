"""What the stats of a process have grown by, so that another can add it to its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from toron.observe.metrics import Key, Metrics
from toron.observe.stats import ServerStats

Part = tuple[str | int, ...]
"""Which number of an attribute: empty for a plain one, else the place in a list or a dictionary's key."""

Delta = tuple[Key, str, Part, int | float]
"""Whose stats, which attribute of them, which part of that, and by how much it grew."""

GAUGES = frozenset({"active", "sessions", "idle", "in_flight"})
"""What goes up and down: of a process that is gone nothing of these is left."""

_IN_FLIGHT = "in_flight"


def _numbers(stats: Any) -> Iterator[tuple[str, Part, int | float]]:
    """Every number in an object of `observe.stats`."""
    for kind in type(stats).__mro__:
        for attribute in getattr(kind, "__slots__", ()):
            value = getattr(stats, attribute)
            if isinstance(value, int | float):
                yield attribute, (), value
            elif isinstance(value, list):
                yield from ((attribute, (place,), number) for place, number in enumerate(value))
            elif isinstance(value, dict):
                for key, number in value.items():
                    yield attribute, key if isinstance(key, tuple) else (key,), number
    if isinstance(stats, ServerStats):
        yield _IN_FLIGHT, (), stats.server.in_flight


class Growth:
    """Tells how much was counted since the last time."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._told: dict[Key, tuple[Any, dict[tuple[str, Part], int | float]]] = {}
        """What was said of each object of stats: one that is made anew begins at nothing."""

    def take(self) -> list[Delta]:
        """Every number that is not what it was at the last call."""
        grown: list[Delta] = []
        before, self._told = self._told, {}
        for key, stats in self._metrics.everything():
            known, told = before.get(key, (None, {}))
            if known is not stats:
                told = {}
            self._told[key] = (stats, told)
            for attribute, part, number in _numbers(stats):
                where = (attribute, part)
                was = told.get(where, 0)
                if number != was:
                    told[where] = number
                    grown.append((key, *where, number - was))
        return grown


class Sum:
    """What one other process has counted, as it is added to our own numbers."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._gauges: dict[tuple[Key, str], int | float] = {}

    def add(self, grown: Iterable[Delta]) -> None:
        """Its numbers have grown by that."""
        for key, attribute, part, by in grown:
            key = tuple(key)
            self._grow(key, attribute, tuple(part), by)
            if attribute in GAUGES:
                self._gauges[key, attribute] = self._gauges.get((key, attribute), 0) + by

    def forget(self) -> None:
        """It is gone: what it counted stays, what it held does not."""
        for (key, attribute), held in self._gauges.items():
            self._grow(key, attribute, (), -held)
        self._gauges.clear()

    def _grow(self, key: Key, attribute: str, part: Part, by: int | float) -> None:
        stats: Any = self._metrics.find(key)
        if stats is None:
            return
        if attribute == _IN_FLIGHT:
            stats.server.in_flight += by
        elif not part:
            setattr(stats, attribute, getattr(stats, attribute) + by)
        else:
            numbers = getattr(stats, attribute)
            if isinstance(numbers, list):
                numbers[int(part[0])] += by
            else:
                inner = part if len(part) > 1 else part[0]
                numbers[inner] = numbers.get(inner, 0) + by
