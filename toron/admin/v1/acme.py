"""Certificates that renew themselves: how that goes, and when it is to be done at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from toron.admin.endpoint import Call, Endpoint
from toron.admin.problem import unknown


class Renewal(Struct):
    """A certificate that renews itself."""

    names: list[str]
    """The first is what logs and metrics call it."""
    directory: str
    challenge: str
    ends: float | None
    """Unix seconds; null while there is none."""
    next: float
    """When it is asked for next, in Unix seconds; 0 for at once."""
    failures: int
    """In a row."""
    why: str
    """What was wrong the last time; empty where nothing was."""
    issued: int
    """Certificates got since the start."""


class Renewals(Struct):
    """All of them."""

    renewals: list[Renewal]


async def renewals(call: Call) -> Renewals:
    """One entry for each certificate, by names."""
    return Renewals([_told(each) for each in _upkeeps(call)])


async def renew(call: Call) -> Renewals:
    """Ask for new ones now, whatever there is."""
    name = call.parameters["name"].lower()
    found = [each for each in _upkeeps(call) if name in each.wanted.names]
    if not found:
        known = [each for upkeep in _upkeeps(call) for each in upkeep.wanted.names]
        raise unknown("certificate that renews itself", name, known)
    for each in found:
        each.renew()
    call.note = f"renewing {name}"
    return Renewals([_told(each) for each in found])


def _upkeeps(call: Call) -> Sequence[Any]:
    keeper = call.gateway.serving.acme.keeper
    return () if keeper is None else keeper.upkeeps


def _told(upkeep: Any) -> Renewal:
    wanted, record, pair = upkeep.wanted, upkeep.record, upkeep.source.pair
    return Renewal(
        list(wanted.names), wanted.directory, wanted.challenge, None if pair is None else pair.not_after,
        upkeep.due, record.failures, record.why, record.issued,
    )  # fmt: skip


ENDPOINTS = (
    Endpoint("GET", "/acme", renewals, Renewals, "The certificates that renew themselves, and how that goes"),
    Endpoint("POST", "/acme/{name}/renew", renew, Renewals, "Renew the certificates for a name now"),
)
