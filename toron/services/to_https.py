"""Answers http requests with where the same is served over https."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from toron.core.agreement import covers
from toron.core.message import Request, Response, Service
from toron.core.redirect import Redirection
from toron.core.refusal import NO_ROUTE, Refusal

_READS = (b"GET", b"HEAD")
_MOVED, _MOVED_AS_IT_WAS = 301, 308
"""Permanent: after the first, clients may make a GET of what was none (RFC 9110 section 15.4.2)."""


class Hosts(Protocol):
    """The routes of a listener."""

    def serves_host(self, host: bytes, *, by_name: bool = False) -> bool:
        """Whether any route asks for this host, or, unless `by_name`, for none."""


class SecureDoor:
    """An https listener that http requests are redirected to."""

    def __init__(
        self,
        routes: Hosts,
        certificates: Callable[[], Iterable[Sequence[str]]],
        port: Callable[[], int],
        status: int | None = None,
    ) -> None:
        """`certificates` gives the names of each of its certificates; `port` the one that clients see.

        Without `status` it is 301, and 308 where the method is another than GET or HEAD.
        """
        self._routes = routes
        self._certificates = certificates
        self._port = port
        self._status = status
        self._known: dict[tuple[int, int], Redirection] = {}

    def serves(self, host: bytes) -> bool:
        """Whether a route asks for this host, or a certificate is for it: nobody is sent anywhere else."""
        if not host or not self._routes.serves_host(host):
            return False
        if self._routes.serves_host(host, by_name=True):
            return True
        name = host.decode("ascii", "replace")
        return any(covers(names, name) for names in self._certificates())

    def answer(self, request: Request) -> Response:
        """The redirect: the same host, path and query."""
        status = self._status or (_MOVED if request.method in _READS else _MOVED_AS_IT_WAS)
        key = self._port(), status
        redirection = self._known.get(key)
        if redirection is None:
            redirection = self._known[key] = Redirection(scheme="https", port=key[0], status=status)
        return redirection.answer(request)


def to_https(doors: Sequence[SecureDoor]) -> Service:
    """A service that redirects to the first of the doors where the host is served."""

    async def service(request: Request) -> Response:
        for door in doors:
            if door.serves(request.host):
                return door.answer(request)
        raise Refusal(NO_ROUTE, "no https listener that is redirected to serves this host")

    return service
