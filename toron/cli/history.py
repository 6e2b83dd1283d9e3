"""`toron history`: the configurations that were taken into service."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from toron.cli._gateway import Gateway, asks_gateway
from toron.cli._words import examples, json_option, print_json
from toron.config.place import printable


@click.command(
    "history",
    epilog=examples("toron history", "toron history --diff 17", "toron history --json | jq .entries[0]"),
)
@asks_gateway
@click.option("--diff", "number", metavar="ID", type=click.IntRange(1), help="Print what an entry changed.")
@click.option("--limit", default=20, show_default=True, metavar="N", help="So many entries, at most.")
@json_option
def command(gateway: Gateway, number: int | None, limit: int, as_json: bool) -> None:
    """Tell which configurations were taken into service, when and by whom.

    The newest comes first; * serves now. --diff prints a unified diff from what was before, with
    <secret> in place of secrets.
    """
    if number is not None:
        entry = gateway.get("history", str(number))
        if as_json:
            print_json(entry)
        else:
            click.echo(_line(entry))
            click.echo(entry["diff"], nl=False)
        return
    found = gateway.get("history", limit=limit)
    if as_json:
        print_json(found)
        return
    for entry in found["entries"]:
        click.echo(_line(entry))


def _line(entry: dict[str, Any]) -> str:
    when = datetime.fromtimestamp(entry["time"]).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    mark = "*" if entry["serving"] else " "
    lines = f"+{entry['added']} -{entry['removed']}"
    why = f": {entry['reason']}" if entry["reason"] else ""
    message = f"  {entry['message']}" if entry["message"] else ""
    return printable(
        f"{mark}{entry['id']:>4}  {when}  {entry['author']:<12} {lines:>9}  {entry['result']}{why}{message}"
    )
