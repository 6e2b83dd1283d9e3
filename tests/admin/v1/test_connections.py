"""What lives is asked of the listeners; looking is tested in tests.net.test_living."""

from __future__ import annotations

from tests.admin.case import ApiCase
from tests.net.test_living import FakeListener, connection


class Connections(ApiCase):
    def test_those_that_are_asked_for(self) -> None:
        self.root.listeners = [
            FakeListener("web", connection("web", "192.0.2.1"), connection("web", "192.0.2.2"))
        ]
        found = self.ask("GET /connections?client=192.0.2.2&limit=5").body
        self.assertEqual((found["total"], found["connections"][0]["client"]), (1, "192.0.2.2:1000"))
        found = self.ask("GET /connections?limit=0").body
        self.assertEqual(found, {"total": 2, "connections": []})
