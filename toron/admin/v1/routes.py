"""The routes, in the order of the configuration."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from twisted.internet.task import deferLater

from toron.admin.endpoint import Call, Endpoint
from toron.admin.problem import Refused

STEP = 200
"""Routes that are told of before others get their turn."""

MOST = 1000
"""Routes in one answer, at most."""


class Route(Struct):
    """A route of HTTP."""

    name: str
    """As logs and metrics call it."""
    match: list[dict[str, Any]]
    """What it matches, in the words of the configuration: any one of these will do."""
    leads_to: str
    """`backend NAME`, `redirect`, `respond` and so on."""
    middlewares: list[str]
    requests: int
    """Answered since the start."""
    errors: int
    """Of these with a status from 500 on."""
    place: str
    """Where it was written, as `file:line:column`."""


class Routes(Struct):
    """Some of the routes."""

    total: int
    routes: list[Route]


class Which(Struct, forbid_unknown_fields=True):
    """From which on, and how many."""

    offset: int = 0
    limit: int = 100


async def routes(call: Call) -> Routes:
    """So many from the offset on."""
    offset, limit = call.query.offset, call.query.limit
    if offset < 0 or not 0 <= limit <= MOST:
        raise Refused(
            400, "bad_query", f"offset is {offset}, limit {limit}",
            f"take an offset from 0 on, and a limit from 0 to {MOST}",
        )  # fmt: skip
    await call.gateway.refresh()
    serving = call.gateway.serving
    some = range(len(serving.config.routes))[offset : offset + limit]
    # Another composition may serve before all of it is told.
    asked = [(serving.routes.name(n), serving.config.routes[n], serving.route_places[n]) for n in some]
    total = len(serving.config.routes)
    found: list[Route] = []
    for name, spec, place in asked:
        if len(found) % STEP == STEP - 1:
            await deferLater(call.gateway.reactor, 0)
        found.append(_route(call, name, spec, place))
    return Routes(total, found)


def _route(call: Call, name: str, spec: Any, place: str) -> Route:
    answered = call.gateway.metrics.answered(name)
    return Route(
        name=name,
        match=[each.model_dump(mode="json", by_alias=True, exclude_defaults=True) for each in spec.match],
        leads_to=_leads_to(spec),
        middlewares=[each.word for each in spec.middlewares],
        requests=sum(answered.values()),
        errors=sum(number for (_, status), number in answered.items() if status >= 500),
        place=place,
    )


def _leads_to(spec: Any) -> str:
    if isinstance(spec.backend, str):
        return f"backend {spec.backend}"
    if spec.backend is not None:
        return "backend"
    kinds = ("redirect", "respond", "echo")
    return next((kind for kind in kinds if getattr(spec, kind) is not None), "")


ENDPOINTS = (
    Endpoint("GET", "/routes", routes, Routes, "The routes of HTTP, and what each has answered", query=Which),
)
