"""Puts the values of variables into the strings of a document: `${VAR}` and `${VAR:-default}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from toron.config.place import Path, Report, quote

STAND_IN = "stands-in-for-a-value-that-could-not-be-read"
"""Takes the place of a value that already has an error, so that the rest can be checked."""

_USE = re.compile(r"\$(\$?)\{(?:([A-Za-z_][A-Za-z0-9_]*)(:-[^{}]*)?(\}))?")


def substitute(report: Report, environ: Mapping[str, str]) -> dict[Path, str]:
    """Replace variables in place; returns each string that had one, by its path.

    `${VAR}` must be set; `${VAR:-x}` is x when VAR is unset or empty; `$${` is a literal `${`.
    """
    found: dict[Path, str] = {}
    _walk(report, environ, report.document.data, (), found)
    return found


def _walk(report: Report, environ: Mapping[str, str], value: Any, path: Path, found: dict[Path, str]) -> None:
    steps = value.items() if isinstance(value, dict) else enumerate(value)
    for step, inner in list(steps):
        here = (*path, step)
        if isinstance(step, str) and "${" in step and "$${" not in step:
            report.error(
                here,
                f"a variable in the key {quote(step)}: variables are for values, write the key out",
                key=True,
            )
            report.muted.add(here)
        if isinstance(inner, dict | list):
            _walk(report, environ, inner, here, found)
        elif isinstance(inner, str) and "${" in inner:
            problems: list[str] = []
            text = replaced(inner, environ, problems)
            for problem in problems:
                report.error(here, problem)
            if problems:
                report.muted.add(here)
            elif text != inner.replace("$${", "${"):
                found[here] = text
            value[step] = text


def replaced(text: str, environ: Mapping[str, str], problems: list[str]) -> str:
    """The text with the values of its variables; what is wrong with them is added to `problems`."""

    def one(match: re.Match[str]) -> str:
        literal, name, default, end = match.groups()
        if literal:
            return match.group()[1:]
        if not end:
            problems.append("not a variable: write ${NAME} or ${NAME:-default}, or $${ where ${ is meant")
        elif default is not None:
            return environ.get(name) or str(default[2:])
        elif name in environ:
            return environ[name]
        else:
            problems.append(f"the variable {name} is not set: set it, or write ${{{name}:-default}}")
        return STAND_IN

    return _USE.sub(one, text)
