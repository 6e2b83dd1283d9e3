"""Finds where a layer-4 connection goes: the first route that matches, in the order of the file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Any, Generic, TypeVar

from toron.core.expression import expression
from toron.core.networks import Networks
from toron.core.refusal import NO_CONNECTION_ROUTE, Refusal

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ConnectionPattern:
    """What a route asks: any of its names, and any of its ALPN protocols, and any of its networks.

    A name is exact, `*.x` (one label more), a regular expression where it starts with `^`, or ""
    for a client that named nothing. What is empty is not asked.
    """

    sni: Sequence[str] = ()
    alpn: Sequence[bytes] = ()
    networks: Networks | None = None


@dataclass(frozen=True, slots=True)
class _Candidate(Generic[T]):
    """A route without those of its names that were looked up already."""

    order: int
    expressions: tuple[Any, ...]
    protocols: frozenset[bytes]
    networks: Networks | None
    leads_to: T

    def misses(self, client_ip: str, sni: bytes, alpn: Sequence[bytes]) -> str:
        """The first thing that does not match, as the configuration calls it; "" where all does."""
        if self.expressions and not any(wanted.search(sni) for wanted in self.expressions):
            return "sni"
        if self.protocols and self.protocols.isdisjoint(alpn):
            return "alpn"
        return "" if self.networks is None or client_ip in self.networks else "client_ip"


class ConnectionRouter(Generic[T]):
    """The routes of one listener; names are found in dictionaries, expressions asked one by one."""

    def __init__(self, routes: Sequence[tuple[ConnectionPattern, T]]) -> None:
        """ValueError for a regular expression that is none."""
        self._exact: dict[str, list[_Candidate[T]]] = {}
        self._wildcards: dict[str, list[_Candidate[T]]] = {}
        self._others: list[_Candidate[T]] = []
        self._count = len(routes)
        for order, (pattern, leads_to) in enumerate(routes):
            rest = (frozenset(pattern.alpn), pattern.networks, leads_to)
            expressions = tuple(expression(name) for name in pattern.sni if name.startswith("^"))
            if expressions or not pattern.sni:
                self._others.append(_Candidate(order, expressions, *rest))
            named = _Candidate(order, (), *rest)
            for name in pattern.sni:
                lower = name.lower().rstrip(".")
                if name.startswith("*."):
                    self._wildcards.setdefault(lower[2:], []).append(named)
                elif not name.startswith("^"):
                    self._exact.setdefault(lower, []).append(named)

    def find(self, client_ip: str, sni: str = "", alpn: Sequence[bytes] = ()) -> T:
        """What the first matching route leads to; Refusal `no_route` when there is none.

        `sni` is in lower case, without a dot at its end; empty when the client named nothing.
        """
        name = sni.encode()
        for route in self._asked(sni):
            if not route.misses(client_ip, name, alpn):
                return route.leads_to
        raise Refusal(NO_CONNECTION_ROUTE, sni)

    def judge(self, client_ip: str, sni: str = "", alpn: Sequence[bytes] = ()) -> list[str]:
        """What each route misses first, in their order: `sni`, `alpn`, `client_ip`, "" for one that matches.

        The first that matches is the one that `find` takes.
        """
        missed = ["sni"] * self._count
        name = sni.encode()
        for route in self._asked(sni):
            found = route.misses(client_ip, name, alpn)
            # A route may be there by a name and by an expression: the better of the two counts.
            if missed[route.order] == "sni":
                missed[route.order] = found
        return missed

    def _asked(self, sni: str) -> Iterable[_Candidate[T]]:
        """The routes whose names, where they were written out, are this one, in the order of the file."""
        if not sni and not self._exact:
            # Of a listener without names.
            return self._others
        label, _, parent = sni.partition(".")
        wildcards = self._wildcards.get(parent, ()) if label else ()
        return merge(self._exact.get(sni, ()), wildcards, self._others, key=_order)


def _order(candidate: _Candidate[Any]) -> int:
    return candidate.order
