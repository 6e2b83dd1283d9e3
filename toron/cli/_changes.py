"""What the commands that change a configuration have in common: the file, the author, how it went."""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import click

from toron.cli._words import REFUSED
from toron.config.place import printable

FORMATS = {".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".json": "json"}

LARGEST = 32 << 20
"""Bytes of a configuration, at most."""

author_option = click.option("--author", metavar="NAME", help="Who changes it; else the login name.")
message_option = click.option("-m", "--message", default="", metavar="TEXT", help="Why, for the history.")
save_option = click.option(
    "--no-save", "save", flag_value=False, default=True, help="Leave the gateway's file as it is."
)
overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Replace the gateway's file even where it was edited."
)


def read_text(file: str) -> tuple[bytes, str]:
    """The text of a configuration and its format; raises UsageError."""
    extension = os.path.splitext(file)[1].lower()
    if extension not in FORMATS:
        raise click.UsageError(f"{file}: name the file .yaml, .yml, .json or .toml.")
    try:
        with open(file, "rb") as opened:
            text = opened.read(LARGEST + 1)
        text.decode()
    except OSError as error:
        raise click.UsageError(f"{file} can not be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise click.UsageError(f"{file} is not UTF-8 text.") from None
    if len(text) > LARGEST:
        raise click.UsageError(f"{file} is larger than {LARGEST >> 20} MiB.")
    return text, FORMATS[extension]


def author(said: str | None) -> str:
    """Who runs this command."""
    try:
        return said or os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return f"user {os.getuid()}"


def body(**said: Any) -> bytes:
    """The JSON of a request, without what is not said."""
    return json.dumps({name: value for name, value in said.items() if value is not None}).encode()


def tell(progress: Mapping[str, Any]) -> None:
    """Say how a change went, and exit with 1 where it did not."""
    for each in progress["warnings"]:
        click.echo(f"{each['file']}:{each['line']}:{each['column']}: warning: {each['message']}", err=True)
    click.echo(outcome(progress))
    if progress["result"] == "went back":
        sys.exit(REFUSED)


def outcome(progress: Mapping[str, Any]) -> str:
    """How it went, in a line."""
    number, result, reason = progress["id"], progress["result"], progress["reason"]
    if result == "went back":
        return printable(f"change {number} went back: {reason}")
    if result == "waiting":
        return f"change {number} serves, and waits to be decided for {progress['left']:.0f} s more"
    saved = f"{progress['file']} says so" if progress["saved"] else f"{progress['file']} was left as it is"
    return f"change {number} is {result}; {saved}" + (f" ({reason})" if reason else "")
