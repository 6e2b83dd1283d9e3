"""Takes a prefix off the path before the server sees it."""

from __future__ import annotations

from pydantic import Field, field_validator

from toron.config.model import OneOrMore, Shortened
from toron.core.message import Middleware, Request, Response, Service
from toron.core.path import escaped, route_path
from toron.core.refusal import Refusal
from toron.interfaces import Environment
from toron.middleware._back import point_back, under


class Options(Shortened):
    """What is taken off: `strip-prefix: /api`, or a list, of which the longest that fits counts."""

    main = "prefix"

    prefix: OneOrMore = Field(min_length=1)
    """Such as `/api`; it fits `/api` and `/api/x`, not `/apix`."""

    @field_validator("prefix")
    @classmethod
    def _check(cls, prefixes: tuple[str, ...]) -> tuple[str, ...]:
        for prefix in prefixes:
            canonical(prefix)
        return prefixes


def canonical(prefix: str) -> bytes:
    """The prefix as routes see it, without a slash at its end; ValueError when it is none."""
    wrong = f"{prefix!r} is not a prefix: write the start of a path, such as /api"
    if not prefix.startswith("/") or any(sign in prefix for sign in "?#*"):
        raise ValueError(wrong)
    try:
        bare = route_path(prefix.encode()).rstrip(b"/")
    except Refusal as refusal:
        raise ValueError(f"{wrong} ({refusal.detail})") from None
    if not bare:
        raise ValueError(wrong)
    return bare


def make(options: Options, environment: Environment) -> Middleware:
    """Match on whole segments of the canonical path: /api fits /api and /api/x, not /apix.

    What was taken off is added to `request.prefix`, and responses are made to point back:
    Location, Content-Location, Refresh and the Path of cookies, except where the server wrote the
    prefix itself (it may know it from X-Forwarded-Prefix).
    """
    prefixes = sorted(map(canonical, options.prefix), key=len, reverse=True)

    async def strip_prefix(request: Request, service: Service) -> Response:
        path = route_path(request.path)
        for prefix in prefixes:
            if under(path, prefix):
                break
        else:
            return await service(request)
        outside = escaped(prefix)
        # What stays is sent as it came; only a path that spells the prefix in another way is rewritten.
        raw = request.path
        stays = raw[len(outside) :] if under(raw, outside) else b"//"
        if stays.startswith(b"//"):
            # Left as it is, it would begin with what looks like a host.
            stays = escaped(path[len(prefix) :])
        request.path = stays or b"/"
        request.prefix += outside
        response = await service(request)
        point_back(response, request, lambda inside: inside if under(inside, outside) else outside + inside)
        return response

    return strip_prefix
