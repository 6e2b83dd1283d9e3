"""Tests of the middlewares, with what they share."""

from __future__ import annotations

import random
from collections.abc import Coroutine
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import Logger

from toron.core.limits import Limits
from toron.core.message import Middleware, Request, Response
from toron.core.refusal import Refusal
from toron.interfaces import Environment
from toron.wire.headers import Field, Headers


def environment(
    name: str = "mw", folder: str = ".", limits: Limits | None = None
) -> tuple[Environment, Clock]:
    clock = Clock()
    return Environment(name, clock, random.Random(1), Logger(), folder, limits), clock


def get(path: bytes = b"/", *fields: Field, query: bytes | None = None, client: str = "192.0.2.1") -> Request:
    """A GET request to app.example."""
    headers = Headers([(b"Host", b"app.example"), *fields])
    return Request(b"GET", path, headers, query=query, host=b"app.example", client_ip=client)


class Backend:
    """Answers, and remembers what it was asked."""

    def __init__(self, *fields: Field, status: int = 200) -> None:
        self.fields = fields
        self.status = status
        self.seen: list[Request] = []

    async def __call__(self, request: Request) -> Response:
        self.seen.append(request)
        return Response(self.status, Headers(self.fields), b"ok")


def finished(coroutine: Coroutine[Any, Any, Response]) -> Response:
    """What a coroutine that does not wait returns."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        response: Response = stop.value
        return response
    coroutine.close()
    raise AssertionError("it waits")


def through(middleware: Middleware, request: Request, backend: Backend | None = None) -> Response:
    """Send a request through."""
    return finished(middleware(request, backend or Backend()))  # type: ignore[arg-type]


def refused(middleware: Middleware, request: Request) -> Refusal:
    """The refusal that must come, without the backend having been asked."""
    backend = Backend()
    try:
        through(middleware, request, backend)
    except Refusal as refusal:
        if backend.seen:
            raise AssertionError("the backend was asked") from None
        return refusal
    raise AssertionError("it was not refused")
