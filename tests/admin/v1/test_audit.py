"""The audit log can be asked for; what is in it is tested in tests.admin.test_api."""

from __future__ import annotations

from tests.admin.case import ApiCase


class Entries(ApiCase):
    def test_as_many_as_are_asked_for(self) -> None:
        for _ in range(3):
            self.ask("POST /reload")
        self.assertEqual(len(self.ask("GET /audit").body["entries"]), 3)
        self.assertEqual(len(self.ask("GET /audit?limit=2").body["entries"]), 2)
        self.assertEqual(self.ask("GET /audit?limit=0").body["entries"], [])
