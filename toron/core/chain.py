"""Puts middlewares in front of a service, once, when composing."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from toron.core.message import Middleware, Request, Response, Service
from toron.core.refusal import Refusal


def chain(middlewares: Sequence[tuple[str, Middleware]], last: Service) -> Service:
    """One service that asks each named middleware in turn, the first one first, then `last`."""
    service = last
    for number in reversed(range(len(middlewares))):
        service = _before(number, *middlewares[number], service)
    return service


def _before(number: int, name: str, middleware: Middleware, service: Service) -> Service:
    """A middleware with what comes after it bound; its own refusals carry its name."""

    async def named(request: Request) -> Response:
        passed = False
        trail = request.trail
        step = None if trail is None else trail.enter(number, request)

        def going_on(request: Request) -> Awaitable[Response]:
            nonlocal passed
            passed = True
            return service(request) if step is None else step.pass_on(request, service)

        try:
            response = await middleware(request, going_on)
        except Refusal:
            if not passed:
                request.middleware = name
            raise
        if not passed:
            request.middleware = name
        if step is not None:
            step.left = [*response.headers.fields]
        return response

    return named
