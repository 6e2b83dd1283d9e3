"""Joins what one file says to what others say, and keeps in mind where each part was written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_origin

from toron.config.model import Config
from toron.config.place import Document, Path, Report, Writing

KEY = "include"
"""The key under which files are named; once they are in, nobody sees it."""

_LISTS = frozenset(name for name, field in Config.model_fields.items()
                   if get_origin(field.annotation) is tuple and name != KEY)  # fmt: skip
"""Keys whose items are put behind each other."""

_MAPS = frozenset(name for name, field in Config.model_fields.items() if get_origin(field.annotation) is dict)
"""Keys whose entries may be spread over files."""


def join(report: Report, part: Document) -> None:
    """Add what another file says to the report's document; what both say is an error with both places."""
    whole, name = report.document, part.file
    behind: dict[str, int] = {}
    left: set[Path] = set()
    """What is not taken over, or is there already."""
    for key, value in part.data.items():
        if key == KEY:
            left.add((key,))
        elif key not in whole.data:
            whole.data[key] = value
            whole.written_in[key,] = name
        elif key in _LISTS and isinstance(value, list) and isinstance(whole.data[key], list):
            behind[key] = len(whole.data[key])
            for index in range(behind[key], behind[key] + len(value)):
                whole.written_in[key, index] = name
            whole.data[key].extend(value)
        elif key in _MAPS and isinstance(value, dict) and isinstance(whole.data[key], dict):
            for step, inner in value.items():
                if step in whole.data[key]:
                    left.add((key, step))
                    _twice(report, part, (key, step), "give one of the two another name")
                else:
                    whole.data[key][step] = inner
                    whole.written_in[key, step] = name
        elif key not in _LISTS | _MAPS:
            left.add((key,))
            _twice(report, part, (key,), "take one of the two out, it is for one file")
        else:
            left.add((key,))
            wrong = whole.data[key] if isinstance(value, list if key in _LISTS else dict) else value
            if wrong is value:
                what = "a list such as [a, b]" if key in _LISTS else "keys with values, such as {key: value}"
                report.at(part.value_place((key,)), f"{key} is something else here: write {what}", name)
    _take_over(part.keys, whole.keys, behind, left)
    _take_over(part.values, whole.values, behind, left)


def _twice(report: Report, part: Document, path: Path, advice: str) -> None:
    line, column = report.document.key_place(path)
    first = f"{report.document.file_of(path)}:{line}:{column}"
    report.at(part.key_place(path), f"{path[-1]!r} is already written at {first}: {advice}", part.file)


def _take_over(places: Writing, into: Writing, behind: Mapping[str, int], left: set[Path]) -> None:
    """Note the places of one file as those of the whole; what was there first stays."""
    for path, place in places.items():
        if not path or path[:1] in left or path[:2] in left:
            continue
        key, *rest = path
        if key in behind and rest:
            path = (key, int(rest[0]) + behind[str(key)], *rest[1:])
        into.setdefault(path, place)
