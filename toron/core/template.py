"""Fills what a regular expression captured into a path that was written beforehand."""

from __future__ import annotations

import re
from collections.abc import Callable

from toron.core.message import Captures
from toron.core.path import escaped

_BLANK = re.compile(r"\$(?:([0-9])|\{([0-9]{1,2})\}|(\$))?")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNSAFE_IN_QUERY = re.compile(rb"[^\-./0-9A-Z_a-z~]")
_UNSAFE_IN_TEXT = re.compile(rb"[^!$&'()*+,\-./0-9:;=?@A-Z_a-z~%]")

Part = bytes | int
"""Text, or the number of a capture."""


class Template:
    """A target such as `/new/$1?page=$2`: `$0` to `$9`, `${10}`; `$$` is a dollar sign.

    Captures are of a canonical path (`route_path`), and are escaped as the place they go to asks;
    one that took no part in the match is empty.
    """

    __slots__ = ("_path", "_query", "groups", "keeps_query")

    def __init__(self, text: str) -> None:
        """Raises ValueError, saying what to write, for a text that is no target."""
        if not text.startswith("/"):
            raise ValueError(f"{text!r} is not a path: it must start with /")
        if "#" in text:
            raise ValueError(f"{text!r} must not have a fragment: leave out what starts at #")
        if _BROKEN_ESCAPE.search(text):
            raise ValueError(f"a % that escapes nothing in {text!r}: write %25 for the sign")
        path, mark, query = text.partition("?")
        self._path = _parts(path, text)
        self._query = _parts(query, text) if query else None
        self.keeps_query = not mark or bool(query)
        """False where the text ends with a lone `?`: the request's own query is dropped."""
        asked = [part for part in self._path + (self._query or []) if isinstance(part, int)]
        self.groups = max(asked, default=0)
        """The highest capture that is asked for."""

    def fill(self, captures: Captures) -> bytes:
        """The path, percent-encoded, with exactly one slash in front."""
        path = _join(self._path, captures, escaped)
        return b"/" + path.lstrip(b"/") if path.startswith(b"//") else path

    def query(self, captures: Captures, asked: bytes | None) -> bytes | None:
        """The query: the template's own, then what the request `asked`."""
        if not self.keeps_query:
            return None
        if self._query is None:
            return asked
        own = _join(self._query, captures, _query_value)
        return own + b"&" + asked if asked else own


def _parts(text: str, whole: str) -> list[Part]:
    parts: list[Part] = []
    end = 0
    literal = ""
    for blank in _BLANK.finditer(text):
        literal += text[end : blank.start()]
        end = blank.end()
        number = blank[1] or blank[2]
        if number is not None:
            parts += [_literal(literal), int(number)]
            literal = ""
        elif blank[3]:
            literal += "$"
        else:
            raise ValueError(f"a $ without a number in {whole!r}: write $1 for a capture, or $$ for the sign")
    parts.append(_literal(literal + text[end:]))
    return [part for part in parts if part != b""]


def _literal(text: str) -> bytes:
    return _UNSAFE_IN_TEXT.sub(lambda byte: b"%%%02X" % byte[0][0], text.encode())


def _join(parts: list[Part], captures: Captures, escape: Callable[[bytes], bytes]) -> bytes:
    return b"".join([part if isinstance(part, bytes) else escape(_group(captures, part)) for part in parts])


def _group(captures: Captures, number: int) -> bytes:
    if captures is None:
        return b""
    try:
        return captures[number] or b""
    except IndexError:
        return b""


def _query_value(capture: bytes) -> bytes:
    # A canonical path keeps %2F and %25 escaped: those two are escapes already.
    kept = re.split(rb"(%2F|%25)", capture)
    return b"".join(
        [
            part if index % 2 else _UNSAFE_IN_QUERY.sub(lambda byte: b"%%%02X" % byte[0][0], part)
            for index, part in enumerate(kept)
        ]
    )
