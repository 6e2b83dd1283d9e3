"""Finds the rate at which the latency of all proxies is measured: half of what nginx does at most."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from bench import load
from bench.behind import Site
from bench.measure import cpu_seconds
from bench.peers import Nginx

SOURCE = Path(__file__).with_name("paced.c")
SHARE = 0.5
"""Of nginx's most requests per second, what is asked for."""

BUSY = 0.75
"""Of a core that the load and the server behind may take; above it their own queue would be measured."""

LESS = 0.8
"""How much less is tried when they take more, or cannot do the rate at all."""

TRIES = 8
RUNS = 3
"""Of nginx at its most; the best one counts, because what else the machine does can only take from it."""


def build(folder: Path) -> Path:
    """Compiles paced.c into the folder; LoadFailed with the compiler's words when it does not."""
    program = folder / "paced"
    try:
        load.run(os.environ.get("CC", "cc"), "-O2", "-o", str(program), str(SOURCE), timeout=60)
    except OSError as error:
        raise load.LoadFailed(f"paced.c needs a C compiler: {error}") from None
    return program


def most_of_nginx(site: Site, seconds: float) -> float:
    """The requests per second that nginx does at most, on the core where all are measured."""
    proxy = Nginx(site)
    try:
        proxy.start()
        url = f"http://127.0.0.1:{proxy.ports['HTTP']}/"
        load.requests(url, 1.0)
        whole = max(1, round(seconds))  # wrk knows no others
        return max(load.requests(url, whole) / whole for _ in range(RUNS))
    finally:
        with contextlib.suppress(AssertionError):  # had to be killed: no matter here
            proxy.close()


def spent(backend: int) -> float:
    """The CPU time so far of the programs of the load that ended, and of the server behind."""
    times = os.times()
    return times.children_user + times.children_system + cpu_seconds(backend)


def sustained(
    site: Site, backend: int, pace: load.Pace, seconds: float
) -> tuple[load.Pace, load.Replies, float]:
    """The pace, or the next below it that is kept with no proxy between and leaves some of the core.

    `backend` is the process of the server behind. With the replies comes the share of the core they took.
    """
    for _ in range(TRIES):
        before = spent(backend)
        with contextlib.suppress(load.TooSlow):
            replies = load.paced(site.backend, seconds, pace)
            busy = (spent(backend) - before) / replies.seconds
            if busy <= BUSY:
                return pace, replies, busy
        pace = load.Pace(pace.program, pace.rate * LESS)
    raise load.LoadFailed(f"the load cannot even do {pace.rate / LESS:.0f} requests a second")


def find(site: Site, backend: int, folder: Path, seconds: float) -> tuple[load.Pace, str]:
    """The pace for all proxies, and words for it. LoadFailed, PeerFailed or OSError where there is none."""
    program = build(folder)
    most = most_of_nginx(site, seconds)
    pace, alone, busy = sustained(site, backend, load.Pace(program, most * SHARE), seconds)
    words = (
        f"measured at {pace.rate:.0f} requests/s, {pace.rate / most:.2f} of nginx's maximum; "
        f"with no proxy between p99 is {alone.p99:.0f} µs, and {busy:.2f} of the load's core is taken"
    )
    return pace, words
