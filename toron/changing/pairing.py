"""Finds who is who in two configurations: the same listener, the same route."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Sequence
from typing import Any

from toron.config.model import Listener, Route

Pairs = list[tuple[int | None, int | None]]
"""Places in the first and in the second; None where there is no such one. In the order of the second."""


def _paired(old: Sequence[Any], new: Sequence[Any], *known_by: Any) -> Pairs:
    """The places of those that are the same, by the first of `known_by` that says so."""
    left, right = dict(enumerate(old)), dict(enumerate(new))
    pairs: dict[int, int] = {}
    for key in known_by:
        waiting: dict[Hashable, deque[int]] = {}
        for index, each in left.items():
            known = key(index, each)
            if known is not None:
                waiting.setdefault(known, deque()).append(index)
        for index, each in list(right.items()):
            found = waiting.get(key(index, each))
            if found:
                pairs[index] = then = found.popleft()
                del left[then], right[index]
    placed: Pairs = [(pairs.get(index), index) for index in range(len(new))]
    return [*placed, *((index, None) for index in left)]


def paired_listeners(old: Sequence[Listener], new: Sequence[Listener]) -> Pairs:
    """By their names, or else by their addresses."""
    return _paired(
        old, new, lambda _, each: each.label,
        lambda _, each: (each.over_udp, each.address, each.port) if each.port else None,
    )  # fmt: skip


def paired_routes(old: Sequence[Route], new: Sequence[Route]) -> Pairs:
    """By their names; those without one by what they match, or else by their places."""

    def unnamed_match(_: int, route: Route) -> Hashable:
        return None if route.name else repr(route.match)

    def place(index: int, route: Route) -> Hashable:
        return None if route.name else index

    return _paired(old, new, lambda _, route: route.name, unnamed_match, place)
