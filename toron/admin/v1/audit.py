"""Who changed what."""

from __future__ import annotations

from msgspec import Struct

from toron.admin.audit import KEPT, Entry
from toron.admin.endpoint import Call, Endpoint
from toron.admin.problem import Refused


class Entries(Struct):
    """The newest first."""

    entries: list[Entry]


class HowMany(Struct, forbid_unknown_fields=True):
    """How many of them."""

    limit: int = 100


async def audit(call: Call) -> Entries:
    """Since the start; only the last thousand are remembered."""
    if not 0 <= call.query.limit <= KEPT:
        raise Refused(400, "bad_query", f"limit is {call.query.limit}", f"take a number from 0 to {KEPT}")
    return Entries(call.audit.latest(call.query.limit))


ENDPOINTS = (
    Endpoint("GET", "/audit", audit, Entries, "Who changed what, or wanted to", query=HowMany),
)  # fmt: skip
