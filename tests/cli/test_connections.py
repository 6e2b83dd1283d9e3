"""`toron connections`, as somebody types it."""

from __future__ import annotations

import json
import time

from tests.cli.admin_port import AdminCase


class Connections(AdminCase):
    def test_those_that_are_asked_for(self) -> None:
        one = {
            "listener": "web", "kind": "h2", "client": "192.0.2.1:5", "since": time.time() - 61,
            "requests": 2, "routes": ["a", "b"], "backend": "api", "server": "10.0.0.7:80",
            "bytes_in": 2048, "bytes_out": None, "worker": 0,
        }  # fmt: skip
        target = "GET connections?listener=web&backend=api&limit=7"
        self.port.answers[target] = 200, {"total": 9, "connections": [one]}
        words = ("connections", "--listener", "web", "--backend", "api", "--limit", "7")
        self.assertEqual(
            self.lines(*words),
            [
                "LISTENER  KIND  CLIENT       SINCE  REQUESTS    IN  OUT  ROUTE  SERVER",
                "web       h2    192.0.2.1:5  1m 1s         2  2.0K       a, b   api/10.0.0.7:80",
                "1 of 9",
            ],
        )
        self.assertEqual(json.loads("\n".join(self.lines(*words, "--json")))["total"], 9)

    def test_every_option(self) -> None:
        target = "GET connections?listener=l&route=r&backend=b&server=s%3A1&client=%3A%3A1&limit=100"
        self.port.answers[target] = 200, {"total": 0, "connections": []}
        words = [f"--{name}={value}" for name, value in zip(
            ("listener", "route", "backend", "server", "client"), ("l", "r", "b", "s:1", "::1"), strict=True
        )]  # fmt: skip
        self.assertEqual(self.lines("connections", *words)[-1], "0 of 0")

    def test_wrong_usage(self) -> None:
        for limit in ("-1", "1001", "x"):
            self.assertEqual(self.type("connections", "--limit", limit).exit_code, 2)
