"""`toron completion`: what a shell needs to complete the commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from toron.cli._program import main
from toron.cli._words import examples


@click.command(
    "completion",
    epilog=examples(
        'eval "$(toron completion bash)"',
        "toron completion fish > ~/.config/fish/completions/toron.fish",
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the script that completes toron's commands in a shell."""
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"There is no completion for {shell}.")
    click.echo(found(main, {}, "toron", "_TORON_COMPLETE").source())
