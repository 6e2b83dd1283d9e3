"""Finds the route of a request; compiled once, and as quick for ten thousand routes as for ten.

Order: priority (lower first), then the host (exact, `*.x`, regular expression, any), then the
path (regular expressions, then the longest prefix), then the number of further conditions, then
the order of the file. Hosts and prefixes are found in dictionaries; only regular expressions and
further conditions of one host and path are asked one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import unquote_to_bytes

import re2

from toron.core.message import Request
from toron.core.networks import Networks

T = TypeVar("T")

Condition = Callable[[Request], bool]


@dataclass(slots=True)
class Pattern:
    """What a route asks of a request, in plain data (see `compose` for where it comes from).

    Values are exact, or a regular expression where they start with `^`; True asks for presence,
    False for absence.
    """

    hosts: Sequence[str] = ()
    paths: Sequence[str] = ()
    methods: Sequence[str] = ()
    headers: dict[str, str | bool] = field(default_factory=dict)
    query: dict[str, str | bool] = field(default_factory=dict)
    cookies: dict[str, str | bool] = field(default_factory=dict)
    scheme: str | None = None
    networks: Networks | None = None
    never: Pattern | None = None


@dataclass(slots=True)
class _Candidate(Generic[T]):
    leads_to: T
    conditions: tuple[Condition, ...]
    order: int
    expression: Any = None
    slash: bool = False
    """`/x/*` does not match `/x` itself."""

    def accepts(self, request: Request) -> bool:
        return all(condition(request) for condition in self.conditions)


class _Paths(Generic[T]):
    """The routes of one host."""

    __slots__ = ("expressions", "prefixes")

    def __init__(self) -> None:
        self.expressions: list[_Candidate[T]] = []
        self.prefixes: dict[bytes, list[_Candidate[T]]] = {}

    def add(self, path: str | None, candidate: _Candidate[T]) -> None:
        if path is not None and path.startswith("^"):
            candidate.expression = re2.compile(path.encode())
            self.expressions.append(candidate)
            return
        slash = path is not None and path.endswith("/*")
        prefix = (path or "/").removesuffix("*").rstrip("/").encode()
        candidate.slash = slash
        self.prefixes.setdefault(prefix, []).append(candidate)

    def sort(self) -> None:
        self.expressions.sort(key=_precedence)
        for candidates in self.prefixes.values():
            candidates.sort(key=_precedence)

    def find(self, path: bytes, request: Request) -> T | None:
        for candidate in self.expressions:
            found = candidate.expression.search(path)
            if found is not None and (not candidate.conditions or candidate.accepts(request)):
                request.captures = found
                return candidate.leads_to
        prefixes = self.prefixes
        prefix = path.rstrip(b"/") if path.endswith(b"/") else path
        while True:
            candidates = prefixes.get(prefix)
            if candidates is not None:
                for candidate in candidates:
                    if candidate.slash and len(path) == len(prefix):
                        continue
                    if not candidate.conditions or candidate.accepts(request):
                        return candidate.leads_to
            if not prefix:
                return None
            prefix = prefix[: prefix.rfind(b"/")]


class _Level(Generic[T]):
    """The routes of one priority."""

    __slots__ = ("anywhere", "exact", "expressions", "wildcards")

    def __init__(self) -> None:
        self.exact: dict[bytes, _Paths[T]] = {}
        self.wildcards: dict[bytes, _Paths[T]] = {}
        self.expressions: list[tuple[Any, _Paths[T]]] = []
        self.anywhere: _Paths[T] = _Paths()

    def paths_for(self, host: str | None) -> _Paths[T]:
        if host is None or host == "*":
            return self.anywhere
        if host.startswith("^"):
            for expression, paths in self.expressions:
                if expression.pattern == host.encode():
                    return paths
            paths = _Paths()
            self.expressions.append((re2.compile(host.encode()), paths))
            return paths
        name = host.lower().rstrip(".").encode("idna" if not host.isascii() else "ascii")
        if name.startswith(b"*."):
            return self.wildcards.setdefault(name[2:], _Paths())
        return self.exact.setdefault(name, _Paths())

    def all_paths(self) -> list[_Paths[T]]:
        found = [*self.exact.values(), *self.wildcards.values(), self.anywhere]
        return [*found, *(paths for _, paths in self.expressions)]

    def find(self, host: bytes, path: bytes, request: Request) -> T | None:
        paths = self.exact.get(host)
        if paths is not None:
            found = paths.find(path, request)
            if found is not None:
                return found
        if self.wildcards:
            paths = self.wildcards.get(host[host.find(b".") + 1 :]) if b"." in host else None
            if paths is not None:
                found = paths.find(path, request)
                if found is not None:
                    return found
        for expression, paths in self.expressions:
            if expression.search(host):
                found = paths.find(path, request)
                if found is not None:
                    return found
        return self.anywhere.find(path, request)


class Router(Generic[T]):
    """The routes of one listener, and what each of them leads to."""

    def __init__(self) -> None:
        self._levels: dict[int, _Level[T]] = {}
        self._sorted: list[_Level[T]] = []
        self._count = 0
        self._any_host = False

    def add(self, pattern: Pattern, priority: int, leads_to: T) -> None:
        """Take in a route; those added first come first among equals."""
        level = self._levels.setdefault(priority, _Level())
        conditions = _conditions(pattern)
        self._count += 1
        for host in pattern.hosts or (None,):
            for path in pattern.paths or (None,):
                level.paths_for(host).add(path, _Candidate(leads_to, conditions, self._count))
        if not pattern.hosts:
            self._any_host = True

    def compile(self) -> None:
        """Put everything in its order; to be called once, after the last `add`."""
        self._sorted = [self._levels[priority] for priority in sorted(self._levels)]
        for level in self._sorted:
            for paths in level.all_paths():
                paths.sort()

    def find(self, request: Request) -> T | None:
        """What the request's route leads to, its captures set; None when no route matches."""
        path = request.route_path
        for level in self._sorted:
            found = level.find(request.host, path, request)
            if found is not None:
                return found
        return None

    def serves_host(self, host: bytes) -> bool:
        """Whether any route asks for this host, or for none."""
        if self._any_host:
            return True
        parent = host[host.find(b".") + 1 :]
        return any(
            host in level.exact
            or parent in level.wildcards
            or any(expression.search(host) for expression, _ in level.expressions)
            for level in self._sorted
        )


