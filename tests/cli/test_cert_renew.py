"""`toron cert renew`, as somebody types it."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.admin_port import AdminCase
from toron.cli import _cert_renew

RENEW = "POST acme/a.example/renew"


def renewal(**more: Any) -> dict[str, Any]:
    return {
        "names": ["a.example", "b.example"], "directory": "https://ca.example/", "challenge": "http-01",
        "ends": 1.9e9, "next": 1.85e9, "failures": 0, "why": "", "issued": 1, **more,
    }  # fmt: skip


def told(*found: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return 200, {"renewals": list(found)}


class Renewing(AdminCase):
    def setUp(self) -> None:
        super().setUp()
        self.patch(_cert_renew, "LOOK", 0.001)
        self.port.answers[RENEW] = told(renewal(next=0.0))
        self.port.answers["GET acme"] = told(renewal())

    def test_it_is_asked_for(self) -> None:
        lines = self.lines("cert", "renew", "a.example")
        self.assertIn(" now ", lines[1])
        self.assertEqual([each.what for each in self.port.asked][-1], "POST /api/v1/acme/a.example/renew")

    def test_until_there_is_one(self) -> None:
        self.port.answers["GET acme"] = [told(renewal()), told(renewal(next=0.0)), told(renewal(issued=2))]
        found = json.loads("\n".join(self.lines("cert", "renew", "a.example", "--wait", "20", "--json")))
        self.assertEqual(found, {"renewals": [renewal(issued=2)]})

    def test_until_it_fails(self) -> None:
        failed = renewal(failures=1, why="nobody there")
        self.port.answers["GET acme"] = [told(renewal()), told(failed)]
        lines = self.lines("cert", "renew", "a.example", "--wait", "20", code=1)
        self.assertIn("nobody there", lines[-1])

    def test_not_for_ever(self) -> None:
        self.lines("cert", "renew", "a.example", "--wait", "0.01", code=1)

    def test_a_name_that_nobody_knows(self) -> None:
        self.port.answers[RENEW] = 404, {
            "title": "Not Found", "status": 404, "word": "unknown", "detail": "no", "next": "do"
        }  # fmt: skip
        self.assertEqual(self.type("cert", "renew", "a.example").exit_code, 1)
