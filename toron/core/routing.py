"""Finds the route of a request; compiled once, and as quick for ten thousand routes as for ten.

Order: priority (lower first), then the host (exact, `*.x`, regular expression, any), then the
path (regular expressions, then the longest prefix), then the number of further conditions, then
the order of the file. Hosts and prefixes are found in dictionaries; only regular expressions and
further conditions of one host and path are asked one by one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import unquote_to_bytes

from toron.core.expression import expression
from toron.core.message import Request
from toron.core.networks import Networks, plain
from toron.core.path import route_path
from toron.core.refusal import Refusal

T = TypeVar("T")

Condition = Callable[[Request], bool]

Step = tuple[str, ...]
"""What a condition is about, as the configuration has it under a match: `("headers", "X-Beta")`."""

SLICE = 200
"""Candidates that are put in their order between one step of `Router.compiling` and the next."""


@dataclass(slots=True)
class Pattern:
    """What a route asks of a request, in plain data (see `compose` for where it comes from).

    All of it, and any one of a list. A path `/x` is itself and what is below it, `/x/` and `/x/*`
    only what is below. Values are exact, or a regular expression where they start with `^`; True
    asks for presence, False for absence. Of a field, parameter or cookie that comes more than
    once, any value will do. `never` must not hold as a whole.
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


class _Candidate:
    """A route for one of its hosts and one of its paths."""

    __slots__ = (
        "below", "conditions", "expression", "leads_to", "order", "place", "prefix", "priority", "steps",
    )  # fmt: skip

    def __init__(
        self,
        leads_to: Any,
        conditions: tuple[Condition, ...],
        priority: int,
        order: int,
        steps: tuple[Step, ...] = (),
    ) -> None:
        self.leads_to = leads_to
        self.conditions = conditions
        self.steps = steps
        """What each of the conditions is about (see `core.judging`)."""
        self.priority = priority
        self.order = order
        self.expression: Any = None
        self.prefix = b""
        self.below = False
        """The prefix itself is not meant."""
        self.place = 0
        """Where it stands among all candidates of the router: the lowest that accepts is the answer."""

    def accepts(self, request: Request) -> bool:
        for condition in self.conditions:  # noqa: SIM110 (a generator costs more than it says)
            if not condition(request):
                return False
        return True


class _Paths:
    """The candidates of one host, taken in in the order in which they come."""

    __slots__ = ("expressions", "first", "longest", "prefixes", "urgent")

    def __init__(self) -> None:
        self.expressions: list[_Candidate] = []
        self.prefixes: dict[bytes, list[_Candidate]] = {}
        self.first: float = math.inf
        """The lowest place there is."""
        self.urgent: float = math.inf
        """The lowest priority there is among the prefixes."""
        self.longest = 0
        """Of the prefixes, in bytes: what a long path has beyond that is never looked at."""

    def take(self, candidate: _Candidate) -> None:
        """Take in the next one."""
        if candidate.expression is not None:
            self.expressions.append(candidate)
        else:
            prefix = candidate.prefix
            self.prefixes.setdefault(prefix, []).append(candidate)
            self.longest = max(self.longest, len(prefix))
            self.urgent = min(self.urgent, candidate.priority)
        self.first = min(self.first, candidate.place)

    def __iter__(self) -> Iterator[_Candidate]:
        yield from self.expressions
        for candidates in self.prefixes.values():
            yield from candidates

    def find(self, path: bytes, request: Request, best: _Candidate | None) -> _Candidate | None:
        """The candidate that accepts, if it comes before `best`; else that."""
        for candidate in self.expressions:
            if best is not None and best.place < candidate.place:
                break
            found = candidate.expression.search(path)
            if found is not None and candidate.accepts(request):
                request.captures = found
                best = candidate
                if candidate.priority <= self.urgent:
                    return best
                break
        return self._find_prefix(path, request, best)

    def _find_prefix(self, path: bytes, request: Request, best: _Candidate | None) -> _Candidate | None:
        prefixes = self.prefixes
        prefix = path[:-1] if path.endswith(b"/") else path
        if len(prefix) > self.longest:
            prefix = prefix[: max(0, prefix.rfind(b"/", 0, self.longest + 1))]
        while True:
            for candidate in prefixes.get(prefix, ()):
                if best is not None and best.place < candidate.place:
                    break
                if candidate.below and len(path) == len(prefix):
                    continue
                if candidate.accepts(request):
                    request.captures = None
                    best = candidate
                    if candidate.priority <= self.urgent:
                        return best
                    break
            if not prefix:
                return best
            prefix = prefix[: max(0, prefix.rfind(b"/"))]


