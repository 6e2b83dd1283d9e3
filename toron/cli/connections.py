"""`toron connections`: who is connected to a gateway now."""

from __future__ import annotations

import time
from typing import Any

import click

from toron.cli._gateway import Gateway, asks_gateway
from toron.cli._tables import seconds, show, size, table
from toron.cli._words import examples, json_option, print_json


@click.command(
    "connections",
    epilog=examples(
        "toron connections",
        "toron connections --listener web --limit 20",
        "toron connections --backend api --server 10.0.0.7:8080",
        "toron connections --json | jq .total",
    ),
)
@click.option("--listener", metavar="NAME", help="Only those of this listener.")
@click.option("--route", metavar="NAME", help="Only those with a request under way on this route.")
@click.option("--backend", metavar="NAME", help="Only those that are led to this backend.")
@click.option("--server", metavar="HOST:PORT", help="Only those that are led to this server.")
@click.option("--client", metavar="IP", help="Only those of this client.")
@click.option("--limit", type=click.IntRange(0, 1000), default=100, show_default=True, help="Show so many.")
@asks_gateway
@json_option
def command(gateway: Gateway, as_json: bool, **wanted: Any) -> None:
    """Show the connections of clients and the UDP sessions that are open.

    Bytes are those from and to the client; of HTTP all that went over the wire.
    """
    found = gateway.get("connections", **wanted)
    if as_json:
        print_json(found)
        return
    now = time.time()
    rows = found["connections"]
    show(
        table(
            ("LISTENER", "KIND", "CLIENT", "SINCE>", "REQUESTS>", "IN>", "OUT>", "ROUTE", "SERVER"),
            (
                (
                    each["listener"], each["kind"], each["client"], seconds(max(0.0, now - each["since"])),
                    each["requests"], size(each["bytes_in"]), size(each["bytes_out"]),
                    ", ".join(each["routes"]),
                    "/".join(filter(None, (each["backend"], each["server"]))),
                )
                for each in rows
            ),
        )
    )  # fmt: skip
    click.echo(f"{len(rows)} of {found['total']}")
