"""Types commands and reads what they print."""

from __future__ import annotations

from click.testing import CliRunner, Result

from tests.config.case import ConfigCase
from toron.cli import main

BAD = "listners: []\nlisteners: [{protocol: tcp, port: 80, echo: {}}]\n"
GOOD = "listeners: [{protocol: tcp, port: 80, echo: {}}]\nadmin: {address: 0.0.0.0, api: false}\n"
WARNING = "2:18: warning: the admin port is open to other machines: write 127.0.0.1 to keep it to this one"
VALID = " valid (1 listener, 0 routes, 0 backends)"
ERROR = "1:1: unknown key 'listners': did you mean 'listeners'?"


class CliCase(ConfigCase):
    """A test with a folder of its own, and the program as somebody types it."""

    def run_cli(self, *words: str, **environ: str) -> Result:
        """What a command prints and how it ends; it sees `environ` besides what is set."""
        return CliRunner().invoke(main, words, prog_name="toron", env=environ)
