"""`toron schema`: what may be written in a configuration, for editors and for people."""

from __future__ import annotations

import click

from toron import plugin
from toron.cli._words import examples, print_json
from toron.config.reference import reference
from toron.config.schema import schema


@click.command(
    "schema",
    epilog=examples(
        "toron schema > toron.schema.json",
        "# then, as the first line of toron.yaml:",
        "# yaml-language-server: $schema=toron.schema.json",
        "toron schema --markdown > configuration.md",
    ),
)
@click.option("--markdown", is_flag=True, help="Print a page for people instead: every key and plug-in.")
def command(markdown: bool) -> None:
    """Print the JSON Schema of the configuration, for editors."""
    if markdown:
        click.echo(reference(plugin), nl=False)
    else:
        print_json(schema(plugin))
