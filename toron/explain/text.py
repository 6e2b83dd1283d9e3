"""Writes a decision record for people: a short tree, each rule with its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from toron.config.place import printable
from toron.explain.record import BackendStep, GuardStep, MiddlewareStep, Record, RouteStep, TryStep

_Line = tuple[int, str, str]
"""How deep, the words, and the place."""


def as_text(record: Record) -> str:
    """The record as a tree; places stand at the end of the lines."""
    lines = [*_lines(record), (0, _outcome(record), "")]
    drawn = [(_branch(lines, number) + words, place) for number, (_, words, place) in enumerate(lines)]
    asked = record.asked
    first = f"{asked.method} {asked.url}" if asked.method else asked.url
    text = [f"{first} from {asked.client}"]
    if record.ended is not None:
        text = [f"{first} from {asked.client}, {record.ended.line['time']}, id {record.ended.line['id']}"]
    text += [f"{words}  [{place}]" if place else words for words, place in drawn]
    # Some of it clients have sent.
    return "\n".join(map(printable, text)) + "\n"


def _branch(lines: list[_Line], number: int) -> str:
    """What is drawn in front of a line."""
    drawn = []
    for level in range(lines[number][0] + 1):
        after = [depth for depth, _, _ in lines[number + 1 :]]
        end = next((index for index, depth in enumerate(after) if depth < level), len(after))
        more = level in after[:end]
        if level == lines[number][0]:
            drawn.append("├─ " if more else "└─ ")
        else:
            drawn.append("│  " if more else "   ")
    return "".join(drawn)


def _lines(record: Record) -> Iterator[_Line]:
    listener = record.listener
    if listener is not None:
        yield 0, f"listener {listener.name} ({listener.protocol}, port {listener.port})", listener.place
        if listener.others:
            yield 1, f"also possible: {', '.join(listener.others)}", ""
        yield from _note(listener.note)
    for guard in record.guards:
        yield from _guard(guard)
    if record.certificate is not None:
        asked = record.certificate.asked or "no name"
        yield 0, f"certificate of {', '.join(record.certificate.names)} for {asked}", record.certificate.place
    yield from _routes(record)
    for middleware in record.middlewares:
        yield from _middleware(middleware)
    if record.backend is not None:
        yield from _backend(record.backend)
    if record.ended is not None:
        yield from _noted(record.ended.note)


def _guard(step: GuardStep) -> Iterator[_Line]:
    yield 0, f"guard {step.name} {step.verdict}{f': {step.reason}' if step.reason else ''}", step.place
    yield from _note(step.note)


def _routes(record: Record) -> Iterator[_Line]:
    depth = 0
    if record.route is not None:
        yield 0, f"route {record.route.name}", record.route.place
        depth = 1
        for route in record.shadowed:
            yield 1, f"shadows {route.name}, which matches too", route.place
    for route in record.near:
        yield depth, _near(route), route.missed.place if route.missed else route.place


def _near(route: RouteStep) -> str:
    missed = route.missed
    said = f": {missed.what} is {missed.asked}, wanted {missed.wanted}" if missed else ""
    return f"near miss {route.name}{said}"


def _middleware(step: MiddlewareStep) -> Iterator[_Line]:
    said = ""
    if step.verdict == "refuses":
        said = f": {step.reason}, status {step.status}{f' ({step.detail})' if step.detail else ''}"
    elif step.verdict == "answers":
        said = f" with status {step.status}"
    verdict = "is not known offline" if step.verdict == "unknown" else step.verdict
    yield 0, f"middleware {step.name} {verdict}{said}", step.place
    yield from _note(step.note)
    for change in step.request:
        yield 1, f"request {change}", ""
    for change in step.response:
        yield 1, f"response {change}", ""


def _backend(step: BackendStep) -> Iterator[_Line]:
    yield 0, f"backend {step.name} ({step.balancer})", step.place
    yield from _note(step.note)
    for server in step.servers:
        verdict = "picks" if server.verdict == "picked" else "passes over"
        yield 1, f"{verdict} {server.name}: {server.why}", server.place
    for one in step.tries:
        yield from _try(one)


def _try(step: TryStep) -> Iterator[_Line]:
    after = "" if step.began_ms is None else f"after {step.began_ms:g} ms "
    if step.server is None:
        yield 1, f"{after}{step.why}", ""
    else:
        yield 1, f"{after}picks {step.server}: {step.why}", step.place
    for server in step.others:
        yield 2, f"passes over {server.name}: {server.why}", server.place
    ended = "" if step.ended_ms is None else f" after {step.ended_ms:g} ms"
    if step.outcome == "failed":
        yield 2, f"failed{ended}: {step.reason}{f' ({step.detail})' if step.detail else ''}", ""
    elif step.outcome == "answered":
        yield 2, f"answered{ended}, status {step.status}" if step.status else f"connected{ended}", ""
    elif step.server is not None:
        yield 2, "it was over before there was an answer", ""


def _noted(text: str) -> Iterator[_Line]:
    if text:
        yield 0, text, ""


def _note(text: str) -> Iterator[_Line]:
    if text:
        yield 1, text, ""


def _outcome(record: Record) -> str:
    outcome = record.outcome
    if record.ended is not None:
        return _came(record, record.ended.line)
    status = "" if outcome.status is None else f" with status {outcome.status}"
    match outcome.kind:
        case "server":
            said = "a server is asked"
        case "answer":
            location = [value for name, value in outcome.headers if name.lower() == "location"]
            said = f"answered here{status}{''.join(f', {value}' for value in location)}"
        case _:
            said = f"refused{status}: {outcome.reason}"
    detail = f" ({outcome.detail})" if outcome.detail else ""
    return said + detail + ("" if outcome.certain else ", if all that is not known offline passes")


def _came(record: Record, line: dict[str, Any]) -> str:
    """How something ended that was served."""
    outcome = record.outcome
    status = "" if outcome.status is None else f" with status {outcome.status}"
    detail = f" ({outcome.detail})" if outcome.detail else ""
    match outcome.kind:
        case "refused" if "upstream_ms" in line or (outcome.status is None and "bytes_in" in line):
            said = f"ended{status}: {outcome.reason}{detail}"
        case "refused":
            said = f"refused{status}: {outcome.reason}{detail}"
        case "answer":
            said = f"answered here{status}"
        case _:
            said = f"a server answered{status}" if status else "a server had it"
    moved = f"{line['bytes_in']} bytes in, {line['bytes_out']} out" if "bytes_in" in line else ""
    took = f"{line['duration_ms']:g} ms" if "duration_ms" in line else ""
    return ", ".join(filter(None, (said, took, moved)))
