"""Reads what /proc knows of processes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")


class Process(NamedTuple):
    """One process: with its start time (clock ticks since boot) its number cannot be mistaken."""

    pid: int
    started: int


class _Stat(NamedTuple):
    pid: int
    parent: int
    started: int
    state: str


def _stat(pid: int) -> _Stat | None:
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()  # the name before it may hold anything
    return _Stat(pid, int(fields[1]), int(fields[19]), fields[0])


def is_alive(process: Process) -> bool:
    """Whether that very process still runs; one that waits to be reaped does not."""
    stat = _stat(process.pid)
    return stat is not None and stat.started == process.started and stat.state not in "ZX"


def children(pid: int) -> list[Process]:
    """The processes that `pid` started and that still run."""
    stats = [_stat(int(entry.name)) for entry in PROC.iterdir() if entry.name.isdigit()]
    alive = [stat for stat in stats if stat is not None and stat.state not in "ZX"]
    return [Process(stat.pid, stat.started) for stat in alive if stat.parent == pid]


def descendants(pid: int) -> list[Process]:
    """The children of `pid`, and theirs."""
    found: list[Process] = []
    for child in children(pid):
        found += [child, *descendants(child.pid)]
    return found


def resident(pid: int) -> int:
    """The resident size of one process in bytes; 0 when it is gone."""
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))
