"""Answers with another address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from toron.core.message import Request, Response
from toron.core.redirect import Redirection


def redirect(redirection: Redirection) -> Callable[[Request], Awaitable[Response]]:
    """A service that redirects every request."""

    async def service(request: Request) -> Response:
        return redirection.answer(request)

    return service
