"""`toron rollback`: takes what served before into service again."""

from __future__ import annotations

import click

from toron.cli._changes import author as login
from toron.cli._changes import author_option, body, message_option, outcome, overwrite_option, save_option
from toron.cli._gateway import Gateway, asks_gateway
from toron.cli._words import examples, json_option, print_json


@click.command(
    "rollback",
    epilog=examples("toron rollback", "toron rollback 3", "toron rollback --to 17 -m 'the shop was down'"),
)
@click.argument("steps", metavar="[N]", default=1, type=click.IntRange(1))
@asks_gateway
@click.option("--to", metavar="ID", type=click.IntRange(1), help="An entry of toron history.")
@author_option
@message_option
@save_option
@overwrite_option
@json_option
def command(
    gateway: Gateway,
    steps: int,
    to: int | None,
    author: str | None,
    message: str,
    save: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Take what served N changes ago into service again.

    A change that waits for its confirmation goes back at once. Changes that went back do not count.
    The file of the gateway is replaced too. Exits with 1 where it was refused.
    """
    said = body(
        steps=steps, id=to or 0, author=login(author), message=message, save=save, overwrite=overwrite or None
    )
    progress = gateway.post("rollback", body=said)
    if as_json:
        print_json(progress)
    else:
        click.echo(outcome(progress))
