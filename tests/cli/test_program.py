"""The program, before any of its commands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

import toron
from tests.cli.case import GOOD, VALID, WARNING, CliCase
from toron.cli import main


class Program(CliCase):
    """What all commands have in common."""

    def test_wrong_usage(self) -> None:
        for words in (
            ["check", "--nope"], ["nope"], ["_words"], ["run"], ["completion", "csh"],
            ["check", "--json", "--effective", "x"],
        ):  # fmt: skip
            result = self.run_cli(*words)
            self.assertEqual(result.exit_code, 2, words)
            self.assertIn("Error: ", result.stderr)

    def test_help_has_examples(self) -> None:
        names = main.list_commands(click.Context(main))
        self.assertLessEqual({"check", "completion", "explain", "run", "schema"}, set(names))
        for words in ([], *([name] for name in names)):
            result = self.run_cli(*words, "--help")
            self.assertEqual(result.exit_code, 0)
            self.assertRegex(result.stdout, r"Examples:\n +(sudo |eval \"\$\()?toron ")

    def test_every_command_says_in_one_line_what_it_does(self) -> None:
        lines = self.run_cli().output.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
        self.assertEqual([line.split()[0] for line in lines], main.list_commands(click.Context(main)))
        self.assertEqual([line for line in lines if not line.endswith(".")], [])

    def test_version(self) -> None:
        self.assertEqual(self.run_cli("--version").stdout, f"toron {toron.__version__}\n")

    def test_what_it_runs_on(self) -> None:
        lines = self.run_cli("--version", "-v").stdout.splitlines()
        self.assertEqual(lines[0], f"toron {toron.__version__}")
        self.assertRegex(lines[1], r"^hot path: (compiled|pure Python \(.+\))$")
        self.assertEqual([line.split(":")[0] for line in lines[2:]], ["Python", "Twisted", "OpenSSL"])

    def test_checking_needs_no_reactor(self) -> None:
        path = self.write("a.yaml", GOOD)
        code = (
            "import sys; from toron.cli import main\n"
            f"try: main(['check', {path!r}])\n"
            "except SystemExit as end: assert not end.code, end.code\n"
            "assert 'twisted.internet.reactor' not in sys.modules\n"
        )
        environ = os.environ | {"PYTHONPATH": str(Path(toron.__file__).parents[1])}
        done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, f"{path}:{WARNING}\n{path}:{VALID}\n"))

    def test_as_a_module(self) -> None:
        environ = os.environ | {"PYTHONPATH": str(Path(toron.__file__).parents[1])}
        command = [sys.executable, "-m", "toron", "--version"]
        done = subprocess.run(command, env=environ, capture_output=True, text=True)
        self.assertEqual(done.stdout, f"toron {toron.__version__}\n")
