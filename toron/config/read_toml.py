"""Reads TOML: plain data, with the place of every key and value."""

from __future__ import annotations

import datetime
import re
import tomllib
from bisect import bisect_right
from typing import Any

from toron.config.place import MAX_DEPTH, Document, Path, Place, Unreadable

_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*'",
    re.DOTALL,
)
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|'[^']*'""")
_BARE = re.compile(r"[^,\]}#\n]*")
_TWICE = re.compile(r"cannot declare \('(.*?)',?\) twice")
_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def read_toml(text: str, document: Document) -> None:
    """Fill `document` from TOML; raises Unreadable."""
    text = text.replace("\r\n", "\n")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _unreadable(text, str(error)) from None
    except RecursionError:
        raise Unreadable((1, 1), f"nested more than {MAX_DEPTH} deep: a configuration is flatter") from None
    except ValueError:  # the limit on the digits of a number
        raise Unreadable((1, 1), "a number has too many digits: write a shorter one") from None
    _Walk(text, document).statements()
    document.data = _plain(data)


def _unreadable(text: str, message: str) -> Unreadable:
    found = _AT.search(message)
    what = message[: found.start()] if found else message
    what = what[0].lower() + what[1:]
    lines = text.split("\n")
    place = (int(found[1]), int(found[2])) if found and found[1] else (len(lines), len(lines[-1]) + 1)
    twice = _TWICE.fullmatch(what)
    if twice:
        header = lines[place[0] - 1]
        place = (place[0], len(header) - len(header.lstrip()) + 1)
        name = twice[1].replace("', '", ".")
        return Unreadable(place, f"the table {name} is already written above: put both together")
    return Unreadable(place, f"not TOML: {what}: check the quotes, the brackets and the = before this place")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return value


class _Walk:
    """Goes through a text that is known to be TOML."""

    def __init__(self, text: str, document: Document) -> None:
        self.text, self.document, self.at = text, document, 0
        self.starts = [0, *(found.end() for found in re.finditer("\n", text))]
        self.arrays: dict[Path, int] = {}
        """How many tables each array of tables has so far."""
        document.values[()] = (1, 1)

    def statements(self) -> None:
        """Note the places of a whole document."""
        base: Path = ()
        self._blank()
        while self.at < len(self.text):
            if self.text.startswith("[[", self.at):
                base = self._header(2)
            elif self.text[self.at] == "[":
                base = self._header(1)
            else:
                self._pair(base, 0)
            self._blank()

    def _place(self) -> Place:
        line = bisect_right(self.starts, self.at)
        return (line, self.at - self.starts[line - 1] + 1)

    def _blank(self) -> None:
        found = _BLANK.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise Unreadable(self._place(), "not TOML that is understood here: write it in a simpler way")
        self.at = found.end()
        return found.group()

    def _key(self) -> list[tuple[str, Place]]:
        parts = []
        while True:
            place, written = self._place(), self._skip(_KEY)
            name = str(tomllib.loads(f"k={written}")["k"]) if written[0] in "\"'" else written
            parts.append((name, place))
            self._blank()
            if not self.text.startswith(".", self.at):
                return parts
            self.at += 1
            self._blank()

    def _enter(self, path: Path, parts: list[tuple[str, Place]]) -> Path:
        for name, place in parts:
            path = (*path, name)
            self.document.keys.setdefault(path, place)
            self.document.values.setdefault(path, place)
            if path in self.arrays:
                path = (*path, self.arrays[path] - 1)
        if len(path) > MAX_DEPTH:
            raise Unreadable(self._place(), f"nested more than {MAX_DEPTH} deep: a configuration is flatter")
        return path

    def _header(self, brackets: int) -> Path:
        start = self._place()
        self.at += brackets
        self._blank()
        *outer, (name, place) = self._key()
        self.at += brackets
        if brackets == 1:
            return self._enter((), [*outer, (name, place)])
        array = (*self._enter((), outer), name)
        self.document.keys.setdefault(array, place)
        self.document.values.setdefault(array, start)
        index = self.arrays.get(array, 0)
        self.arrays[array] = index + 1
        self.document.values[(*array, index)] = start
        return (*array, index)

    def _pair(self, base: Path, depth: int) -> None:
        *outer, (name, place) = self._key()
        path = (*self._enter(base, outer), name)
        self.document.keys[path] = place
        self.at += 1  # the =
        self._blank()
        self._value(path, depth)

    def _value(self, path: Path, depth: int) -> None:
        self.document.values[path] = self._place()
        if depth > MAX_DEPTH:
            raise Unreadable(self._place(), f"nested more than {MAX_DEPTH} deep: a configuration is flatter")
        first = self.text[self.at]
        if first in "\"'":
            self._skip(_STRING)
        elif first in "[{":
            self._collection(path, "]" if first == "[" else "}", depth)
        else:
            self._skip(_BARE)

    def _collection(self, path: Path, end: str, depth: int) -> None:
        self.at += 1
        self._blank()
        index = 0
        while self.text[self.at] != end:
            if end == "]":
                self._value((*path, index), depth + 1)
            else:
                self._pair(path, depth + 1)
            index += 1
            self._blank()
            if self.text[self.at] == ",":
                self.at += 1
                self._blank()
        self.at += 1
