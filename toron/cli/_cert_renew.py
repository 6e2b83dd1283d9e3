"""`toron cert renew`: has certificates that renew themselves renewed now."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from toron.cli._gateway import Gateway, asks_gateway
from toron.cli._tables import console, moment, show, table
from toron.cli._words import REFUSED, examples, json_option, print_json

LOOK = 0.2
"""Seconds between two looks at what becomes of it."""


@click.command("renew", epilog=examples("toron cert renew a.example --wait 60"))
@click.argument("name")
@click.option(
    "--wait", type=click.FloatRange(min=0), metavar="SECONDS", help="Wait until there is a new one."
)
@asks_gateway
@json_option
def renew(gateway: Gateway, name: str, wait: float | None, as_json: bool) -> None:
    """Renew the certificates for NAME now, whatever there is.

    Only those that a directory is asked for (acme). What is there is served until there is a new one. With
    --wait exits with 1 when there is none after so many seconds, or the directory has said no.
    """
    before = {tuple(each["names"]): each for each in gateway.get("acme")["renewals"]}
    found = gateway.post("acme", name, "renew")["renewals"]
    if wait is not None:
        found = _wait(gateway, before, found, wait)
    if as_json:
        print_json({"renewals": found})
    else:
        show(renewals(found))
    if wait is not None and not all(_is_new(before, each) for each in found):
        sys.exit(REFUSED)


def renewals(found: list[dict[str, Any]]) -> Any:
    """A table of certificates that renew themselves."""
    return table(
        ("CERTIFICATE", "ENDS", "NEXT", "FAILED>", "WHY"),
        (
            (
                ", ".join(each["names"]), "none yet" if each["ends"] is None else moment(each["ends"]),
                moment(each["next"]) if each["next"] else "now", each["failures"], each["why"],
            )
            for each in found
        ),
    )  # fmt: skip


def _is_new(before: dict[tuple[str, ...], dict[str, Any]], now: dict[str, Any]) -> bool:
    then = before.get(tuple(now["names"]))
    return then is None or bool(now["issued"] > then["issued"])


def _is_over(before: dict[tuple[str, ...], dict[str, Any]], now: dict[str, Any]) -> bool:
    """Whether there is a new one, or there was a failure."""
    return _is_new(before, now) or bool(now["failures"] > before[tuple(now["names"])]["failures"])


def _wait(
    gateway: Gateway,
    before: dict[tuple[str, ...], dict[str, Any]],
    found: list[dict[str, Any]],
    limit: float,
) -> list[dict[str, Any]]:
    end = time.monotonic() + limit
    names = [each["names"] for each in found]
    with console().status("renewing", spinner="dots"):
        while not all(_is_over(before, each) for each in found) and time.monotonic() < end:
            time.sleep(min(LOOK, max(0.0, end - time.monotonic())))
            found = [each for each in gateway.get("acme")["renewals"] if each["names"] in names]
    return found
