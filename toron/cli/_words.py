"""What every command says in the same way: examples, `--json`, and how it ends."""

from __future__ import annotations

import json
from typing import Any, Final

import click

REFUSED: Final = 1
"""The exit code where the thing asked for is not so, or was refused; 0 is that all is well."""

WRONG_USAGE: Final = 2
"""The exit code where the words that were typed cannot be meant, or nothing can be told."""

UNREACHABLE: Final = 3
"""The exit code where no gateway answers."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
"""For every command that tells something."""


def examples(*lines: str) -> str:
    """The end of a help page; the mark keeps click from joining its lines."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def print_json(value: Any) -> None:
    """The answer of a command, for programs."""
    click.echo(json.dumps(value, indent=2))
