"""Changes on approval: planned, applied, confirmed, taken back, and remembered."""

from __future__ import annotations

from msgspec import Struct

from toron.admin.changes import Apply, HistoryEntry, Plan, Progress, Rollback
from toron.admin.endpoint import CONFIGURATIONS, Call, Endpoint, Nothing, Text
from toron.admin.problem import Refused

MOST = 1000
"""HistoryEntries of the history in one answer, at most."""


class PlannedFile(Struct, forbid_unknown_fields=True):
    """What problems and places call the file."""

    name: str = ""


class HistoryEntries(Struct):
    """The newest first."""

    entries: list[HistoryEntry]


class HowManyChanges(Struct, forbid_unknown_fields=True):
    """How many of them."""

    limit: int = 50


async def plan(call: Call) -> Plan:
    """What the configuration in the body would do."""
    found = await call.gateway.changing.plan(call.body, CONFIGURATIONS[call.media], call.query.name)
    call.note = "planned"
    return found


async def progress(call: Call) -> Progress:
    """How it goes."""
    return call.gateway.changing.progress()


async def apply(call: Call) -> Progress:
    """Take a configuration into service."""
    call.body.author = call.body.author or call.who
    found = await call.gateway.changing.apply(call.body, only=bool(call.if_match))
    call.note = f"{found.result} as {found.id}"
    return found


async def confirm(call: Call) -> Progress:
    """Keep what waits."""
    found = await call.gateway.changing.confirm()
    call.note = f"confirmed {found.id}"
    return found


async def rollback(call: Call) -> Progress:
    """Take what served before into service."""
    if call.body.steps < 1:
        raise Refused(400, "bad_body", f"steps is {call.body.steps}", "take a number from 1 on")
    call.body.author = call.body.author or call.who
    found = await call.gateway.changing.rollback(call.body, only=bool(call.if_match))
    call.note = f"rolled back: {found.result} {found.id}"
    return found


async def history(call: Call) -> HistoryEntries:
    """Those that were taken into service."""
    if not 0 <= call.query.limit <= MOST:
        raise Refused(400, "bad_query", f"limit is {call.query.limit}", f"take a number from 0 to {MOST}")
    return HistoryEntries(await call.gateway.changing.entries(call.query.limit))


async def entry(call: Call) -> HistoryEntry:
    """One of them, with its diff."""
    number = call.parameters["id"]
    if not (number.isascii() and number.isdigit()):
        raise Refused(404, "unknown_entry", f"{number!r} is no number", "take one that GET /history shows")
    return await call.gateway.changing.entry(int(number))


ENDPOINTS = (
    Endpoint(
        "POST", "/plan", plan, Plan, "What a configuration would do if it was applied; nothing is changed",
        query=PlannedFile, body=Text, refusals=(422, 501),
    ),
    Endpoint(
        "GET", "/apply", progress, Progress, "How the change goes that waits, or how the last one went",
        refusals=(501,),
    ),
    Endpoint(
        "POST", "/apply", apply, Progress,
        "Take a configuration into service: for good, or until it is confirmed or has proved itself",
        body=Apply, refusals=(409, 422, 501), conditional=True,
    ),
    Endpoint(
        "POST", "/confirm", confirm, Progress, "Keep the change that waits for it",
        body=Nothing, refusals=(409, 501),
    ),
    Endpoint(
        "POST", "/rollback", rollback, Progress, "Take what served some changes ago into service again",
        body=Rollback, refusals=(409, 422, 501), conditional=True,
    ),
    Endpoint(
        "GET", "/history", history, HistoryEntries, "The configurations that were taken into service",
        query=HowManyChanges, refusals=(501,),
    ),
    Endpoint(
        "GET", "/history/{id}", entry, HistoryEntry, "One of them, with what it changed of the one before",
        refusals=(501,),
    ),
)  # fmt: skip
