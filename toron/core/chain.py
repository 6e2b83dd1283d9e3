"""Puts middlewares in front of a service, once, when composing."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from toron.core.message import Middleware, Request, Response, Service
from toron.core.refusal import Refusal


def chain(middlewares: Sequence[tuple[str, Middleware]], last: Service) -> Service:
    """One service that asks each named middleware in turn, the first one first, then `last`."""
    service = last
    for name, middleware in reversed(middlewares):
        service = _before(name, middleware, service)
    return service


def _before(name: str, middleware: Middleware, service: Service) -> Service:
    """A middleware with what comes after it bound; its own refusals carry its name."""

    async def named(request: Request) -> Response:
        passed = False

        def going_on(request: Request) -> Awaitable[Response]:
            nonlocal passed
            passed = True
            return service(request)

        try:
            response = await middleware(request, going_on)
        except Refusal:
            if not passed:
                request.middleware = name
            raise
        if not passed:
            request.middleware = name
        return response

    return named
