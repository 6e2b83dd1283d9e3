"""Looks up the addresses of servers that are given by name, without holding anybody up."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure

from toron.core.refusal import UPSTREAM_NAME, UpstreamFailed
from toron.core.wait import Wait
from toron.wire.addresses import packed

KEEP = 5.0
"""Seconds an answer is used again; the system's resolver does not tell how long it holds."""


class Resolver:
    """Asks the system's resolver in a thread, once for all who wait for the same name.

    The state is the last answer for each name, and who waits for the next one.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._known: dict[str, tuple[float, list[str]]] = {}
        self._waiting: dict[str, list[Wait[list[str]]]] = {}
        self._literals: dict[str, str | None] = {}

    def literal(self, host: str) -> str | None:
        """The host itself where it is an address, None for a name; hosts are those of servers, so few."""
        try:
            return self._literals[host]
        except KeyError:
            found = self._literals[host] = host if packed(host) is not None else None
            return found

    async def addresses(self, host: str, seconds: float) -> list[str]:
        """Every address of a name, the preferred one first; an address is its own answer.

        Raises UpstreamFailed (`upstream_name_unresolved`), also when `seconds` are over first.
        """
        if self.literal(host) is not None:
            return [host]
        until, known = self._known.get(host, (0.0, []))
        if self._reactor.seconds() < until:
            return known
        wait: Wait[list[str]] = Wait()
        waiting = self._waiting.get(host)
        if waiting is None:
            self._waiting[host] = [wait]
            self._ask(host)
        else:
            waiting.append(wait)
        late = self._reactor.callLater(
            seconds, wait.fail, _unresolved(host, f"no answer within {seconds:g} s")
        )
        try:
            return await wait
        finally:
            if late.active():
                late.cancel()

    def _ask(self, host: str) -> None:
        reactor = self._reactor
        asked = deferToThreadPool(
            reactor, reactor.getThreadPool(), socket.getaddrinfo, host, None, type=socket.SOCK_STREAM
        )
        asked.addCallbacks(self._found, self._failed, callbackArgs=(host,), errbackArgs=(host,))

    def _found(self, found: list[Any], host: str) -> None:
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        self._known[host] = (self._reactor.seconds() + KEEP, addresses)
        for wait in self._waiting.pop(host):
            wait.fire(addresses)

    def _failed(self, failure: Failure, host: str) -> None:
        error = failure.value
        why = getattr(error, "strerror", None) or str(error)
        for wait in self._waiting.pop(host):
            wait.fail(_unresolved(host, why))


def _unresolved(host: str, why: str) -> UpstreamFailed:
    return UpstreamFailed(UPSTREAM_NAME, f"{host}: {why}", untouched=True)
