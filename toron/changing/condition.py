"""Judges conditions such as `error_rate > 2% or p99 > 2x`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from toron.changing.counted import Counted

FIGURES = ("error_rate", "p50", "p90", "p95", "p99", "rate", "5xx")
"""What can be asked for."""

RATE_SECONDS = 5.0
"""How long requests are counted before their rate says anything."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose requests: those of all routes, of one route, or those to one backend."""

    kind: Literal["", "route", "backend"] = ""
    name: str = ""

    def __str__(self) -> str:
        return f"({self.kind} {self.name})" if self.kind else ""


@dataclass(frozen=True, slots=True)
class Span:
    """What was counted during a time, which is given in seconds."""

    counted: Counted
    seconds: float


Read = Callable[[Scope, int], tuple[Span, Span]]
"""Gives what is counted now, and what was before, for so many requests at least where there are as many."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a condition holds; None where too little is known. `why` tells the figures that say so."""

    holds: bool | None
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """A figure and what it is compared with."""

    figure: str
    scope: Scope
    compare: str
    value: float
    relative: bool
    """Whether the value says how many times the figure of before."""
    written: str
    """The value as it was written."""

    def judge(self, read: Read, least: int) -> Verdict:
        """Compare, with at least so many requests; a high quantile needs more of them."""
        needed = self._needed(least)
        now, before = read(self.scope, needed)
        figure = self._figure(now, needed)
        limit = self.value
        if self.relative:
            base = self._figure(before, needed)
            if base is None or figure is None:
                return Verdict(None)
            if self.figure == "5xx":
                base *= now.seconds / before.seconds
            limit = base * self.value
        if figure is None:
            return Verdict(None)
        holds = {
            ">": figure > limit, ">=": figure >= limit, "<": figure < limit, "<=": figure <= limit,
        }[self.compare]  # fmt: skip
        was = f" = {self._shown(limit)}" if self.relative else ""
        said = f"{self.figure}{self.scope} is {self._shown(figure)} {self.compare} {self.written}{was}"
        return Verdict(holds, (f"{said} ({_of(now)})",) if holds else ())

    def figures(self, read: Read, least: int) -> tuple[str, ...]:
        """The figure, for whoever watches."""
        needed = self._needed(least)
        now, before = read(self.scope, needed)
        figure, base = self._figure(now, needed), self._figure(before, needed)
        shown = "not known yet" if figure is None else self._shown(figure)
        was = f", before {'not known' if base is None else self._shown(base)}" if self.relative else ""
        return (f"{self.figure}{self.scope} is {shown}{was} ({_of(now)})",)

    def scopes(self) -> frozenset[Scope]:
        """Whose requests it is about."""
        return frozenset({self.scope})

    def _needed(self, least: int) -> int:
        return least * 5 if self.figure in ("p95", "p99") else least

    def _figure(self, span: Span, needed: int) -> float | None:
        counted = span.counted
        if self.figure == "rate":
            return counted.requests / span.seconds if span.seconds >= RATE_SECONDS else None
        if self.figure == "5xx":
            # Few are enough where so many are too many.
            return float(counted.errors) if span.seconds else None
        if self.figure == "error_rate":
            return counted.errors / counted.requests if counted.requests >= needed else None
        return counted.quantile(int(self.figure[1:]) / 100) if counted.timed >= needed else None

    def _shown(self, value: float) -> str:
        if self.figure == "error_rate":
            return f"{value * 100:.3g}%"
        if self.figure == "rate":
            return f"{value:.3g}/s"
        if self.figure == "5xx":
            return f"{value:g}"
        return f"{value * 1000:.3g}ms" if value < 1 else f"{value:.3g}s"


def _of(span: Span) -> str:
    number = span.counted.requests
    return f"{number} request{'s' * (number != 1)} in {span.seconds:.3g}s"


@dataclass(frozen=True, slots=True)
class Joined:
    """Conditions of which all (`and`) or any (`or`) must hold, or one that must not (`not`)."""

    word: Literal["and", "or", "not"]
    parts: tuple[Condition, ...]

    def judge(self, read: Read, least: int) -> Verdict:
        """What is not known decides nothing that the others do not decide without it."""
        found = [part.judge(read, least) for part in self.parts]
        holds = [verdict.holds for verdict in found]
        why = tuple(reason for verdict in found if verdict.holds for reason in verdict.why)
        if self.word == "not":
            return Verdict(None if holds[0] is None else not holds[0], (f"not {self.parts[0]}",))
        decided = self.word == "or"
        if decided in holds:
            return Verdict(decided, why)
        return Verdict(None if None in holds else not decided, why)

    def figures(self, read: Read, least: int) -> tuple[str, ...]:
        """The figures of all parts."""
        return tuple(dict.fromkeys(each for part in self.parts for each in part.figures(read, least)))

    def scopes(self) -> frozenset[Scope]:
        """Whose requests the parts are about."""
        return frozenset().union(*(part.scopes() for part in self.parts))


Condition = Comparison | Joined
