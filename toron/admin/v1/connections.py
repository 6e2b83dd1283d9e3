"""What lives: connections, tunnels and UDP sessions."""

from __future__ import annotations

from toron.admin.endpoint import Call, Endpoint
from toron.admin.problem import Refused
from toron.net.living import MOST, Found, Wanted


async def connections(call: Call) -> Found:
    """Those that are as asked for; looked for in slices, so that nobody waits for it."""
    if not 0 <= call.query.limit <= MOST:
        raise Refused(400, "bad_query", f"limit is {call.query.limit}", f"take a number from 0 to {MOST}")
    return await call.gateway.connections(call.query)


ENDPOINTS = (
    Endpoint(
        "GET", "/connections", connections, Found,
        "Connections of clients and UDP sessions that live, by listener, route, backend, server or client",
        query=Wanted, refusals=(504,),
    ),
)  # fmt: skip