class Router(Generic[T]):
    """The routes of one listener, and what each of them leads to."""

    def __init__(self) -> None:
        self._exact: dict[bytes, _Paths] = {}
        self._wildcards: dict[bytes, _Paths] = {}
        self._expressions: dict[str, tuple[Any, _Paths]] = {}
        self._anywhere: _Paths = _Paths()
        self._everywhere = [self._anywhere]
        self._by_host = False
        """Whether any route asks for a host."""
        self._added: list[tuple[int, _Paths, _Candidate]] = []
        """What is to be put in order, with the kind of its host and where it belongs."""
        self._count = 0

    def add(self, pattern: Pattern, priority: int, leads_to: T) -> None:
        """Take in a route; those added first come first among equals.

        Raises ValueError for a host, path or regular expression that is none.
        """
        asked = _conditions(pattern)
        conditions = tuple([condition for _, condition in asked])
        steps = tuple([step for step, _ in asked])
        self._count += 1
        for host in pattern.hosts or ("*",):
            kind, paths = self._paths_for(host)
            for path in pattern.paths or ("/",):
                candidate = _Candidate(leads_to, conditions, priority, self._count, steps)
                if path.startswith("^"):
                    candidate.expression = expression(path)
                else:
                    candidate.prefix, candidate.below = _prefix(path)
                self._added.append((kind, paths, candidate))

    def compile(self) -> None:
        """Put everything in its order; to be called once, after the last `add`."""
        for _ in self.compiling():
            pass

    def compiling(self) -> Generator[None]:
        """The same as `compile` in small steps, each as long with many routes as with few.

        Nothing is to be asked before the last one is done.
        """
        alike: dict[tuple[int, int, int, int, int, int], list[tuple[_Paths, _Candidate]]] = {}
        for number, (kind, paths, candidate) in enumerate(self._added, 1):
            key = (candidate.priority, kind, *_precedence(candidate))
            alike.setdefault(key, []).append((paths, candidate))
            if number % SLICE == 0:
                yield
        self._added = []
        place = 0
        # There are few of them: how urgent and how long, but not how many.
        for key in sorted(alike):
            for paths, candidate in alike[key]:
                candidate.place = place
                paths.take(candidate)
                place += 1
                if place % SLICE == 0:
                    yield

    def find(self, request: Request) -> T | None:
        """What the request's route leads to, its captures set; None when no route matches."""
        path = request.route_path
        request.captures = None
        best: _Candidate | None = None
        hosts = self._paths_of(request.host) if self._by_host else self._everywhere
        for paths in hosts:
            if best is None or paths.first < best.place:
                best = paths.find(path, request, best)
        if best is None:
            return None
        found: T = best.leads_to
        return found

    def serves_host(self, host: bytes, *, by_name: bool = False) -> bool:
        """Whether any route asks for this host, or, unless `by_name`, for none."""
        found = self._paths_of(host)
        return any(paths.first < math.inf for paths in (found[:-1] if by_name else found))

    def _paths_for(self, host: str) -> tuple[int, _Paths]:
        """How specific a host pattern is, the lowest the most, and where to put its routes."""
        if host == "*":
            return 3, self._anywhere
        self._by_host = True
        if host.startswith("^"):
            if host not in self._expressions:
                self._expressions[host] = (expression(host), _Paths())
            return 2, self._expressions[host][1]
        if host.startswith("*."):
            return 1, self._wildcards.setdefault(_host(host[2:]), _Paths())
        return 0, self._exact.setdefault(_host(host), _Paths())

    def _paths_of(self, host: bytes) -> list[_Paths]:
        """Where to look for the routes of a host, the most specific first."""
        if host.find(b":") >= 0:
            host = plain(host.decode("ascii", "replace")).encode()
        found = []
        paths = self._exact.get(host)
        if paths is not None:
            found.append(paths)
        if self._wildcards:
            label, _, parent = host.partition(b".")
            paths = self._wildcards.get(parent) if label else None
            if paths is not None:
                found.append(paths)
        for wanted, paths in self._expressions.values():
            if wanted.search(host):
                found.append(paths)
        found.append(self._anywhere)
        return found


