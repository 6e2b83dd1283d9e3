"""Configuration files as commands name them."""

from __future__ import annotations

import os

import click

DEFAULT_FILES = ("toron.yaml", "toron.yml", "toron.toml", "toron.json")
"""What is looked for in the current folder when no file is named."""


def found_file() -> str | None:
    """The configuration file of the current folder, or None."""
    return next((name for name in DEFAULT_FILES if os.path.exists(name)), None)


def default_file() -> str:
    """The configuration file of the current folder; raises UsageError where there is none."""
    name = found_file()
    if name is None:
        raise click.UsageError(f"There is no {', '.join(DEFAULT_FILES)} in this folder: name a file.")
    return name
