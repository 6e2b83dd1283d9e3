"""`toron apply`: takes a configuration into service, for good or on approval."""

from __future__ import annotations

import select
import sys
import time
from typing import Any

import click

from toron.cli._changes import author as login
from toron.cli._changes import (
    author_option,
    body,
    message_option,
    outcome,
    overwrite_option,
    read_text,
    save_option,
    tell,
)
from toron.cli._gateway import Gateway, asks_gateway
from toron.cli._words import REFUSED, examples, json_option, print_json
from toron.config.units import parse_duration

LOOK = 0.3
"""Seconds between two questions how it goes."""

TELL = 2.0
"""Seconds between two lines about it."""


@click.command(
    "apply",
    epilog=examples(
        "toron apply new.yaml",
        "toron apply new.yaml -m 'more servers for the shop'",
        "toron apply new.yaml --confirm 60s",
        "toron apply new.yaml --confirm 60s --rollback-if 'error_rate > 2% or p99 > 2x'",
        "toron apply new.yaml --watch 2m --rollback-if 'error_rate(route shop) > 1%'",
    ),
)
@click.argument("new", metavar="FILE")
@asks_gateway
@click.option("--confirm", metavar="TIME", help="Go back after this time unless somebody confirms it.")
@click.option("--rollback-if", metavar="CONDITION", help="Go back at once where this holds.")
@click.option("--watch", metavar="TIME", help="Without --confirm: keep it after this time (60s).")
@click.option("--requests", default=20, show_default=True, help="How many a condition needs at least.")
@click.option("--no-wait", is_flag=True, help="Do not wait until it is decided.")
@author_option
@message_option
@save_option
@overwrite_option
@json_option
def command(
    gateway: Gateway,
    new: str,
    confirm: str | None,
    rollback_if: str | None,
    watch: str | None,
    requests: int,
    no_wait: bool,
    author: str | None,
    message: str,
    save: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Take a configuration into service, for good or until it is confirmed.

    The file that the gateway was started with is replaced, once the change is final. With --confirm
    it goes back by itself, unless Enter is pressed here or toron confirm is run elsewhere within that
    time; with --rollback-if also at once, where the condition holds. Exits with 0 when it is in
    service to stay, with 1 when it was refused or went back.
    """
    if watch is not None and (confirm is not None or rollback_if is None):
        raise click.UsageError("--watch goes with --rollback-if, and without --confirm.")
    window = confirm or watch or ("60s" if rollback_if is not None else "")
    for given in (confirm, watch):
        _check(given)
    text, written = read_text(new)
    said = body(
        configuration=text.decode(), format=written, name=new, author=login(author), message=message,
        window=window, confirm=confirm is not None, rollback_if=rollback_if, requests=requests, save=save,
        overwrite=overwrite or None,
    )  # fmt: skip
    progress = gateway.post("apply", body=said)
    if not no_wait:
        progress = _wait(gateway, progress, as_json)
    if as_json:
        print_json(progress)
        sys.exit(REFUSED if progress["result"] == "went back" else 0)
    tell(progress)


def _check(given: str | None) -> None:
    if given is not None:
        try:
            parse_duration(given)
        except ValueError as error:
            raise click.UsageError(f"{given!r} is {error}.") from None


def _wait(gateway: Gateway, progress: dict[str, Any], quiet: bool) -> dict[str, Any]:
    """How it went, when that is decided."""
    number = progress["id"]
    try:
        if progress["state"] == "watching" and not quiet:
            click.echo(outcome(progress), err=True)
            if progress["needs"] == "confirmation" and sys.stdin.isatty():
                click.echo("press Enter to keep it, or run toron rollback", err=True)
        told = 0.0
        while progress["id"] == number and progress["state"] != "idle":
            if not quiet and progress["figures"] and time.monotonic() >= told + TELL:
                told = time.monotonic()
                click.echo(f"{progress['left']:4.0f} s left: {'; '.join(progress['figures'])}", err=True)
            if _pressed() and progress["needs"] == "confirmation":
                gateway.post("confirm")
            progress = gateway.get("apply")
    except KeyboardInterrupt:
        click.echo(f"\nchange {number} goes on without you: toron confirm, or toron rollback", err=True)
        sys.exit(REFUSED)
    if progress["id"] != number:
        # Another change came after it.
        progress |= gateway.get("history", str(number))
    return progress


def _pressed() -> bool:
    """Whether Enter was pressed at the terminal within a short time."""
    if not sys.stdin.isatty():
        time.sleep(LOOK)
        return False
    ready, _, _ = select.select([sys.stdin], [], [], LOOK)
    if ready and sys.stdin.readline():
        return True
    if ready:  # nobody is there any more
        time.sleep(LOOK)
    return False