def _precedence(candidate: _Candidate) -> tuple[int, int, int, int]:
    """What comes first among candidates of one priority and one kind of host; then the file decides."""
    return (
        candidate.expression is None,
        -len(candidate.prefix),
        not candidate.below,
        -len(candidate.conditions),
    )


def _host(host: str) -> bytes:
    """A host name or address as `Request.host` has it; ValueError where it is not ASCII."""
    return plain(host.lower().strip("[]").rstrip(".")).encode("ascii")


def _prefix(path: str) -> tuple[bytes, bool]:
    """A path pattern as routes are asked with it, without a slash at the end, and whether it has one."""
    bare = path.removesuffix("*").rstrip("/")
    if not path.startswith("/"):
        raise ValueError(f"{path!r} is not a path: it must start with /")
    try:
        return route_path(bare.encode() or b"/").rstrip(b"/"), path.endswith(("/", "/*"))
    except Refusal as refusal:
        raise ValueError(f"{path!r} matches no path: {refusal.detail}") from None


# --- conditions -------------------------------------------------------------------------------


def _conditions(pattern: Pattern) -> list[tuple[Step, Condition]]:
    """Everything asked besides host and path, cheapest first, each with what it is about."""
    made: list[tuple[Step, Condition]] = []
    if pattern.methods:
        methods = frozenset(method.upper().encode() for method in pattern.methods)
        made.append((("methods",), lambda request: request.method in methods))
    if pattern.scheme is not None:
        scheme = pattern.scheme.encode()
        made.append((("scheme",), lambda request: request.scheme == scheme))
    for name, wanted in pattern.headers.items():
        made.append((("headers", name), _header(name.lower().encode(), value_test(wanted))))
    for name, wanted in pattern.query.items():
        made.append((("query", name), _parameter(name.encode(), value_test(wanted))))
    for name, wanted in pattern.cookies.items():
        made.append((("cookies", name), _cookie(name.encode(), value_test(wanted))))
    if pattern.networks is not None:
        networks = pattern.networks
        made.append((("client_ip",), lambda request: request.client_ip in networks))
    if pattern.never is not None:
        made.append((("not",), _never(pattern.never)))
    return made


Values = Callable[[list[bytes]], bool]


def value_test(wanted: str | bool) -> Values:
    """Tells whether any of a field's values is the one wanted; absent is not the same as empty."""
    if isinstance(wanted, bool):
        return lambda values: bool(values) is wanted
    if wanted.startswith("^"):
        pattern = expression(wanted)
        return lambda values: any(pattern.search(value) for value in values)
    exact = wanted.encode()
    return lambda values: exact in values


def _header(name: bytes, value: Values) -> Condition:
    if name == b"upgrade":
        # It concerns one connection, so it is not among the headers.
        return lambda request: value(request.upgrade.split(b", ") if request.upgrade else [])
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
    conditions = [condition for _, condition in _conditions(pattern)]
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
