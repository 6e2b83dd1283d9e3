"""`toron upgrade`: has a new process take over from the one that serves."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Any

import click

from toron.cli._gateway import Gateway, asks_gateway
from toron.cli._words import REFUSED, UNREACHABLE, examples, json_option, print_json

STEP = 0.05


@click.command(
    "upgrade",
    epilog=examples(
        "toron upgrade",
        "toron upgrade --wait -c /etc/toron.yaml",
        "toron upgrade --pid-file /run/toron.pid",
        "toron upgrade --json | jq .pid",
    ),
)
@asks_gateway
@click.option("--pid-file", metavar="FILE", help="Ask by signal instead; for a gateway without admin port.")
@click.option("--timeout", type=float, default=60.0, show_default=True, help="Seconds for the new process.")
@click.option("--wait", is_flag=True, help="Return when the old process has ended, too (on this machine).")
@json_option
def command(gateway: Gateway, pid_file: str | None, timeout: float, wait: bool, as_json: bool) -> None:
    """Have a new process take over, as for a new version; nothing drops.

    The gateway starts the program that it was started by once more, hands its sockets over when that
    is ready, and finishes what is in it (upgrade.linger). Exits with 0 when the new process serves,
    with 1 when it does not and why: then the old one serves on. The file counts, not what was sent
    to the API. SIGUSR2 to the gateway does the same.
    """
    step = _quiet if as_json else click.echo
    if pid_file is None:
        found = _by_api(gateway, timeout, step)
    else:
        found = _by_signal(pid_file, timeout, step)
    for line in found.get("printed", ()):
        click.echo(line, err=True)
    if wait:
        _wait(found["old_pid"], found.get("linger"))
        step(f"process {found['old_pid']} has ended")
    if as_json:
        print_json(found)


def _quiet(line: str) -> None:
    """For programs, which get it all at the end."""


def _by_api(gateway: Gateway, timeout: float, step: Any) -> dict[str, Any]:
    status = gateway.get("status")
    step(f"process {status['pid']} (toron {status['version']}) starts the one that takes over")
    found: dict[str, Any] = gateway.post("upgrade", timeout=timeout)
    step(f"process {found['pid']} (toron {found['version']}) serves")
    count = found["connections"]
    step(
        f"process {found['old_pid']} finishes {count} connection{'s' * (count != 1)}, "
        f"for at most {found['linger']:g} s"
    )
    return found


def _by_signal(file: str, timeout: float, step: Any) -> dict[str, Any]:
    old = _pid(file)
    try:
        os.kill(old, signal.SIGUSR2)
    except ProcessLookupError:
        raise _Nobody(f"there is no process {old}, which {file} names: start a gateway") from None
    except PermissionError:
        raise _Nobody(f"process {old} belongs to somebody else: do this as its user, or as root") from None
    step(f"process {old} starts the one that takes over")
    new = _successor(file, old, timeout)
    step(f"process {new} serves")
    return {"pid": new, "old_pid": old}


def _successor(file: str, old: int, timeout: float) -> int:
    """The process that the file names instead of the old one, as soon as it does."""
    end = time.monotonic() + timeout
    while True:
        over = time.monotonic() >= end
        gone = _gone(old)
        # In this order: it may be named just before the old one ends.
        with contextlib.suppress(_Nobody):
            if (new := _pid(file)) != old:
                return new
        if gone or over:
            what = "has ended" if gone else "serves on"
            raise _Failed(f"process {old} {what}, nobody took over: its log says why")
        time.sleep(STEP)


class _Failed(click.ClickException):
    """It is not as it was asked for."""

    exit_code = REFUSED


class _Nobody(click.ClickException):
    """No gateway was asked."""

    exit_code = UNREACHABLE


def _pid(file: str) -> int:
    try:
        with open(file, encoding="ascii") as opened:
            number = int(opened.read(32))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "there is no number in it"
        raise _Nobody(f"{file} names no process: {why}") from None
    if number <= 1:
        raise _Nobody(f"{file} names no gateway: {number}")
    return number


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _wait(pid: int, linger: float | None) -> None:
    """Until the process has ended, or should have."""
    end = None if linger is None else time.monotonic() + linger + 10.0
    while not _gone(pid):
        if end is not None and time.monotonic() >= end:
            raise _Failed(f"process {pid} is still there: its log may say why")
        time.sleep(STEP)
