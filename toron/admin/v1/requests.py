"""What was served lately, and why each of it went where it went."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from toron.admin.endpoint import Call, Endpoint
from toron.admin.problem import Refused
from toron.admin.running import Remembering
from toron.observe.recent import Wanted

MOST = 1000
"""Requests in one answer, at most."""


class WhichRequests(Struct, forbid_unknown_fields=True):
    """Which requests and connections are asked for; what is empty does not matter."""

    route: str = ""
    status: str = ""
    """`404`, `5xx`, or a reason word of the access log."""
    most: int = 20


class Requests(Struct):
    """What is remembered, the newest first."""

    requests: list[dict[str, Any]]
    """The line of the access log that each of them has, or would have."""


async def requests(call: Call) -> Requests:
    """Those that are as asked for."""
    asked: WhichRequests = call.query
    if not 0 <= asked.most <= MOST:
        raise Refused(400, "bad_query", f"most is {asked.most}", f"take a number from 0 to {MOST}")
    wanted = Wanted(route=asked.route, status=asked.status, most=asked.most)
    return Requests(await _remembering(call).lines(wanted))


async def request(call: Call) -> dict[str, Any]:
    """The decision record of one of them."""
    id = call.parameters["id"]
    record = await _remembering(call).record(id)
    if record is None:
        raise Refused(
            404, "unknown_request", f"no request or connection {id!r} is remembered",
            "what goes well is followed up to explain.follow, and the newest explain.keep are remembered;"
            " one that is not over yet is not among them",
        )  # fmt: skip
    return record


def _remembering(call: Call) -> Remembering:
    found = call.gateway.remembering
    if found is None:
        raise Refused(
            501, "no_memory", "nothing is remembered here", "run the gateway with toron run or twistd"
        )
    return found


ENDPOINTS = (
    Endpoint(
        "GET", "/requests", requests, Requests,
        "Requests, connections and sessions that were served lately, by route, status or reason",
        query=WhichRequests, refusals=(501,),
    ),
    Endpoint(
        "GET", "/requests/{id}", request, dict,
        "Why a request, connection or session went where it went: its decision record", refusals=(501,),
    ),
)  # fmt: skip
