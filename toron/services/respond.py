"""Answers from the configuration itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from toron.core.message import Request, Response
from toron.wire.headers import Field, Headers


def respond(status: int, headers: dict[str, str], body: str) -> Callable[[Request], Awaitable[Response]]:
    """A service that always gives this answer; text without a Content-Type is plain."""
    fields: list[Field] = [(name.encode(), value.encode()) for name, value in headers.items()]
    if body and not any(name.lower() == b"content-type" for name, _ in fields):
        fields.append((b"Content-Type", b"text/plain; charset=utf-8"))
    data = b"" if status in (204, 304) else body.encode()

    async def service(request: Request) -> Response:
        return Response(status, Headers(fields), data)

    return service
