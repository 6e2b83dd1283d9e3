"""Reads JSON from its tokens: plain data, with the place of every key and value (RFC 8259)."""

from __future__ import annotations

import json
import re
from typing import Any

from toron.config.place import MAX_DEPTH, Document, Path, Place, Unreadable

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def read_json(text: str, document: Document) -> None:
    """Fill `document` from JSON; raises Unreadable."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise _unreadable(error) from None
    except RecursionError:
        raise Unreadable((1, 1), f"nested more than {MAX_DEPTH} deep: a configuration is flatter") from None
    except ValueError:  # the limit on the digits of a number
        raise Unreadable((1, 1), "a number has too many digits: write a shorter one") from None
    document.data = _Walk(text, document).value((), 0)


def _unreadable(error: json.JSONDecodeError) -> Unreadable:
    text = error.doc[: error.pos + 1].rstrip("}] \t\r\n")
    if text.endswith(",") and re.match(r"\s*[}\]]", error.doc[len(text) :]):
        place = (text.count("\n") + 1, len(text) - text.rfind("\n") - 1)
        return Unreadable(place, "not JSON: a comma before a closing bracket: take the comma out")
    if error.doc.startswith(("//", "/*", "#"), error.pos):
        return Unreadable(
            (error.lineno, error.colno),
            "JSON has no comments: take it out, or write the file in YAML or TOML",
        )
    what = error.msg[0].lower() + error.msg[1:]
    message = f"not JSON: {what}: check the quotes, commas and brackets before this place"
    return Unreadable((error.lineno, error.colno), message)


class _Walk:
    """Goes through the tokens of a text that is known to be JSON."""

    def __init__(self, text: str, document: Document) -> None:
        self.document = document
        self.tokens = _TOKEN.finditer(text)
        self.line, self.line_start, self.seen, self.text = 1, 0, 0, text
        self.place: Place = (1, 1)
        self.token = ""
        self.next()

    def next(self) -> str:
        """Move on to the next token; returns the one that was current."""
        left = self.token
        found = next(self.tokens, None)
        if found is None:
            self.token = ""
            return left
        newlines = self.text.count("\n", self.seen, found.start())
        if newlines:
            self.line += newlines
            self.line_start = self.text.rfind("\n", 0, found.start()) + 1
        self.seen = found.start()
        self.place = (self.line, found.start() - self.line_start + 1)
        self.token = found.group()
        return left

    def value(self, path: Path, depth: int) -> Any:
        """The value that begins at the current token."""
        self.document.values[path] = self.place
        if depth > MAX_DEPTH:
            raise Unreadable(self.place, f"nested more than {MAX_DEPTH} deep: a configuration is flatter")
        if self.token == "{":
            return self._mapping(path, depth)
        if self.token == "[":
            return self._list(path, depth)
        if self.token in ("NaN", "Infinity", "-Infinity"):
            raise Unreadable(self.place, f"not JSON: {self.token} is not a number: write a number")
        return self._scalar()

    def _scalar(self) -> Any:
        place, token = self.place, self.next()
        value = json.loads(token)
        if isinstance(value, str) and _SURROGATE.search(value):
            raise Unreadable(
                place, "half a character: write the other \\u escape of the pair, or the character"
            )
        return value

    def _list(self, path: Path, depth: int) -> list[Any]:
        self.next()
        found: list[Any] = []
        while self.token != "]":
            found.append(self.value((*path, len(found)), depth + 1))
            if self.token == ",":
                self.next()
        self.next()
        return found

    def _mapping(self, path: Path, depth: int) -> dict[str, Any]:
        self.next()
        found: dict[str, Any] = {}
        while self.token != "}":
            place, key = self.place, str(self._scalar())
            self.next()
            inner = (*path, key)
            if key in found:
                self.document.repeat(key, self.document.keys[inner], place)
            self.document.keys[inner] = place
            found[key] = self.value(inner, depth + 1)
            if self.token == ",":
                self.next()
        self.next()
        return found
