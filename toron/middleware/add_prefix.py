"""Puts a prefix before the path that the server sees."""

from __future__ import annotations

from pydantic import field_validator

from toron.config.model import Shortened
from toron.core.message import Middleware, Request, Response, Service
from toron.core.path import escaped
from toron.interfaces import Environment
from toron.middleware._back import point_back, under


class Options(Shortened):
    """What is put before the path: `add-prefix: /v2`."""

    main = "prefix"

    prefix: str
    """Such as `/v2`."""

    @field_validator("prefix")
    @classmethod
    def _check(cls, prefix: str) -> str:
        bare = prefix.rstrip("/")
        if not bare.startswith("/") or "//" in bare or any(sign in bare for sign in "?#*"):
            raise ValueError(f"{prefix!r} is not a prefix: write the start of a path, such as /v2")
        return bare


def make(options: Options, environment: Environment) -> Middleware:
    """Paths under the prefix that a response points to lose it again on their way back."""
    prefix = escaped(options.prefix.encode())

    def outside(path: bytes) -> bytes:
        if not under(path, prefix):
            return path
        rest = path[len(prefix) :]
        return rest if rest.startswith(b"/") else b"/" + rest

    async def add_prefix(request: Request, service: Service) -> Response:
        request.path = prefix + request.path
        response = await service(request)
        point_back(response, request, outside)
        return response

    return add_prefix
