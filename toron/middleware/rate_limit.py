"""Refuses requests of a client that sends too many."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, Field

from toron.config.model import Model, OneOrMore
from toron.config.units import Rate, RateValue
from toron.core.message import Middleware, Request, Response, Service
from toron.core.networks import client_key
from toron.core.refusal import RATE_LIMITED, Refusal
from toron.core.token_bucket import Taken
from toron.interfaces import Environment
from toron.middleware._claims import NOTE, as_text, claim
from toron.middleware._names import TOKEN
from toron.wire.headers import Field as HeaderField

Part = Callable[[Request], object]
"""One part of what requests are counted by."""

_PLAIN = ("ip", "route", "host", "method")
_NAMED = ("header", "cookie", "claim")


def _checked(keys: tuple[str, ...]) -> tuple[str, ...]:
    for key in keys:
        word, colon, name = key.partition(":")
        if word in _PLAIN and not colon:
            continue
        if word not in _NAMED:
            raise ValueError(
                f"{key!r} is not a key: write {', '.join(_PLAIN)},"
                " header:<name>, cookie:<name> or claim:<name>"
            )
        if not name or (word != "claim" and not TOKEN.fullmatch(name)):
            raise ValueError(f"{key!r} names no {word}: write one such as {word}:x-api-key")
    return keys


class Options(Model):
    """How much is too much, and what is counted together."""

    rate: Rate = RateValue(100.0, 1.0)
    """How many requests in how much time; what is more is answered 429."""
    burst: int | None = Field(None, ge=1)
    """Requests that may come at once; without it as many as the rate counts (100 for 100/s)."""
    key: Annotated[OneOrMore, Field(min_length=1), AfterValidator(_checked)] = ("ip",)
    """`ip`, `route`, `host`, `method`, `header:<name>`, `cookie:<name>`, `claim:<name>` (after jwt), or a
    list of these, counted together. Requests without the header, cookie or claim count as one client."""
    ipv6_prefix: int = Field(64, ge=1, le=128)
    """IPv6 clients that share so many leading bits are one client."""
    clients: int = Field(100_000, ge=1)
    """Clients remembered at most; the one that was quiet for longest is forgotten first."""


def make(options: Options, environment: Environment) -> Middleware:
    """A token bucket for each key; 429 with Retry-After, and RateLimit-* on every response.

    RateLimit-Limit, -Remaining and -Reset are those of draft-ietf-httpapi-ratelimit-headers-03;
    a response that has them already keeps them, since it tells of a nearer limit.
    """
    burst = options.burst or max(1, int(options.rate.count))
    buckets = environment.limits.buckets(options.rate.per_second, burst, options.clients)
    parts = [_part(key, options.ipv6_prefix) for key in options.key]
    only = parts[0] if len(parts) == 1 else None
    seconds, name, limit = environment.seconds, environment.name, b"%d" % burst

    def fields(taken: Taken, reset: int) -> tuple[HeaderField, ...]:
        return (
            (b"RateLimit-Limit", limit),
            (b"RateLimit-Remaining", b"%d" % taken.remaining),
            (b"RateLimit-Reset", b"%d" % reset),
        )

    async def rate_limit(request: Request, service: Service) -> Response:
        key = tuple([part(request) for part in parts]) if only is None else only(request)
        taken = buckets.take(key, seconds())
        if not taken.allowed:
            request.middleware = name
            wait = max(1, math.ceil(taken.wait - 1e-6))
            raise Refusal(RATE_LIMITED, "", ((b"Retry-After", b"%d" % wait), *fields(taken, wait)))
        response = await service(request)
        if b"ratelimit-limit" not in response.headers:
            for field in fields(taken, math.ceil(taken.full)):
                response.headers.add(*field)
        return response

    return rate_limit


def note(options: Options, asked: Request) -> str:
    """What the request is counted by; how much of it is left only a running gateway knows."""
    found = [(key, _part(key, options.ipv6_prefix)(asked)) for key in options.key]
    said = ", ".join(f"{key}={_readable(value)}" for key, value in found)
    burst = options.burst or max(1, int(options.rate.count))
    return f"counted by {said}: {options.rate}, {burst} at once; what is left is not known offline"


def _readable(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "nothing")


def _part(key: str, ipv6_prefix: int) -> Part:
    word, _, name = key.partition(":")
    match word:
        case "ip":
            return lambda request: client_key(request.client_ip, ipv6_prefix)
        case "route":
            return lambda request: request.route
        case "host":
            return lambda request: request.host
        case "method":
            return lambda request: request.method
        case "header":
            header = name.lower().encode()
            return lambda request: request.headers.get(header)
        case "cookie":
            cookie = name.encode()
            return lambda request: _cookie(request, cookie)
        case _:
            return lambda request: _claim(request, name)


def _cookie(request: Request, name: bytes) -> bytes | None:
    for line in request.headers.get_all(b"cookie"):
        for crumb in line.split(b";"):
            key, _, value = crumb.strip().partition(b"=")
            if key == name:
                return value
    return None


def _claim(request: Request, name: str) -> str | None:
    claims = (request.notes or {}).get(NOTE)
    return None if claims is None else as_text(claim(claims, name))
