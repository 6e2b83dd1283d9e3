"""Refuses request bodies above a size."""

from __future__ import annotations

from toron.config.model import Shortened
from toron.config.units import Size, write_size
from toron.core.message import Middleware, Request, Response, Service
from toron.core.refusal import BODY_TOO_LARGE, Refusal
from toron.interfaces import Environment


class Options(Shortened):
    """The most a body may be: `body-limit: 10m`. It can only be less than the listener's limit."""

    main = "size"

    size: Size
    """What is larger is answered 413."""


def note(options: Options, asked: Request) -> str:
    """How large a body may be, which is seen only as it comes where no length is given."""
    return f"a body may have {write_size(options.size)}"


def make(options: Options, environment: Environment) -> Middleware:
    """413 before any server is asked where the length is known, else as soon as it is exceeded."""
    size, name = options.size, environment.name
    words = f"more than {write_size(size)}"

    async def body_limit(request: Request, service: Service) -> Response:
        body = request.body
        if body is not None:
            if (body.received if body.length is None else body.length) > size:
                request.middleware = name
                raise Refusal(BODY_TOO_LARGE, words)
            body.limit = min(body.limit, size)
        return await service(request)

    return body_limit
