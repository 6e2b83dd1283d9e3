"""Reads from /proc what processes have cost.

CPU time is what a kind of work costs whatever else the machine does; elapsed time is not.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")


class Stat(NamedTuple):
    """What /proc/PID/stat says; `ticks` is user and system time, ended children's too."""

    pid: int
    parent: int
    ticks: int


def parse_stat(text: str) -> Stat:
    """One line of /proc/PID/stat (proc(5)); ValueError when it is none."""
    start, end = text.index("("), text.rindex(")")  # the name between may hold anything
    fields = text[end + 2 :].split()
    if len(fields) < 15:
        raise ValueError(f"too short for a stat line: {text!r}")
    return Stat(int(text[:start]), int(fields[1]), sum(map(int, fields[11:15])))


def tree(pid: int, stats: list[Stat]) -> list[Stat]:
    """Of `stats`, the process `pid` and everything below it."""
    found = [stat for stat in stats if stat.pid == pid]
    for stat in found:  # grows while it is walked
        found += [child for child in stats if child.parent == stat.pid]
    return found


def read_tree(pid: int) -> list[Stat]:
    """The processes of the tree as they are now; empty when `pid` is gone."""
    stats = []
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text(errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue  # ended meanwhile
            stats.append(parse_stat(text))
    return tree(pid, stats)


def cpu_seconds(pid: int) -> float:
    """User and system time of the whole process tree so far, in seconds."""
    return sum(stat.ticks for stat in read_tree(pid)) / os.sysconf("SC_CLK_TCK")


def parse_resident(text: str) -> int:
    """VmRSS of a /proc/PID/status, in bytes; 0 when it has none."""
    for line in text.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def resident(pid: int) -> int:
    """Resident size of the whole process tree, in bytes."""
    return sum(parse_resident((PROC / str(stat.pid) / "status").read_text()) for stat in read_tree(pid))
