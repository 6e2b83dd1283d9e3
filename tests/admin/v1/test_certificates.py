"""Certificates are told of, the one that ends first first."""

from __future__ import annotations

from tests.admin.case import CLOCK, ApiCase


class Certificates(ApiCase):
    def test_in_order(self) -> None:
        self.assertEqual(self.ask("GET /certificates").body, {"certificates": []})
        self.gateway.metrics.certificate("late.example", CLOCK + 1000)
        self.gateway.metrics.certificate("a.example", CLOCK - 5)
        found = self.ask("GET /certificates").body["certificates"]
        self.assertEqual(
            [tuple(each.values()) for each in found],
            [("a.example", CLOCK - 5, -5.0), ("late.example", CLOCK + 1000, 1000.0)],
        )
