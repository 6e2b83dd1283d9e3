"""Tables and numbers, as people read them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from toron.config.place import printable

WIDE = 400
"""Columns of what is not a terminal: nothing is cut there."""


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """A table without lines; a head that ends with `>` is of a column of numbers."""
    made = Table(box=None, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for head in heads:
        numbers = head.endswith(">")
        made.add_column(head.rstrip(">"), justify="right" if numbers else "left", no_wrap=True)
    for row in rows:
        made.add_row(*("" if cell is None else printable(str(cell)) for cell in row))
    return made


def console() -> Console:
    """Where commands print."""
    terminal = sys.stdout.isatty()
    return Console(
        file=sys.stdout, width=None if terminal else WIDE, highlight=False, markup=False, emoji=False,
        force_terminal=terminal,
    )  # fmt: skip


def show(what: Any) -> None:
    """Print a table, without spaces at the ends of its lines."""
    to = console()
    with to.capture() as captured:
        to.print(what)
    click.echo("\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n")))


def size(number: float | None) -> str:
    """Bytes: `1.5M`."""
    if number is None:
        return ""
    for unit in ("", "K", "M", "G"):
        if number < 1024:
            return f"{number:.0f}{unit}" if unit == "" or number >= 100 else f"{number:.1f}{unit}"
        number /= 1024
    return f"{number:.1f}T"


def seconds(number: float) -> str:
    """A time: `12s`, `3m 5s`, `2h 10m`, `4d 3h`."""
    whole = int(number)
    for length, unit, part, smaller in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= length:
            return f"{whole // length}{unit} {whole % length // part}{smaller}"
    return f"{whole}s"


def milliseconds(number: float | None) -> str:
    """A duration of a request, given in seconds: `12ms`, `1.50s`."""
    if number is None:
        return ""
    return f"{number:.2f}s" if number >= 1 else f"{number * 1000:.3g}ms"


def moment(unix: float) -> str:
    """A time of day, in the zone of whoever asks."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(unix))
