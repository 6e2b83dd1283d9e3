"""What every command says in the same way."""

from __future__ import annotations

import json

import click
from click.testing import CliRunner
from twisted.trial.unittest import SynchronousTestCase

from toron.cli._words import REFUSED, UNREACHABLE, WRONG_USAGE, examples, json_option, print_json


class Words(SynchronousTestCase):
    def test_examples_keep_their_lines(self) -> None:
        command = click.Command("x", epilog=examples("toron a", "toron b"))
        self.assertIn("Examples:\n    toron a\n    toron b\n", CliRunner().invoke(command, "--help").stdout)

    def test_json(self) -> None:
        @click.command()
        @json_option
        def command(as_json: bool) -> None:
            print_json({"asked": as_json})

        for words, asked in (([], False), (["--json"], True)):
            self.assertEqual(json.loads(CliRunner().invoke(command, words).stdout), {"asked": asked})

    def test_click_ends_with_the_same_code_where_it_is_used_wrongly(self) -> None:
        self.assertEqual(click.UsageError.exit_code, WRONG_USAGE)
        self.assertEqual(len({0, REFUSED, WRONG_USAGE, UNREACHABLE}), 4)
