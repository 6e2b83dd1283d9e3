"""Tables and numbers are as people read them."""

from __future__ import annotations

import time

import click
from click.testing import CliRunner
from twisted.trial.unittest import SynchronousTestCase

from toron.cli._tables import milliseconds, moment, seconds, show, size, table


class Numbers(SynchronousTestCase):
    def test_sizes(self) -> None:
        for number, text in (
            (None, ""), (0, "0"), (1023, "1023"), (1024, "1.0K"), (1536, "1.5K"), (150 << 10, "150K"),
            (5 << 20, "5.0M"), (3 << 30, "3.0G"), (2 << 40, "2.0T"), (5000 << 40, "5000.0T"),
        ):  # fmt: skip
            self.assertEqual(size(number), text)

    def test_times(self) -> None:
        for number, text in (
            (0, "0s"), (59.9, "59s"), (60, "1m 0s"), (3599, "59m 59s"), (3600, "1h 0m"), (7800, "2h 10m"),
            (86399, "23h 59m"), (86400, "1d 0h"), (40 * 86400 + 3 * 3600, "40d 3h"),
        ):  # fmt: skip
            self.assertEqual(seconds(number), text)

    def test_durations(self) -> None:
        for number, text in ((None, ""), (0.00025, "0.25ms"), (0.012, "12ms"), (1.5, "1.50s")):
            self.assertEqual(milliseconds(number), text)

    def test_moments(self) -> None:
        self.assertEqual(moment(0), time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(0)))


class Tables(SynchronousTestCase):
    def test_a_table(self) -> None:
        @click.command()
        def command() -> None:
            show(table(("NAME", "COUNT>", "NOTE"), [("[red]x", 5, None), ("longer" * 40, 1000, "a :smile:")]))

        lines = CliRunner().invoke(command).stdout.splitlines()
        wide = "longer" * 40
        self.assertEqual(lines[0].split(), ["NAME", "COUNT", "NOTE"])
        self.assertEqual(
            lines[1], f"[red]x{' ' * (len(wide) - 6)}      5", "names are not markup, nothing is cut"
        )
        self.assertEqual(lines[2], f"{wide}   1000  a :smile:")

    def test_a_name_that_a_terminal_would_obey(self) -> None:
        @click.command()
        def command() -> None:
            show(table(("NAME",), [("\x9b2Ja\nb",)]))

        self.assertEqual(CliRunner().invoke(command).stdout, "NAME\n\\x9b2Ja\\nb\n")

    def test_nothing_to_show(self) -> None:
        @click.command()
        def command() -> None:
            show(table(("NAME",), ()))

        self.assertEqual(CliRunner().invoke(command).stdout, "NAME\n")
