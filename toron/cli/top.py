"""`toron top`: how much goes through a gateway, as it goes."""

from __future__ import annotations

import json
import time
from typing import Any

import click
from rich.console import Group
from rich.live import Live
from rich.text import Text

from toron.cli._gateway import Gateway, asks_gateway
from toron.cli._rates import rates
from toron.cli._tables import console, milliseconds, show, table
from toron.cli._words import examples, json_option

ROWS = 20
"""Routes, and servers, that are shown of many."""


@click.command(
    "top",
    epilog=examples(
        "toron top",
        "toron top --once",
        "toron top --interval 5",
        "toron top --json | jq .routes[].p99",
    ),
)
@click.option("--once", is_flag=True, help="Look for one interval, print it, and end.")
@click.option(
    "--interval", type=click.FloatRange(0.1, 3600), default=1.0, show_default=True, metavar="SECONDS",
    help="Between two looks.",
)  # fmt: skip
@asks_gateway
@json_option
def command(gateway: Gateway, once: bool, interval: float, as_json: bool) -> None:
    """Show requests per second, errors and durations, live.

    Of each route and server, the busiest first. Durations are those of the interval: half of the
    requests took at most p50, 99 of 100 at most p99. With --json prints a line for each interval.
    Ctrl-C ends it.
    """
    before = gateway.get("traffic")
    try:
        if once or as_json or not console().is_terminal:
            _lines(gateway, before, interval, once, as_json)
        else:
            _live(gateway, before, interval)
    except KeyboardInterrupt:
        return


def _lines(gateway: Gateway, before: dict[str, Any], interval: float, once: bool, as_json: bool) -> None:
    while True:
        time.sleep(interval)
        after = gateway.get("traffic")
        found = rates(before, after)
        if as_json:
            click.echo(json.dumps(found))
        else:
            show(_page(gateway, found))
        before = after
        if once:
            return
        if not as_json:
            click.echo()


def _live(gateway: Gateway, before: dict[str, Any], interval: float) -> None:
    with Live(Text("looking ..."), console=console(), screen=True, auto_refresh=False) as live:
        while True:
            time.sleep(interval)
            after = gateway.get("traffic")
            live.update(_page(gateway, rates(before, after)), refresh=True)
            before = after


def _page(gateway: Gateway, found: dict[str, Any]) -> Group:
    total = found["total"]
    head = (
        f"{gateway.url}: {total['rate']:.1f} requests/s, {total['errors']:.1f} errors/s, "
        f"{found['connections']} connections"
    )
    return Group(
        Text(head), Text(""), _table("ROUTE", found["routes"]), Text(""), _table("SERVER", found["servers"])
    )


def _table(head: str, entries: list[dict[str, Any]]) -> Any:
    return table(
        (head, "REQUESTS/S>", "ERRORS/S>", "P50>", "P99>", "ACTIVE>"),
        (
            (
                "/".join(filter(None, (each["backend"], each["name"]))) or "(none)", f"{each['rate']:.1f}",
                f"{each['errors']:.1f}", milliseconds(each["p50"]), milliseconds(each["p99"]),
                each["active"] if each["backend"] else "",
            )
            for each in entries[:ROWS]
        ),
    )  # fmt: skip
