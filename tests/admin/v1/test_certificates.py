"""Certificates are told of, the one that ends first first."""

from __future__ import annotations

from tests.admin.case import CLOCK, ApiCase


class Certificates(ApiCase):
    def test_in_order(self) -> None:
        self.assertEqual(self.ask("GET /certificates").body, {"certificates": []})
        ends = [("late.example", CLOCK + 1000), ("a.example", CLOCK - 5)]
        self.gateway.metrics.of_certificates.ends = lambda: ends
        found = self.ask("GET /certificates").body["certificates"]
        self.assertEqual(
            [tuple(each.values()) for each in found],
            [("a.example", CLOCK - 5, -5.0), ("late.example", CLOCK + 1000, 1000.0)],
        )
