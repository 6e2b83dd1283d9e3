"""`toron servers`, as somebody types it."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.admin_port import AdminCase
from toron.cli import servers
from toron.cli._tables import moment

DRAIN = "POST backends/api/servers/10.0.0.7%3A80/drain"


def server(**more: Any) -> dict[str, Any]:
    return {
        "backend": "api", "name": "10.0.0.7:80", "url": "http://10.0.0.7:80", "state": "up",
        "ejected_until": None, "weight": 1, "backup": 0, "draining": False, "healthy": True, "active": 0,
        "failures_in_a_row": 0,
        "failures": 0, "checks": None, **more,
    }  # fmt: skip


class Listing(AdminCase):
    def test_all(self) -> None:
        self.port.answers["GET servers"] = (
            200,
            {
                "servers": [
                    server(active=2, checks={"passed": 7, "failed": 1}),
                    server(name="b:1", state="ejected", ejected_until=1.8e9, failures=5),
                    server(name="c:1", backup=1, weight=3),
                ]
            },
        )
        expected = [
            "BACKEND  SERVER       STATE    ACTIVE  WEIGHT  FAILED  CHECKS",
            "api      10.0.0.7:80  up            2       1       0  7 passed, 1 failed",
            f"api      b:1          ejected       0       1       5{' ' * 22}until {moment(1.8e9)}",
            "api      c:1          up            0       3       0                      backup",
        ]
        self.assertEqual(self.lines("servers"), expected)
        self.assertEqual(self.lines("servers", "list"), expected)

    def test_of_one_backend(self) -> None:
        self.port.answers["GET servers?backend=a+b"] = 200, {"servers": []}
        self.assertEqual(len(self.lines("servers", "list", "a b")), 1)

    def test_json(self) -> None:
        self.port.answers["GET servers"] = 200, {"servers": [server()]}
        for words in (("servers", "--json"), ("servers", "list", "--json")):
            self.assertEqual(json.loads("\n".join(self.lines(*words))), {"servers": [server()]})


class Draining(AdminCase):
    def setUp(self) -> None:
        super().setUp()
        self.patch(servers, "LOOK", 0.001)
        self.left = server(state="draining", draining=True, active=2)

    def test_drain(self) -> None:
        self.port.answers[DRAIN] = 200, self.left
        said = ["api/10.0.0.7:80 is draining: 2 still there"]
        self.assertEqual(self.lines("servers", "drain", "api", "10.0.0.7:80"), said)
        self.assertEqual(
            json.loads(self.type("servers", "drain", "api", "10.0.0.7:80", "--json").stdout), self.left
        )

    def test_until_nobody_is_there(self) -> None:
        self.port.answers[DRAIN] = 200, self.left
        self.port.answers["GET servers?backend=api"] = [
            (200, {"servers": [self.left, server(url="http://b")]}),
            (200, {"servers": [server(url="http://b"), {**self.left, "active": 0}]}),
        ]
        lines = self.lines("servers", "drain", "api", "10.0.0.7:80", "--wait", "9")
        self.assertEqual(lines[-1], "api/10.0.0.7:80 is draining: nobody is there")
        self.assertEqual(len(self.port.asked), 3)

    def test_until_it_is_gone(self) -> None:
        self.port.answers[DRAIN] = 200, self.left
        self.port.answers["GET servers?backend=api"] = 200, {"servers": []}
        lines = self.lines("servers", "drain", "api", "10.0.0.7:80", "--wait", "9")
        self.assertEqual(lines[-1], "api/10.0.0.7:80 is gone: nobody is there")

    def test_not_for_ever(self) -> None:
        self.port.answers[DRAIN] = 200, self.left
        self.port.answers["GET servers?backend=api"] = 200, {"servers": [self.left]}
        lines = self.lines("servers", "drain", "api", "10.0.0.7:80", "--wait", "0.01", code=1)
        self.assertEqual(lines[-1], "api/10.0.0.7:80 is draining: 2 still there")

    def test_undrain(self) -> None:
        self.port.answers[DRAIN.replace("drain", "undrain")] = 200, server(active=1)
        said = ["api/10.0.0.7:80 is up: 1 there"]
        self.assertEqual(self.lines("servers", "undrain", "api", "10.0.0.7:80"), said)

    def test_wrong_usage(self) -> None:
        for words in (
            ("drain",),
            ("drain", "api"),
            ("drain", "a", "b", "--wait", "-1"),
            ("melt",),
            ("undrain", "a"),
        ):
            result = self.type("servers", *words)
            self.assertEqual(result.exit_code, 2, words)
