"""Turns the figures of all runs into a table, for a terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from statistics import median
from typing import Protocol

COLUMNS = ("nginx", "haproxy", "envoy", "caddy", "toron")
NOT_OFFERED = "-"
TOO_SLOW = "too slow"
"""The reason of a proxy that could not keep the rate: a result, not a failure of the measurement."""

TIMES = "\N{MULTIPLICATION SIGN}"


class Asked(Protocol):
    """What the table needs to know of a kind of work."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def must(self) -> float: ...
    @property
    def aim(self) -> float: ...
    @property
    def below(self) -> tuple[str, ...]: ...
    @property
    def within(self) -> tuple[tuple[str, float], ...]: ...
    @property
    def baseline(self) -> str | None: ...
    @property
    def subject(self) -> str: ...


@dataclass
class Results:
    """What was measured: costs by work and peer, round by round, and why others have none."""

    costs: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    reasons: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, work: str, peer: str, cost: float) -> None:
        """Keeps the cost of one round; it is infinite for a peer that could not keep the rate."""
        self.costs.setdefault((work, peer), []).append(cost)

    def median(self, work: str, peer: str) -> float | None:
        """Of all rounds; None when a round failed, or there was none, or the peer was mostly too slow."""
        costs = self.costs.get((work, peer))
        value = median(costs) if costs and (work, peer) not in self.reasons else None
        return None if value == inf else value

    def why(self, work: str, peer: str) -> str | None:
        """Why there is no median, where that is known."""
        too_slow = (work, peer) in self.costs and self.median(work, peer) is None
        return self.reasons.get((work, peer)) or (TOO_SLOW if too_slow else None)

    def spread(self, works: Collection[str]) -> float:
        """How far the rounds of a figure of these works lie apart at most: the largest by the smallest."""
        found = [
            costs
            for (work, _), costs in self.costs.items()
            if work in works and min(costs) > 0 and max(costs) < inf
        ]
        return max((max(costs) / min(costs) for costs in found), default=1.0)


def ratio(cost: float | None, base: float | None) -> float | None:
    """`cost` as a multiple of `base`; None where one of them is missing or `base` is nothing."""
    return None if cost is None or not base else cost / base


def number(value: float) -> str:
    """Three digits are what such a measurement is worth."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


@dataclass(frozen=True)
class Row:
    """A line of the table. `ratios` has the peers that can be set against the baseline.

    `cells` and `ratios` go by COLUMNS; the baseline is in none of them where it is not a column itself.
    """

    title: str
    unit: str
    baseline: str | None
    cells: tuple[str, ...]
    ratios: Mapping[str, float]
    must: str
    aim: str
    verdict: str

    @property
    def of_nginx(self) -> dict[str, float]:
        """How many times nginx each is; empty where nginx does not do this work."""
        one = self.ratios.get("nginx")
        return {peer: value / one for peer, value in self.ratios.items()} if one else {}


def verdict(work: Asked, results: Results) -> str:
    """`yes` or `no`: whether toron does what it must; `?` where a figure is missing."""
    cost = results.median(work.name, work.subject)
    value = cost if work.baseline is None else ratio(cost, results.median(work.name, work.baseline))
    others = [results.median(work.name, peer) for peer in work.below]
    bounds = [(results.median(work.name, peer), most) for peer, most in work.within]
    if value is None or cost is None:
        return "no" if results.why(work.name, work.subject) == TOO_SLOW else "?"
    if value > work.must or any(other is not None and cost >= other for other in others):
        return "no"
    if any(other is not None and cost > other * most for other, most in bounds):
        return "no"
    return "?" if None in others or any(other is None for other, _ in bounds) else "yes"


def row(work: Asked, results: Results) -> Row:
    """The line of one kind of work."""
    base = None if work.baseline is None else results.median(work.name, work.baseline)
    cells, ratios = [], {}
    for column in COLUMNS:
        peer = work.subject if column == "toron" else column
        cost = results.median(work.name, peer)
        times = ratio(cost, base)
        if times is not None:
            ratios[column] = times
        if cost is None:
            cells.append(results.why(work.name, peer) or NOT_OFFERED)
        else:
            cells.append(number(cost) + ("" if times is None else f" ({times:.2f}{TIMES})"))
    suffix = "" if work.baseline is None else f" {TIMES}"
    what = work.baseline or work.unit.split()[0]
    must = f"≤ {work.must:g}{suffix} {what}" + "".join(f", < {peer}" for peer in work.below)
    must += "".join(f", ≤ {most:g} {TIMES} {peer}" for peer, most in work.within)
    aim = f"{work.aim:g}{suffix} {what}"
    return Row(work.title, work.unit, work.baseline, tuple(cells), ratios, must, aim, verdict(work, results))


HEAD = ("work", "unit", *COLUMNS, "must", "aim", "met")


def lines(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """The cells of the table, its head first."""
    return [HEAD, *((r.title, r.unit, *r.cells, r.must, r.aim, r.verdict) for r in rows)]


def plain(rows: Sequence[Row]) -> str:
    """The table for a terminal."""
    table = lines(rows)
    widths = [max(len(line[i]) for line in table) for i in range(len(HEAD))]
    return "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in table
    )


def markdown(rows: Sequence[Row], machine: Mapping[str, str]) -> str:
    """RESULTS.md: the table, and what it was measured on."""
    head, *body = ["| " + " | ".join(line) + " |" for line in lines(rows)]
    rule = "|" + "---|" * len(HEAD)
    facts = [f"- {name}: {value}" for name, value in machine.items()]
    return "\n".join([
        "# Results", "",
        "Written by `make bench`; how it is measured is in [docs/benchmarking.md](../docs/benchmarking.md).",
        "CPU time of the proxy's whole process tree per unit of work, or what else the unit says: medians of",
        "all rounds, and in brackets how many times that of whom *must* names (with routes: of 10 of them;",
        "with two workers: of one). Less is better.", "",
        head, rule, *body, "",
        "![the same in multiples of nginx](results.svg)", "",
        "## Measured on", "", *facts, "",
    ])  # fmt: skip
