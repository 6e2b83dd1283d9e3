"""`toron top`, as somebody types it."""

from __future__ import annotations

import io
import json
from typing import Any

from rich.console import Console

from tests.cli.admin_port import AdminCase
from tests.cli.test_rates import entry, look
from toron.cli import top


class Top(AdminCase):
    def setUp(self) -> None:
        super().setUp()
        server = (entry("a:1", 0, backend="api", active=0),)
        grown = (entry("a:1", 10, buckets=(0, 10, 0, 0), backend="api", active=4),)
        self.port.answers["GET traffic"] = [
            (200, look(1.0, entry("", 0), servers=server)),
            (200, look(2.0, entry("", 10, 1, (10, 0, 0, 0)), servers=grown)),
        ]

    def test_once(self) -> None:
        lines = self.lines("top", "--once", "--interval", "0.1")
        self.assertEqual(
            lines,
            [
                f"{self.port.url}: 10.0 requests/s, 1.0 errors/s, 3 connections",
                "",
                "ROUTE   REQUESTS/S  ERRORS/S    P50     P99  ACTIVE",
                "(none)        10.0       1.0  0.5ms  0.99ms",
                "",
                "SERVER   REQUESTS/S  ERRORS/S    P50     P99  ACTIVE",
                "api/a:1        10.0       0.0  5.5ms  9.91ms       4",
            ],
        )

    def test_json(self) -> None:
        (line,) = self.lines("top", "--once", "--json", "--interval", "0.1")
        found = json.loads(line)
        self.assertEqual((found["total"], found["routes"][0]["rate"]), ({"rate": 10.0, "errors": 1.0}, 10.0))

    def test_until_it_is_interrupted(self) -> None:
        looks: list[float] = []

        def sleep(seconds: float) -> None:
            looks.append(seconds)
            if len(looks) == 3:
                raise KeyboardInterrupt

        self.patch(top.time, "sleep", sleep)
        self.assertEqual(len(self.lines("top", "--json", "--interval", "2")), 2)
        self.assertEqual(looks, [2, 2, 2])
        looks.clear()
        self.assertEqual(
            "\n".join(self.lines("top")).count(" requests/s,"), 2, "what is no terminal gets pages"
        )
        looks.clear()
        screen = io.StringIO()
        self.patch(top, "console", lambda: Console(file=screen, force_terminal=True, width=100))
        self.assertEqual(self.lines("top"), [])
        self.assertIn("0.0 requests/s", screen.getvalue())

    def test_wrong_usage(self) -> None:
        for interval in ("0", "x", "99999"):
            result: Any = self.type("top", "--interval", interval)
            self.assertEqual(result.exit_code, 2)
