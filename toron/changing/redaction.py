"""Shows the text of a configuration without its secrets, and how it differs from another."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from toron import plugin
from toron.config.model import Config
from toron.config.place import HIDDEN, Document, Invalid, Path
from toron.config.secret import slots
from toron.config.source import decode, read_document

LINES = 20_000
"""Lines of a text that are compared, at most: finding what is the same takes long where nothing is."""

_SHORT = 4
"""Characters of a secret from which on it is hidden wherever it stands."""


def redacted(name: str, text: bytes) -> str:
    """The text of the configuration `name`, with `<secret>` for each secret that is written in it.

    What only refers to one, such as `${TOKEN}` and `{file: key}`, is shown as it is written.
    """
    shown = decode(text)
    try:
        document = read_document(name, text, may_be_empty=True)
    except Invalid:
        return HIDDEN + "\n"
    lines = shown.split("\n")
    places = sorted({*document.keys.values(), *document.values.values()})
    found = dict(_secrets(document))
    for path in sorted(found, key=document.value_place, reverse=True):
        start = document.value_place(path)
        end = next((place for place in places if place > start), (len(lines) + bool(lines[-1]), 1))
        _hide(lines, start, end, found[path])
    shown = "\n".join(lines)
    for secret in sorted({each for each in found.values() if len(each) >= _SHORT}, key=len, reverse=True):
        shown = shown.replace(secret, HIDDEN)
    return shown


def unified(before: str, after: str, names: tuple[str, str]) -> list[str]:
    """The lines of a unified diff of two texts."""
    old, new = before.splitlines(), after.splitlines()
    if max(len(old), len(new)) > LINES:
        return [f"(more than {LINES} lines: not compared)"]
    return list(difflib.unified_diff(old, new, names[0], names[1], lineterm=""))


def _secrets(document: Document) -> Iterator[tuple[Path, str]]:
    """Where a secret is written in full, with its text."""
    for model, holder, step, path in [(Config, {"": document.data}, "", ()), *_plugins(document)]:
        for container, key, where in slots(model, holder, step, path):
            value = container[key]
            if isinstance(value, str) and not value.startswith("${"):
                yield where, value


def _plugins(document: Document) -> Iterator[tuple[type[BaseModel], Any, str | int, Path]]:
    """The models of the options of plug-ins, wherever some are written."""
    words = {(drawer, word) for drawer in ("middleware", "guards", "balancers", "discovery")
             for word in plugin.words(drawer)}  # fmt: skip
    named = document.data.get("middlewares")
    for name, options in named.items() if isinstance(named, dict) else ():
        word = options.get("type", name) if isinstance(options, dict) else name
        if ("middleware", word) in words:
            yield plugin.options("middleware", str(word)), named, name, ("middlewares", name)
    yield from _used(document.data, (), {word: drawer for drawer, word in words})


def _used(
    value: Any, path: Path, drawers: dict[str, str]
) -> Iterator[tuple[type[BaseModel], Any, str, Path]]:
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _used(inner, (*path, index), drawers)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if len(value) == 1 and key in drawers and isinstance(inner, dict):
                yield plugin.options(drawers[key], key), value, key, (*path, key)
            yield from _used(inner, (*path, key), drawers)


def _hide(lines: list[str], start: tuple[int, int], end: tuple[int, int], secret: str) -> None:
    """Hide what is written between two places: the secret, or all of it where it is not written as it is."""
    line, column = start[0] - 1, start[1] - 1
    written = lines[line]
    stop = end[1] - 1 if end[0] == start[0] else len(written)
    if secret and secret in written[column:stop]:
        shown = written[column:stop].replace(secret, HIDDEN, 1)
        lines[line] = written[:column] + shown + written[stop:]
        return
    # Over several lines, or with characters that are written in another way.
    lines[line] = f"{written[:column]}{HIDDEN}{written[stop:]}"
    if end[0] > start[0] + 1:
        del lines[line + 1 : end[0] - 1]
