"""Runs the comparison, says what it is doing, and writes what came out."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import math
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bench import behind, chart, load, machine, pace, peers, readme, report
from bench.work import WORK, Work
from tests.loopback.process import PLACES, PeerFailed

HERE = Path(__file__).parent
NEEDED = ("nginx", "wrk", "curl", "openssl", "taskset", "h2load", "nghttpd")
"""Programs of the load and of what serves behind the proxies."""


def say(text: str) -> None:
    """One line of progress."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """What the command line asks for; an unknown name ends the program."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Compares proxies by CPU time.")
    known = ([work.name for work in WORK], [peer.label for peer in peers.PEERS])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each run, after warming up")
    parser.add_argument("--only", default="", help=f"kinds of work, by comma: {', '.join(known[0])}")
    parser.add_argument("--peers", default="", help=f"by comma: {', '.join(known[1])}")
    parser.add_argument("--out", type=Path, help="folder for RESULTS.md and results.svg")
    asked = parser.parse_args(words)
    for name, names in (("only", known[0]), ("peers", known[1])):
        chosen = [word for word in getattr(asked, name).split(",") if word] or names
        if unknown := set(chosen) - set(names):
            parser.error(f"--{name}: {', '.join(sorted(unknown))}: choose from {', '.join(names)}")
        setattr(asked, name, chosen)
    if asked.rounds < 1 or asked.seconds <= 0:
        parser.error("--rounds and --seconds must be more than 0")
    asked.whole = (asked.only, asked.peers) == known
    return asked


def chosen_cores(known: Iterable[int]) -> tuple[int, int, int]:
    """The core of the proxy, the one of everything else, and the one of a second worker.

    The same number stands for several where there are fewer than three cores.
    """
    cores = sorted(known)
    load = cores[min(1, len(cores) - 1)]
    return cores[0], load, cores[2] if len(cores) > 2 else load


def one_run(work: Work, kind: type[peers.Proxy], site: behind.Site, seconds: float) -> tuple[float, str]:
    """The cost of a unit, and the words for it. PeerFailed, LoadFailed or OSError where there is none."""
    proxy = kind(site)
    try:
        proxy.start()
        figure = work.run(proxy, seconds)
    finally:
        with contextlib.suppress(AssertionError):  # had to be killed: no matter here
            proxy.close()
    words = f"{report.number(figure.cost)} {work.unit} ({figure.units:.0f} in {figure.seconds:.1f} s)"
    return figure.cost, words


def chosen_peers(work: Work, asked: Sequence[str], results: report.Results) -> list[type[peers.Proxy]]:
    """Who does this work; why others do not is noted in the results."""
    found = []
    for kind in work.peers:
        own = "toron" if issubclass(kind, peers.Toron) else kind.label
        if own not in asked:
            results.reasons[work.name, kind.label] = "not run"
        elif work.port not in kind.offers:
            continue
        elif kind.path() is None:
            results.reasons[work.name, kind.label] = "missing"
        else:
            found.append(kind)
    return found


def measure(asked: argparse.Namespace, site: behind.Site, results: report.Results) -> None:
    """All rounds; the peers take turns within each, so that what else happens meets all of them."""
    for number in range(1, asked.rounds + 1):
        turns = [work for work in WORK if work.name in asked.only for _ in range(work.often)]
        for work in turns:
            for kind in chosen_peers(work, asked.peers, results):
                if (work.name, kind.label) in results.reasons:
                    continue  # failed in an earlier round
                try:
                    cost, words = one_run(work, kind, site, asked.seconds)
                except load.TooSlow as error:
                    results.add(work.name, kind.label, math.inf)
                    words = f"{report.TOO_SLOW}: {error}"
                except (PeerFailed, load.LoadFailed, OSError) as error:
                    results.reasons[work.name, kind.label] = "failed"
                    words = f"failed: {error}"
                else:
                    results.add(work.name, kind.label, cost)
                say(f"round {number}/{asked.rounds}  {work.name:<16}{kind.label:<21}{words}")


def with_pace(site: behind.Site, backend: int, folder: Path, seconds: float) -> tuple[behind.Site, str]:
    """The site with the rate to measure latency at, and words for it; without where it cannot be found."""
    try:
        found, words = pace.find(site, backend, folder, seconds)
    except (PeerFailed, load.LoadFailed, OSError) as error:
        return site, f"not measured: {error}"
    return dataclasses.replace(site, pace=found), words


def write(rows: Sequence[report.Row], facts: Mapping[str, str], asked: argparse.Namespace) -> None:
    """Writes the results where they belong: a part of them nowhere, unless a folder was given."""
    if not (asked.whole or asked.out):
        say("\nA part only: nothing was written. --out FOLDER (make bench OUT=FOLDER) writes it there.")
        return
    out = asked.out or HERE
    out.mkdir(parents=True, exist_ok=True)
    (out / "RESULTS.md").write_text(report.markdown(rows, facts))
    (out / "results.svg").write_text(chart.draw(rows))
    say(f"\nWritten to {out / 'RESULTS.md'} and {out / 'results.svg'}")
    if not asked.out:
        say(readme.update(readme.README, rows, facts))


def main() -> int:
    """0 when every figure asked for was measured, 1 when some failed, 2 when nothing can be measured."""
    asked = arguments(sys.argv[1:])
    if missing := [name for name in NEEDED if shutil.which(name, path=PLACES) is None]:
        say(f"Without {', '.join(missing)} nothing can be measured; bench/programs.txt has the packages.")
        return 2
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that all is stopped
    cores = chosen_cores(os.sched_getaffinity(0))
    facts = machine.describe(cores)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.sched_setaffinity(0, {cores[1]})  # inherited by the load and the servers; proxies are moved
    results = report.Results()
    began = time.monotonic()
    for kind in (kind for kind in peers.PEERS if kind.label in asked.peers):
        facts[kind.label] = "missing" if kind.path() is None else kind.version()
        say(f"{kind.label}: {facts[kind.label]}")
    with tempfile.TemporaryDirectory(prefix="toron-bench-") as folder, contextlib.ExitStack() as stack:
        backend, calls, echo = behind.Backend(), behind.Calls(), behind.Echo()
        for server in (backend, calls, echo):
            stack.callback(server.close)
            server.start()
        certificate = behind.certificate(Path(folder))
        ports = (backend.ports["BACKEND"], echo.ports["ECHO"], calls.port)
        site = behind.Site(*ports, certificate, cores[0], cores[2])
        if "latency" in asked.only:
            site, facts["latency"] = with_pace(site, backend.pid, Path(folder), asked.seconds)
            say(f"latency: {facts['latency']}")
        measure(asked, site, results)
    rows = [report.row(work, results) for work in WORK if work.name in asked.only]
    facts["rounds"] = f"{asked.rounds} of {asked.seconds:g} s each, {time.monotonic() - began:.0f} s in all"
    elapsed, spent = {"latency"}, {work.name for work in WORK} - {"latency"}
    facts["rounds lie apart by at most"] = (
        f"{results.spread(spent):.2f} times, those of latency by {results.spread(elapsed):.2f} times"
    )
    say("\n" + report.plain(rows))
    write(rows, facts, asked)
    return 1 if "failed" in results.reasons.values() else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("stopped")
        sys.exit(130)
