"""Writes a plan for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from toron.admin.changes import Change, ChangedKey, Plan
from toron.admin.problem import Mistake
from toron.changing.differences import told
from toron.changing.sameness import LOST

_SIGNS = {"add": "+", "change": "~", "remove": "-"}

MOST = 200
"""Changes that are written out, at most."""

KEPT = 20
"""The same of what is kept."""


def plan_text(plan: Plan) -> str:
    """The plan in lines, each with an end."""
    return "".join(f"{line}\n" for line in _lines(plan))


def _lines(plan: Plan) -> Iterator[str]:
    for warning in plan.warnings:
        yield _mistake(warning)
    if plan.refused:
        yield "This would be refused:"
        yield from (f"  {_mistake(each)}" for each in plan.refused)
        yield ""
    if not plan.changes:
        yield f"No changes to {plan.file}."
    else:
        yield f"Changes to {plan.file}:"
        for change in plan.changes[:MOST]:
            yield from _change(change)
        if len(plan.changes) > MOST:
            yield f"  ... and {len(plan.changes) - MOST} more (--json has all)"
        yield ""
        yield _summary(plan.changes)
    if not plan.live:
        yield "Nobody was asked about live connections (--offline)."
        return
    yield from _connections(plan)
    yield from _state(plan)


def _change(change: Change) -> Iterator[str]:
    places = " -> ".join(filter(None, (change.place_before, change.place_after)))
    yield f"  {_SIGNS[change.action]} {change.kind} {change.name}" + (f"  ({places})" if places else "")
    for key in change.keys:
        yield from _key(key)


def _key(key: ChangedKey) -> Iterator[str]:
    places = " -> ".join(filter(None, (key.place_before, key.place_after)))
    where = f"  ({places})" if places else ""
    name = f"{key.key}: " if key.key else ""
    if key.before == key.after:
        yield f"      {name}another secret{where}"
    else:
        yield f"      {name}{told(key.before)} -> {told(key.after)}{where}"


def _summary(changes: list[Change]) -> str:
    count = Counter(each.action for each in changes)
    return f"{count['add']} to add, {count['change']} to change, {count['remove']} to remove."


def _connections(plan: Plan) -> Iterator[str]:
    yield ""
    if not plan.connections:
        yield "No connection is open."
        return
    yield "Open connections:"
    for each in plan.connections:
        led = [f"on {each.listener}"]
        led += [f"route {each.route}"] if each.route else []
        led += [f"to {each.backend}"] if each.backend else []
        why = f": {each.why}" if each.why else ""
        yield f"  {each.count} {each.kind} {', '.join(led)}: {each.fate}{why}"


def _state(plan: Plan) -> Iterator[str]:
    if not plan.state:
        return
    yield ""
    yield "What is remembered:"
    lost = [each for each in plan.state if each.fate == LOST]
    kept = [each for each in plan.state if each.fate != LOST]
    for each in [*lost[:MOST], *kept[:KEPT]]:
        note = f" ({each.note})" if each.note else ""
        yield f"  {each.what}: {each.fate}{note}"
    if len(kept) > KEPT:
        yield f"  ... and {len(kept) - KEPT} more that are kept (--json has all)"


def _mistake(mistake: Mistake) -> str:
    word = "warning: " if mistake.severity == "warning" else ""
    return f"{mistake.file}:{mistake.line}:{mistake.column}: {word}{mistake.message}"
