"""Reads what is asked of a change, or says what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from toron.admin.changes import Apply
from toron.admin.problem import Refused
from toron.changing.condition import Condition
from toron.changing.condition_text import BadCondition, read_condition
from toron.changing.planning import mistake
from toron.changing.saving import why_not
from toron.composing.backends import name_of_first, unnamed
from toron.composing.routes import REDIRECTED, route_name
from toron.composing.secure_doors import redirects
from toron.config.model import Config
from toron.config.place import Invalid
from toron.config.units import parse_duration

FORMATS: Final = {"yaml": ".yaml", "json": ".json", "toml": ".toml"}
"""The formats of a text, each with the extension of a file of it."""

SHORTEST, LONGEST = 1.0, 86400.0
"""Seconds that a change may be watched."""

KNOWN = 50
"""Names of routes or backends that are told of, at most."""

REQUESTS = 1_000_000
"""How many requests a condition may need at most."""


def window(asked: Apply) -> float:
    """How long a change is watched, in seconds, 0 for not at all; raises Refused."""
    if not asked.window:
        if asked.confirm or asked.rollback_if:
            raise Refused(
                400, "bad_window", "there is no time to confirm it in, or to watch it", "send window: 60s"
            )
        return 0.0
    try:
        seconds = parse_duration(asked.window)
    except ValueError as error:
        raise Refused(400, "bad_window", f"window: {error}", "send window: 60s") from None
    if not SHORTEST <= seconds <= LONGEST:
        raise Refused(400, "bad_window", f"window is {asked.window}", "take a time from 1s to 24h")
    return seconds


def condition(asked: Apply) -> Condition | None:
    """When it goes back at once; raises Refused."""
    if not 1 <= asked.requests <= REQUESTS:
        raise Refused(
            400, "bad_condition", f"requests is {asked.requests}", f"take a number from 1 to {REQUESTS}"
        )
    if not asked.rollback_if:
        return None
    try:
        return read_condition(asked.rollback_if)
    except BadCondition as bad:
        raise Refused(
            400, "bad_condition", f"rollback_if: {bad}", "a condition is, say, error_rate > 2% or p99 > 2x"
        ) from None


def check_scopes(condition: Condition, config: Config) -> None:
    """Raise Refused where it is about a route or backend that is not there: it would never hold."""
    for scope in sorted(condition.scopes(), key=str):
        if scope.kind == "route":
            known = [route_name(index, route) for index, route in enumerate(config.routes)]
            known += [REDIRECTED] * any(redirects(config, spec) for spec in config.listeners)
            found = scope.name in known
        else:
            known = [*config.backends, *dict.fromkeys(map(name_of_first, unnamed(config)))]
            found = scope.name.partition("#")[0] in known or scope.name in known
        if scope.kind and not found:
            raise Refused(
                400, "bad_condition",
                f"rollback_if: there is no {scope.kind} {scope.name[:100]!r} in what is applied",
                "take one of those under known", known=known[:KNOWN],
            )  # fmt: skip


def named(path: str, format: str) -> str:
    """The file of the gateway, as if it had this format; raises Refused."""
    if format not in FORMATS:
        raise Refused(
            400, "bad_body", f"there is no format {format[:20]!r}", "take one of those under known",
            known=list(FORMATS),
        )  # fmt: skip
    return os.path.splitext(path)[0] + FORMATS[format]


def check_saving(path: str, format: str) -> None:
    """Raise Refused where what is applied could not be written to the file."""
    written = os.path.splitext(path)[1].lower().replace(".yml", ".yaml")
    why = why_not(path)
    if FORMATS[format] != written:
        why = f"its name says that it is {written}, and what was sent is {FORMATS[format]}"
    if why:
        raise Refused(
            409, "not_writable", f"the file {path} can not be replaced: {why}",
            "let the gateway write it, or apply with --no-save: then it serves until the next start",
        )  # fmt: skip


def mistakes(invalid: Invalid, names: Mapping[str, str] | None = None) -> Refused:
    """The configuration can not be used; `names` tells what those who sent it call its files."""
    problems = list(map(mistake, invalid.problems))
    for each in problems:
        each.file = (names or {}).get(each.file, each.file)
    errors = [each for each in problems if each.severity == "error"]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return Refused(
        422, "rejected", f"nothing was changed: {errors[0].message}{more}",
        "put right what is under problems, and send it again", problems=problems,
    )  # fmt: skip
