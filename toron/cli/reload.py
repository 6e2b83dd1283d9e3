"""`toron reload`: has a gateway load its configuration file again."""

from __future__ import annotations

import click

from toron.cli._gateway import Gateway, asks_gateway
from toron.cli._tables import console
from toron.cli._words import examples, json_option, print_json


@click.command(
    "reload",
    epilog=examples("toron reload", "toron reload -c /etc/toron.yaml", "toron reload --json"),
)
@asks_gateway
@json_option
def command(gateway: Gateway, as_json: bool) -> None:
    """Have a gateway load its file again, and wait for the end.

    Nothing drops that the change does not touch. Exits with 0 when what the file says is in service,
    and with 1 when it was rejected: then every mistake is printed, and nothing was changed.
    """
    with console().status("loading the configuration again", spinner="dots"):
        found = gateway.post("reload")
    if as_json:
        print_json(found)
        return
    for each in found["warnings"]:
        click.echo(f"{each['file']}:{each['line']}:{each['column']}: warning: {each['message']}", err=True)
    click.echo(f"applied in {found['seconds']:.2f} s")
