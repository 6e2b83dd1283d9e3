"""Judges every route of a router against one request: which match, and what the others miss first.

It asks the router's own tables, one candidate at a time, so there is one way in which a route matches.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from toron.core.message import Request
from toron.core.routing import SLICE, Router, Step, _Candidate, _Paths


@dataclass(slots=True)
class Judged:
    """How one pattern of a router does, by its best host and path."""

    order: int
    """The how-manieth pattern that was added to the router, from 1."""
    place: int
    """Where it stands among all: of those that match the lowest is the one that `Router.find` takes."""
    misses: tuple[Step, ...]
    """All that does not match: `("host",)`, `("path",)`, then its conditions; empty where it matches."""
    near: int = 0
    """How many bytes of a missed path, or at the end of a missed host, are as they should be."""

    @property
    def matches(self) -> bool:
        """Whether the request is one that the route is for."""
        return not self.misses

    @property
    def nearness(self) -> tuple[int, bool, bool, int, int]:
        """To sort by, what is nearest to a match first."""
        first = self.misses[:1]
        return len(self.misses), first == (("host",),), first == (("path",),), -self.near, self.place


def judge(router: Router[Any], request: Request) -> list[Judged]:
    """Each pattern of a router, in the order of the router; the request stays as it was."""
    steps = judging(router, request)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            judged: list[Judged] = done.value
            return judged


def judging(router: Router[Any], request: Request) -> Generator[None, None, list[Judged]]:
    """The same in small steps; nobody else may have the request meanwhile."""
    captures = request.captures
    found: dict[int, Judged] = {}
    count = 0
    reached = {id(paths) for paths in router._paths_of(request.host)}
    failing: dict[int, tuple[Step, ...]] = {}
    for host, paths in _hosts(router):
        here = id(paths) in reached
        for candidate in paths:
            order = candidate.order
            if order not in failing:
                failing[order] = _failing(candidate, request)
            judged = _judged(candidate, request, here, host, failing[order])
            best = found.get(order)
            if best is None or judged.nearness < best.nearness:
                found[order] = judged
            count += 1
            if count % SLICE == 0:
                yield
    request.captures = captures
    return [found[order] for order in sorted(found)]


def _judged(
    candidate: _Candidate, request: Request, here: bool, host: bytes, failing: tuple[Step, ...]
) -> Judged:
    near = 0
    misses = failing
    path = request.route_path
    if not _leads(candidate, path, request):
        misses = (("path",), *misses)
        near = _common(candidate.prefix, path)
    if not here:
        misses = (("host",), *misses)
        near = _common(host[::-1], request.host[::-1])
    return Judged(candidate.order, candidate.place, misses, near)


def _leads(candidate: _Candidate, path: bytes, request: Request) -> bool:
    """Whether the path is one of the candidate's: what its table would find, were it alone in there."""
    bare = _Candidate(None, (), candidate.priority, candidate.order)
    bare.expression, bare.prefix, bare.below = candidate.expression, candidate.prefix, candidate.below
    alone = _Paths()
    alone.take(bare)
    return alone.find(path, request, None) is not None


def _failing(candidate: _Candidate, request: Request) -> tuple[Step, ...]:
    """What the conditions that do not hold are about, in the order in which they are asked."""
    pairs = zip(candidate.steps, candidate.conditions, strict=True)
    return tuple([step for step, condition in pairs if not condition(request)])


def _hosts(router: Router[Any]) -> list[tuple[bytes, _Paths]]:
    """All that a router has, with the host it is for where that is written out."""
    named = [*router._exact.items(), *router._wildcards.items()]
    others = [paths for _, paths in router._expressions.values()]
    return [*named, *((b"", paths) for paths in (*others, router._anywhere))]


def _common(one: bytes, other: bytes) -> int:
    """How many bytes the two begin with alike."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count
