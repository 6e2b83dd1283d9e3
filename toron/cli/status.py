"""`toron status`: whether a gateway runs, and how it does."""

from __future__ import annotations

import sys
from typing import Any

import click

from toron.cli._gateway import Gateway, asks_gateway
from toron.cli._tables import moment, seconds, show, size, table
from toron.cli._words import REFUSED, examples, json_option, print_json


@click.command(
    "status",
    epilog=examples(
        "toron status",
        "toron status -c /etc/toron.yaml",
        "toron status --json | jq -r .listeners[].port",
        "TORON_ADMIN=http://10.0.0.5:9901 toron status --token-file token",
    ),
)
@asks_gateway
@json_option
def command(gateway: Gateway, as_json: bool) -> None:
    """Show a running gateway: ready or not, listeners, workers.

    Also where its configuration comes from. Exits with 0 when it is ready, with 1 when it is not (it
    starts, or drains), and with 3 when no gateway answers.
    """
    status = gateway.get("status")
    if as_json:
        print_json(status)
    else:
        _show(status)
    if not status["ready"]:
        sys.exit(REFUSED)


def _show(status: dict[str, Any]) -> None:
    how = "is ready" if status["ready"] else f"is NOT ready ({', '.join(status['reasons'])})"
    click.echo(f"toron {status['version']} {how}: pid {status['pid']}, up {seconds(status['uptime'])}")
    configuration = status["configuration"]
    where = configuration["file"] if configuration["source"] == "file" else "sent to the admin port"
    click.echo(f"configuration: {where}, in service since {moment(configuration['since'])}")
    if configuration["applied"] or configuration["rejected"]:
        last = "" if configuration["successful"] else ", the last one among them"
        click.echo(f"reloads: {configuration['applied']} applied, {configuration['rejected']} rejected{last}")
    click.echo()
    show(
        table(
            ("LISTENER", "PROTOCOL", "ADDRESS", "OPEN>", "ACCEPTED>", ""),
            (
                (
                    each["name"], each["protocol"], f"{each['address'] or '*'}:{each['port']}",
                    each["connections"], each["accepted"], "leaving" if each["leaving"] else "",
                )
                for each in status["listeners"]
            ),
        )
    )  # fmt: skip
    if status["workers"]:
        click.echo()
        show(
            table(
                ("WORKER", "PID>", "READY", "UP>", "CPU>", "MEMORY>", "LAG>"),
                (
                    (
                        each["number"], each["pid"], "yes" if each["ready"] else "no",
                        seconds(each["uptime"]),
                        f"{each['cpu']:.1f}s", size(each["resident"]), f"{each['lag'] * 1000:.0f}ms",
                    )
                    for each in status["workers"]
                ),
            )
        )  # fmt: skip
