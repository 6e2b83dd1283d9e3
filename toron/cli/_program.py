"""The program `toron`: finds its commands, each in the file of its name."""

from __future__ import annotations

import os
import platform
from importlib import import_module
from pkgutil import iter_modules

import click

import toron
import twisted
from toron.cli._words import examples


class Commands(click.Group):
    """The commands of this folder: `cli/check.py` has the `command` that is typed `toron check`.

    A file is loaded when its command is asked for, so that no command waits for what others need.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in order."""
        import toron.cli as folder  # this file is part of it

        return sorted(
            each.name.replace("_", "-") for each in iter_modules(folder.__path__) if each.name[0] != "_"
        )

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f"toron.cli.{cmd_name.replace('-', '_')}").command
        return command


@click.command(
    cls=Commands,
    invoke_without_command=True,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "toron check toron.yaml",
        "toron run -c toron.yaml",
        "toron --version -v",
    ),
)
@click.option("--version", "version", is_flag=True, help="Show the version; with -v, what it runs on too.")
@click.option("-v", "--verbose", is_flag=True, help="Say more.")
@click.pass_context
def main(context: click.Context, version: bool, verbose: bool) -> None:
    """A gateway for HTTP, TCP, UDP, TLS and WebSocket."""
    if version:
        click.echo(f"toron {toron.__version__}")
        if verbose:
            for what, which in _runs_on():
                click.echo(f"{what + ':':<9} {which}")
    elif context.invoked_subcommand is None:
        raise click.UsageError("Missing command.")


def _runs_on() -> list[tuple[str, str]]:
    """What a bug report should name."""
    from OpenSSL import SSL  # takes longer to load than most commands to run

    from toron.compiled import described

    return [
        ("hot path", described(os.environ)),
        ("Python", platform.python_version()),
        ("Twisted", twisted.__version__),
        ("OpenSSL", SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode()),
    ]
