"""Runs the tests that a configuration has for itself, and tells what came instead of what was expected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from toron.compose import Rehearsed
from toron.config.load import Loaded
from toron.config.model import Expected, Test
from toron.config.place import Problem, quote
from toron.core.routing import value_test
from toron.explain.explainer import Explainer
from toron.explain.plugins import shown
from toron.explain.question import question
from toron.explain.record import Record

_Found = tuple[tuple[str | int, ...], str]
"""Where in a test something is wrong, and what."""

_UNKNOWN = (
    "the {what} can not be known offline, for a server of {backend} is asked: expect a route or a backend"
    " here, or the {what} of what the gateway answers itself"
)


def run_tests(loaded: Loaded, rehearsed: Rehearsed | None = None) -> list[Problem]:
    """What does not come as it is expected under `tests:`, each at its place; empty where all does.

    `rehearsed` spares composing once more; without it Invalid is raised for what a start would.
    """
    tests = loaded.config.tests
    if not tests:
        return []
    explainer = Explainer(loaded, rehearsed, others=False)
    problems = []
    for index, test in enumerate(tests):
        for steps, message in _wrong(loaded, explainer, test):
            problems.append(loaded.places.problem(("tests", index, *steps), message))
    return sorted(problems)


def _wrong(loaded: Loaded, explainer: Explainer, test: Test) -> Iterator[_Found]:
    request = test.request
    fields = [(name, value) for name, values in request.headers.items() for value in values]
    try:
        asked = question(request.url, request.method, fields, request.client, request.alpn, request.listener)
        record = explainer.explain(asked)
    except ValueError as error:
        yield ("request",), str(error)
        return
    for steps, message in _compared(loaded, test.expect, record):
        yield ("expect", *steps), message


def _compared(loaded: Loaded, expect: Expected, record: Record) -> Iterator[_Found]:
    outcome = record.outcome
    came = {
        "route": None if record.route is None else record.route.name,
        "backend": None if record.backend is None else record.backend.name,
        "reason": outcome.reason,
        "status": outcome.status,
    }
    for what in ("route", "status", "backend", "reason"):
        wanted = getattr(expect, what)
        if wanted is None or wanted == came[what]:
            continue
        known = what != "status" or _is_known(record)
        yield (what,), _instead(wanted, came[what], record) if known else _unknown(what, record)
    for name, value in expect.headers.items():
        if not _is_known(record):
            yield ("headers", name), _unknown("headers", record)
            continue
        values = [text.encode("latin-1") for key, text in outcome.headers if key.lower() == name.lower()]
        try:
            holds = value_test(value)(values)
        except ValueError as error:
            yield ("headers", name), str(error)
            continue
        if not holds:
            found = ", ".join(text.decode("latin-1") for text in values)
            yield ("headers", name), _instead(_wanted(value), shown(loaded, found) or None, record)


def _is_known(record: Record) -> bool:
    """Whether the gateway itself decides on the answer, as far as can be told offline."""
    return record.outcome.kind != "server" and record.outcome.certain


def _unknown(what: str, record: Record) -> str:
    if not record.outcome.certain:
        step = next(step for step in record.verdicts if step.verdict == "unknown")
        return f"the {what} can not be known offline: what {step.name} says is not ({step.note})"
    backend = "nobody" if record.backend is None else quote(record.backend.name)
    return _UNKNOWN.format(backend=backend, what=what)


def _wanted(value: str | bool) -> Any:
    return {True: "any value", False: "no such field"}.get(value, value) if isinstance(value, bool) else value


def _instead(wanted: Any, came: Any, record: Record) -> str:
    """What was expected, what came, and which rule it came by."""
    said = "nothing" if came is None else quote(came)
    return f"expected {quote(wanted)}, and {said} came{_because(record)}"


def _because(record: Record) -> str:
    """The rule that led to what came instead."""
    outcome = record.outcome
    if outcome.kind == "refused":
        at = [step for step in record.verdicts if step.verdict == "refuses"]
        where = f" by {at[-1].name} at {_line(at[-1].place)}" if at else ""
        return f": refused{where}: {outcome.reason}" + (f" ({outcome.detail})" if outcome.detail else "")
    if record.route is not None:
        return f": the route {quote(record.route.name)} at {_line(record.route.place)} takes it"
    return f": the listener {quote(record.listener.name)} takes it" if record.listener else ""


def _line(place: str) -> str:
    """`line 7` of `file:7:3`."""
    return f"line {place.rsplit(':', 2)[1]}"
