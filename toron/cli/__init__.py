"""The command line: each file here is one command, and those with an underscore are what commands share."""

from toron.cli._program import main

__all__ = ["main"]
