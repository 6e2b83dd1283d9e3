"""Finds where a layer-4 connection goes: the first route that matches, in the order of the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import re2

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


class ConnectionRouter(Generic[T]):
    """The routes of one listener."""

    def __init__(self, routes: Sequence[tuple[ConnectionPattern, T]]) -> None:
        self._routes = [(_Names(pattern.sni), frozenset(pattern.alpn), pattern, to) for pattern, to in routes]

    def find(self, client_ip: str, sni: str = "", alpn: Sequence[bytes] = ()) -> T:
        """What the first matching route leads to; Refusal `no_route` when there is none."""
        for names, protocols, pattern, leads_to in self._routes:
            if not names.accept(sni):
                continue
            if protocols and protocols.isdisjoint(alpn):
                continue
            if pattern.networks is not None and client_ip not in pattern.networks:
                continue
            return leads_to
        raise Refusal(NO_CONNECTION_ROUTE, sni)


class _Names:
    """A set of names, wildcards and expressions."""

    def __init__(self, names: Sequence[str]) -> None:
        lower = [name if name.startswith("^") else name.lower().rstrip(".") for name in names]
        self._any = not names
        self._exact = frozenset(name for name in lower if not name.startswith(("^", "*.")))
        self._parents = frozenset(name[2:] for name in lower if name.startswith("*."))
        self._expressions = [re2.compile(name) for name in lower if name.startswith("^")]

    def accept(self, name: str) -> bool:
        if self._any or name in self._exact:
            return True
        _, dot, parent = name.partition(".")
        if dot and parent in self._parents:
            return True
        return any(expression.search(name) for expression in self._expressions)
