"""README.md gets the figures of a run, and nothing else of it changes."""

# ruff: noqa: RUF001  (the sign of multiplication is meant)

from __future__ import annotations

import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from bench.readme import BEGIN, END, OTHERS, put, table, update
from bench.report import Row

FACTS = {"date": "today", "CPU": "Some CPU", "kernel": "Linux 1"}
ROWS = [
    Row("HTTP", "µs CPU / request", "nginx", ("10.0 (1.00×)", "-", "missing", "52.3 (5.23×)", "15.0 (1.50×)"),
        {"nginx": 1.0, "caddy": 5.23, "toron": 1.5}, "≤ 1.9 × nginx", "1.3 × nginx", "yes"),
    Row("Routes", "µs CPU / request", "toron, 10 routes", ("-", "-", "-", "-", "10.5 (1.05×)"),
        {"toron": 1.05}, "≤ 1.1 × toron, 10 routes", "1 × toron, 10 routes", "yes"),
    Row("H2", "µs", "envoy", ("10.0 (0.50×)", "-", "20.0 (1.00×)", "-", "15.0 (0.75×)"),
        {"nginx": 0.5, "envoy": 1.0, "toron": 0.75}, "≤ 1.2 × envoy", "0.8 × envoy", "yes"),
    Row("H3", "µs", "caddy", ("-", "-", "-", "80.0 (1.00×)", "40.0 (0.50×)"),
        {"caddy": 1.0, "toron": 0.5}, "≤ 1 × caddy", "0.5 × caddy", "yes"),
    Row("Idle", "KiB / connection", None, ("-", "-", "-", "-", "2.50"), {}, "≤ 6 KiB", "3 KiB", "yes"),
    Row("Latency", "µs p99", "nginx", ("failed", "130", "too slow", "not run", "150"),
        {}, "≤ 3 × nginx", "1.5 × nginx", "?"),
]  # fmt: skip


class Table(SynchronousTestCase):
    def test_costs_of_two_and_multiples_of_all(self) -> None:
        self.assertEqual(OTHERS, ("haproxy", "envoy", "caddy"))
        lines = [line for line in table(ROWS, FACTS).splitlines() if line.startswith("|")]
        self.assertEqual(lines, [
            "| work | nginx | toron | toron / nginx | haproxy / nginx | envoy / nginx | caddy / nginx |",
            "|---|---|---|---|---|---|---|",
            "| HTTP, µs CPU / request | 10.0 | 15.0 | 1.50 × | - | missing | 5.23 × |",
            "| Routes, µs CPU / request | - | 10.5 | 1.05 × toron, 10 routes | - | - | - |",
            "| H2, µs | 10.0 | 15.0 | 1.50 × | - | 2.00 × | - |",
            "| H3, µs | - | 40.0 | 0.50 × caddy | - | - | 1.00 × caddy |",
            "| Idle, KiB / connection | - | 2.50 | - | - | - | - |",
            "| Latency, µs p99 | failed | 150 | - | ? | too slow | not run |",
        ])  # fmt: skip

    def test_it_says_where_it_is_from(self) -> None:
        text = table(ROWS, FACTS)
        self.assertIn("(Some CPU; today)", text)
        self.assertIn("](bench/results.svg)", text)


class Put(SynchronousTestCase):
    def test_only_what_is_between_changes(self) -> None:
        for old in ("", "\n", "\nold\nfigures\n"):
            text = f"# A\r\n{BEGIN}{old}{END}\n\nB"
            self.assertEqual(put(text, "new"), f"# A\r\n{BEGIN}\nnew\n{END}\n\nB")

    def test_a_second_time_changes_nothing(self) -> None:
        once = put(f"a{BEGIN}{END}b", "new")
        self.assertEqual(put(once, "new"), once)

    def test_anything_but_one_pair_is_refused(self) -> None:
        for text in (
            "",
            BEGIN,
            END,
            END + BEGIN,
            BEGIN + BEGIN + END,
            BEGIN + END + END,
            END + BEGIN + END,
            BEGIN + END + BEGIN,
            BEGIN + END + BEGIN + END,
            f"{BEGIN.upper()}{END.upper()}",
        ):
            self.assertRaises(ValueError, put, text, "new")


class Update(SynchronousTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "README.md")

    def test_the_file_is_written(self) -> None:
        self.path.write_text(f"# A\n{BEGIN}\n{END}\nB\n")
        self.assertEqual(update(self.path, ROWS, FACTS), f"Written to README.md, between {BEGIN} and {END}")
        self.assertEqual(self.path.read_text(), f"# A\n{BEGIN}\n{table(ROWS, FACTS)}\n{END}\nB\n")

    def test_without_its_comments_it_is_left_as_it_is(self) -> None:
        self.path.write_text("# A\n")
        self.assertIn("README.md was left as it is: it does not have", update(self.path, ROWS, FACTS))
        self.assertEqual(self.path.read_text(), "# A\n")

    def test_without_a_file_it_says_so(self) -> None:
        self.assertIn("README.md was left as it is: ", update(self.path, ROWS, FACTS))
        self.assertFalse(self.path.exists())
