"""`toron confirm`: keeps a change that waits for it."""

from __future__ import annotations

import click

from toron.cli._changes import tell
from toron.cli._gateway import Gateway, asks_gateway
from toron.cli._words import examples, json_option, print_json


@click.command("confirm", epilog=examples("toron confirm", "toron confirm --json | jq .saved"))
@asks_gateway
@json_option
def command(gateway: Gateway, as_json: bool) -> None:
    """Keep the change that waits for its confirmation.

    The file of the gateway then says what serves. Exits with 1 where nothing waits.
    """
    progress = gateway.post("confirm")
    if as_json:
        print_json(progress)
    else:
        tell(progress)
