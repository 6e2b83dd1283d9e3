"""Reads conditions such as `error_rate > 2% or p99 > 2x`, or says where the mistake is."""

from __future__ import annotations

import re
from typing import NoReturn

from toron.changing.condition import FIGURES, Comparison, Condition, Joined, Scope

LONGEST = 1000
"""Characters of a condition, at most."""

DEEPEST = 20
"""Brackets inside each other, at most."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:%|/s|ms|x|s)?(?![\w.%/]))"
    r"|(?P<compare><=|>=|<|>)|(?P<bracket>[()])"
    r"|(?P<quoted>\"[^\"]*\"|'[^']*')|(?P<word>[^\s()<>\"']+))"
)
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)(.*)")
_UNITS = {
    "error_rate": ("%", "x"),
    "rate": ("/s", "", "x"),
    "5xx": ("", "x"),
} | dict.fromkeys(("p50", "p90", "p95", "p99"), ("ms", "s", "x"))
_EXAMPLES = {"error_rate": "2% or 2x", "rate": "10/s or 0.5x", "5xx": "10 or 2x"}
_SCALE = {"%": 0.01, "ms": 0.001, "x": 1.0, "s": 1.0, "/s": 1.0, "": 1.0}


class BadCondition(ValueError):
    """The text is no condition; `column` (from 1) is where it stops being one."""

    def __init__(self, column: int, message: str) -> None:
        super().__init__(f"column {column}: {message}")
        self.column, self.message = column, message


def read_condition(text: str) -> Condition:
    """The condition that `text` says; raises BadCondition."""
    return _Reader(text).whole()


class _Reader:
    """Reads one condition from left to right."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise BadCondition(LONGEST + 1, f"longer than {LONGEST} characters: write a shorter condition")
        self._text = text
        self._tokens: list[tuple[str, str, int]] = []
        at, end = 0, len(text.rstrip())
        while at < end:
            found = _TOKEN.match(text, at)
            if found is None:
                raise BadCondition(at + 1, "a quote that is not closed: write another one behind the name")
            kind = found.lastgroup or ""
            self._tokens.append((kind, found[kind], found.start(kind) + 1))
            at = found.end()
        self._tokens.append(("", "", end + 1))
        self._at = 0
        self._depth = 0

    def whole(self) -> Condition:
        found = self._any()
        _, text, _ = self._next
        if text:
            self._wrong(f"{text!r} is one too many: join conditions with and, or")
        return found

    @property
    def _next(self) -> tuple[str, str, int]:
        return self._tokens[self._at]

    def _take(self) -> tuple[str, str, int]:
        taken = self._next
        self._at += 1
        return taken

    def _wrong(self, message: str) -> NoReturn:
        raise BadCondition(self._next[2], message)

    def _any(self) -> Condition:
        parts = [self._all()]
        while self._next[1] == "or":
            self._take()
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Joined("or", tuple(parts))

    def _all(self) -> Condition:
        parts = [self._one()]
        while self._next[1] == "and":
            self._take()
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Joined("and", tuple(parts))

    def _one(self) -> Condition:
        if self._next[1] not in ("not", "("):
            return self._comparison()
        self._depth += 1
        if self._depth > DEEPEST:
            self._wrong(f"more than {DEEPEST} brackets inside each other: write it flatter")
        _, opening, _ = self._take()
        found: Condition
        if opening == "not":
            found = Joined("not", (self._one(),))
        else:
            found = self._any()
            if self._next[1] != ")":
                self._wrong("a bracket is not closed: write )")
            self._take()
        self._depth -= 1
        return found

    def _comparison(self) -> Comparison:
        _, figure, _ = self._next
        if figure not in FIGURES:
            what = f"{figure!r} is not known" if figure else "a condition is missing"
            self._wrong(f"{what}: write one of {', '.join(FIGURES)}")
        self._take()
        scope = self._scope() if self._next[1] == "(" else Scope()
        kind, compare, _ = self._next
        if kind != "compare":
            self._wrong(f"a comparison is missing: write {figure} and one of > >= < <=")
        self._take()
        return self._value(figure, scope, compare)

    def _scope(self) -> Scope:
        self._take()
        _, word, _ = self._next
        if word not in ("route", "backend"):
            self._wrong("whose? write (route NAME) or (backend NAME)")
        self._take()
        kind, name, _ = self._next
        if kind not in ("word", "quoted", "number"):
            self._wrong(f"a name is missing: write ({word} NAME), in quotes where it has spaces or brackets")
        self._take()
        if self._next[1] != ")":
            self._wrong("a bracket is not closed: write )")
        self._take()
        return Scope("route" if word == "route" else "backend", name.strip("\"'"))

    def _value(self, figure: str, scope: Scope, compare: str) -> Comparison:
        _, written, _ = self._next
        example = _EXAMPLES.get(figure, "250ms, 1.5s or 2x")
        if not written:
            self._wrong(f"a value is missing: write one such as {example}")
        found = _NUMBER.fullmatch(written)
        if found is None or found[2] not in _UNITS[figure]:
            self._wrong(f"{written!r} is no value for {figure}: write one such as {example}")
        self._take()
        unit = found[2]
        return Comparison(figure, scope, compare, float(found[1]) * _SCALE[unit], unit == "x", written)
