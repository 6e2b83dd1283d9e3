"""What one request or connection meets on its way, written down as it goes, to be told later."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from toron.wire.headers import Field

if TYPE_CHECKING:
    from toron.core.backend import Backend
    from toron.core.message import Request, Response
    from toron.core.server import Server

JUDGED = 50
"""Servers of a backend whose standing is written down at a pick, at most."""

TRIES = 20
"""Uses of servers that are written down, at most: the first ones."""


class Seen(NamedTuple):
    """What a middleware may change of a request, as it was."""

    method: bytes
    path: bytes
    query: bytes | None
    host: bytes
    client_ip: str
    fields: list[Field]


def seen(request: Request) -> Seen:
    """The request as it is now."""
    return Seen(
        request.method, request.path, request.query, request.host, request.client_ip,
        [*request.headers.fields],
    )  # fmt: skip


class Step:
    """One middleware: the request as it came, and as it was passed on; the response as it came, and left."""

    __slots__ = ("answer", "came", "left", "number", "passed")

    def __init__(self, number: int, came: Seen | None) -> None:
        self.number = number
        """Its place among the middlewares of the route."""
        self.came = came
        self.passed: Seen | None = None
        self.answer: list[Field] | None = None
        self.left: list[Field] | None = None

    async def pass_on(self, request: Request, service: Callable[[Request], Awaitable[Response]]) -> Response:
        """Ask what comes next, and see what it gets and gives."""
        self.passed = seen(request)
        response = await service(request)
        self.answer = [*response.headers.fields]
        return response


class Try:
    """One use of one server, and how the others stood when it was picked."""

    __slots__ = ("began", "by", "detail", "ended", "server", "servers", "standings", "status", "word")

    def __init__(
        self, server: Server | None, servers: Sequence[Server], by: str, began: float | None
    ) -> None:
        self.server = server
        """None where nobody could be asked."""
        self.servers = servers
        """All that the backend had."""
        self.standings: tuple[str, ...] | None = None
        """Keys of `core.backend.STANDINGS`, of the first `JUDGED`; None: each could have been asked."""
        self.by = by
        """Why this one where the balancer did not pick it: `cookie`, `again`, `known`; else empty."""
        self.began = began
        """Seconds after the request's head was whole, or the connection was accepted; None: not known."""
        self.ended: float | None = None
        """When its answer's head was whole, or when it failed."""
        self.status = 0
        """Of its answer."""
        self.word = ""
        """Why there was no answer."""
        self.detail = ""


class Trail:
    """The way of one request or connection."""

    __slots__ = ("chart", "found", "head", "middlewares", "tries")

    def __init__(self, chart: Any = None, head: Seen | None = None, found: Any = None) -> None:
        self.chart = chart
        """By what the way was found: it explains the rest."""
        self.head = head
        """The request before any middleware; None where that was not written down."""
        self.found = found
        """What the router led to."""
        self.middlewares: list[Step] = []
        self.tries: list[Try] = []

    def enter(self, number: int, request: Request) -> Step:
        """The request comes to a middleware."""
        step = Step(number, seen(request))
        self.middlewares.append(step)
        return step

    def pick(
        self,
        backend: Backend,
        server: Server | None,
        tried: Sequence[Server],
        now: float,
        began: float | None,
        by: str = "",
    ) -> None:
        """A server is asked, `tried` were before; None when none is left. `now` is the backend's clock."""
        if len(self.tries) >= TRIES:
            return
        one = Try(server, backend.servers, by, began)
        one.standings = backend.standings(tried, now, JUDGED)
        self.tries.append(one)

    def answered(self, status: int, after: float) -> None:
        """The server that was asked last has answered."""
        if self.tries:
            one = self.tries[-1]
            one.status, one.ended = status, after

    def failed(self, word: str, detail: str, after: float) -> None:
        """The server that was asked last has not."""
        if self.tries:
            one = self.tries[-1]
            one.word, one.detail, one.ended = word, detail, after

    @property
    def weight(self) -> int:
        """The bytes of all fields that are held, each once."""
        held: dict[int, int] = {}
        for fields in self._fields():
            for name, value in fields:
                held[id(value)] = len(name) + len(value)
        return sum(held.values())

    def lighten(self) -> None:
        """Let go of everything that can be long."""
        self.head = None
        for step in self.middlewares:
            step.came = step.passed = step.answer = step.left = None

    def _fields(self) -> list[list[Field]]:
        found = [] if self.head is None else [self.head.fields]
        for step in self.middlewares:
            found += [each.fields for each in (step.came, step.passed) if each is not None]
            found += [each for each in (step.answer, step.left) if each is not None]
        return found
