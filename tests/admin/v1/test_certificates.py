"""Certificates are told of, the one that ends first first."""

from __future__ import annotations

import datetime

from tests.admin.case import CLOCK, ApiCase
from toron.net.certificate_source import Source
from toron.net.key_pair import self_signed


class Certificates(ApiCase):
    def test_in_order(self) -> None:
        self.assertEqual(self.ask("GET /certificates").body, {"certificates": []})
        now = datetime.datetime.fromtimestamp(CLOCK, datetime.UTC)
        for name, days in (("late.example", 0), ("early.example", 5)):
            pair = self_signed([name], now - datetime.timedelta(days))
            self.composition.care.watch(Source(pair, name), None)
        first, second = self.ask("GET /certificates").body["certificates"]
        self.assertEqual((first["name"], second["name"]), ("early.example", "late.example"))
        self.assertEqual(second["ends"] - first["ends"], 5 * 86400)
        self.assertEqual(first["seconds_left"], first["ends"] - CLOCK)
