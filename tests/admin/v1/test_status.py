"""What the gateway tells of itself."""

from __future__ import annotations

import os

import toron
from tests.admin.case import CLOCK, CONFIG, ApiCase


class Status(ApiCase):
    def test_at_the_beginning(self) -> None:
        self.wall = CLOCK + 90
        found = self.ask("GET /status").body
        self.assertEqual((found["version"], found["pid"]), (toron.__version__, os.getpid()))
        self.assertEqual((found["started"], found["uptime"], found["ready"]), (CLOCK, 90, True))
        self.assertEqual(
            [(each["name"], each["protocol"], each["address"], each["port"]) for each in found["listeners"]],
            [("web", "http", "127.0.0.1", 8080), ("dns", "udp", "127.0.0.1", 5353)],
        )
        self.assertEqual(found["workers"], [])
        self.assertEqual(
            found["configuration"],
            {"file": os.path.abspath(self.path), "source": "file", "since": CLOCK, "applied": 0,
             "rejected": 0, "successful": True},
        )  # fmt: skip

    def test_not_ready(self) -> None:
        self.readiness.hold("draining")
        found = self.ask("GET /status").body
        self.assertEqual((found["ready"], found["reasons"]), (False, ["draining"]))

    def test_after_changes(self) -> None:
        self.wall = CLOCK + 10
        self.ask("POST /config", CONFIG.replace("rest", "other"), content_type="application/yaml")
        self.ask("POST /config", "{", content_type="application/json")
        found = self.ask("GET /status").body["configuration"]
        self.assertEqual((found["source"], found["since"]), ("api", CLOCK + 10))
        self.assertEqual((found["applied"], found["rejected"], found["successful"]), (1, 1, False))
        self.ask("POST /reload")
        self.assertEqual(self.ask("GET /status").body["configuration"]["source"], "file")

    def test_a_listener_that_leaves(self) -> None:
        listener = self.composition.listeners[0]
        listener.connections = {object()}  # type: ignore[assignment]
        self.root.leaving.append(listener)
        found = self.ask("GET /status").body["listeners"][0]
        self.assertEqual((found["leaving"], found["connections"]), (True, 1))
