"""Finds routes that can never match, because an earlier one takes all they would."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from toron.config.draft import Draft
from toron.config.model import Conditions, Match, Route
from toron.config.place import Report

_ANY = ""
"""No host, path or listener wanted: every one matches."""

_Alternative = tuple[str, str, Any]
"""One host, one path, and everything else that is wanted."""

_Ways = dict[tuple[_Alternative, str], list[int]]
"""The routes that have an alternative, by it and the name of a listener, in the order they are asked."""

_MANY = 256
"""Hosts times paths of a route that are still compared one by one."""


def check_shadows(draft: Draft, report: Report) -> None:
    """Report each route that is fully taken by others, at a cost linear in the number of routes."""
    ways: _Ways = {}
    for index, route in sorted(draft.routes.items(), key=lambda item: (item[1].priority, item[0])):
        for alternative in set(_alternatives(route)):
            for listener in set(route.listeners) or (_ANY,):
                ways.setdefault((alternative, listener), []).append(index)
    for index, route in draft.routes.items():
        found = [_taker(index, route, alternative, ways, draft) for alternative in _alternatives(route)]
        takers = {taker for taker in found if taker is not None}
        if takers and None not in found:
            lines = [report.line(("routes", taker), ("routes", index)) for taker in sorted(takers)]
            each = ", ".join(line.removeprefix("line ") for line in lines)
            where = lines[0] if len(lines) == 1 else f"lines {each}"
            message = f"never matches, the route at {where} takes all of it: take one out, or change priority"
            report.error(("routes", index), message, key=True)


def _taker(index: int, route: Route, wanted: _Alternative, ways: _Ways, draft: Draft) -> int | None:
    for alternative in _wider(wanted):
        own = min((ways.get((alternative, name), []) for name in route.listeners), key=len, default=[])
        for others in (ways.get((alternative, _ANY), []), own):
            for other in others:
                taker = draft.routes[other]
                if taker.priority > route.priority or (
                    taker.priority == route.priority and (alternative != wanted or other >= index)
                ):
                    break  # this one and all behind it are asked later
                if not taker.listeners or set(route.listeners) <= set(taker.listeners):
                    return other
    return None


def _alternatives(route: Route) -> Iterator[_Alternative]:
    for match in route.match:
        hosts, paths = match.host or (_ANY,), match.path or (_ANY,)
        rest = _rest(match)
        if len(hosts) * len(paths) > _MANY:
            yield (repr(sorted(hosts)), repr(sorted(paths)), rest)
        else:
            for host, path in itertools.product(hosts, paths):
                yield (host if host.startswith("^") else host.lower(), path, rest)


def _rest(match: Conditions) -> Any:
    wanted = (
        frozenset(match.methods),
        frozenset((name.lower(), value) for name, value in match.headers.items()),
        frozenset(match.query.items()),
        frozenset(match.cookies.items()),
        match.scheme,
        frozenset(match.client_ip),
    )
    unless = match.not_ if isinstance(match, Match) else None
    inner = None if unless is None else (frozenset(unless.host), frozenset(unless.path), _rest(unless))
    return None if inner is None and not any(wanted) else (wanted, inner)


def _wider(wanted: _Alternative) -> Iterator[_Alternative]:
    host, path, rest = wanted
    hosts = dict.fromkeys((host, _ANY))
    if host and host[0] not in "^*[" and "." in host:
        hosts["*." + host.partition(".")[2]] = None
    yield from itertools.product(hosts, _wider_paths(path), dict.fromkeys((rest, None)))


def _wider_paths(path: str) -> list[str]:
    found = [path, _ANY]
    if not path.startswith("/"):
        return found
    found += ["/", "/*"]
    steps = path.removesuffix("/*").split("/")[1:]
    for length in range(1, len(steps) + 1):
        above = "/" + "/".join(steps[:length])
        found.append(above)
        if length < len(steps):
            found.append(above + "/*")
    return list(dict.fromkeys(found))