def _precedence(candidate: _Candidate[Any]) -> tuple[bool, int, int]:
    return (not candidate.slash, -len(candidate.conditions), candidate.order)


# --- conditions -------------------------------------------------------------------------------


def _conditions(pattern: Pattern) -> tuple[Condition, ...]:
    """Everything asked besides host and path, cheapest first."""
    made: list[Condition] = []
    if pattern.methods:
        methods = frozenset(method.upper().encode() for method in pattern.methods)
        made.append(lambda request: request.method in methods)
    if pattern.scheme is not None:
        scheme = pattern.scheme.encode()
        made.append(lambda request: request.scheme == scheme)
    for name, wanted in pattern.headers.items():
        made.append(_header(name.lower().encode(), _value(wanted)))
    for name, wanted in pattern.query.items():
        made.append(_parameter(name.encode(), _value(wanted)))
    for name, wanted in pattern.cookies.items():
        made.append(_cookie(name.encode(), _value(wanted)))
    if pattern.networks is not None:
        networks = pattern.networks
        made.append(lambda request: request.client_ip in networks)
    if pattern.never is not None:
        made.append(_never(pattern.never))
    return tuple(made)


Values = Callable[[list[bytes]], bool]


def _value(wanted: str | bool) -> Values:
    """Whether any of a field's values is the one wanted; absent is not the same as empty."""
    if isinstance(wanted, bool):
        return lambda values: bool(values) is wanted
    if wanted.startswith("^"):
        expression = re2.compile(wanted.encode())
        return lambda values: any(expression.search(value) for value in values)
    exact = wanted.encode()
    return lambda values: exact in values


def _header(name: bytes, value: Values) -> Condition:
    return lambda request: value(request.headers.get_all(name))


def _parameter(name: bytes, value: Values) -> Condition:
    def holds(request: Request) -> bool:
        pairs = (pair.partition(b"=") for pair in (request.query or b"").split(b"&") if pair)
        return value([_unquoted(v) for n, _, v in pairs if _unquoted(n) == name])

    return holds


def _cookie(name: bytes, value: Values) -> Condition:
    def holds(request: Request) -> bool:
        crumbs = (crumb for line in request.headers.get_all(b"cookie") for crumb in line.split(b";"))
        pairs = (crumb.strip().partition(b"=") for crumb in crumbs)
        return value([v for n, _, v in pairs if n == name])

    return holds


def _never(pattern: Pattern) -> Condition:
    """Holds when not all of the pattern does."""
    conditions = list(_conditions(pattern))
    if pattern.hosts or pattern.paths:
        inner: Router[bool] = Router()
        inner.add(Pattern(hosts=pattern.hosts, paths=pattern.paths), 0, True)
        inner.compile()

        def place(request: Request) -> bool:
            captures = request.captures
            found = inner.find(request)
            request.captures = captures
            return bool(found)

        conditions.append(place)
    return lambda request: not all(condition(request) for condition in conditions)


def _unquoted(text: bytes) -> bytes:
    if b"%" not in text and b"+" not in text:
        return text
    return unquote_to_bytes(text.replace(b"+", b" "))
