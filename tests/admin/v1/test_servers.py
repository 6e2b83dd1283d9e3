"""Servers are told of, and drained."""

from __future__ import annotations

from typing import Any

from tests.admin.case import CLOCK, CONFIG, ApiCase

ONE = "/backends/api/servers/127.0.0.1:1"


class Servers(ApiCase):
    def setUp(self) -> None:
        super().setUp()
        self.backend: Any = self.composition.groups[0].backend
        self.first, self.second = self.backend.servers

    def states(self) -> dict[str, str]:
        return {each["name"]: each["state"] for each in self.ask("GET /servers?backend=api").body["servers"]}

    def test_backends(self) -> None:
        self.backend.set_healthy(self.first, False, "x")
        found = self.ask("GET /backends").body["backends"]
        self.assertEqual(
            found[0],
            {"name": "api", "balance": "round-robin", "servers": 2, "up": 1, "draining": 0, "active": 0,
             "place": f"{self.path}:10:3"},
        )  # fmt: skip
        self.assertEqual([each["name"] for each in found], ["api", "dns"])

    def test_how_they_are(self) -> None:
        now = self.reactor.seconds()
        self.assertEqual(self.states(), {"127.0.0.1:1": "up", "127.0.0.1:2": "up"})
        self.backend.set_healthy(self.first, False, "no answer")
        self.backend.eject(self.second, now, now + 30, 1, "x")
        self.second.in_flight, self.second.failures = 3, 5
        first, second = self.ask("GET /servers?backend=api").body["servers"]
        self.assertEqual((first["state"], first["healthy"], first["ejected_until"]), ("down", False, None))
        self.assertEqual((second["state"], second["ejected_until"]), ("ejected", CLOCK + 30))
        self.assertEqual((second["active"], second["failures_in_a_row"]), (3, 5))
        self.assertEqual(first["checks"], {"passed": 0, "failed": 0})
        self.reactor.advance(31)
        self.backend.suspect(self.second, now + 60)
        self.assertEqual(self.states()["127.0.0.1:2"], "suspect")
        self.assertEqual(len(self.ask("GET /servers").body["servers"]), 3)
        self.assertIsNone(self.ask("GET /servers?backend=dns").body["servers"][0]["checks"])

    def test_one_that_is_gone_and_finishes(self) -> None:
        self.first.in_flight = 1
        self.backend.publish([self.second])
        self.assertEqual(self.states(), {"127.0.0.1:2": "up", "127.0.0.1:1": "gone"})
        self.first.in_flight = 0
        self.assertEqual(self.states(), {"127.0.0.1:2": "up"})

    def test_draining(self) -> None:
        got = self.ask(f"POST {ONE}/drain")
        self.assertEqual((got.status, got.body["state"], got.body["draining"]), (200, "draining", True))
        picked = {self.backend.lease(None, (), 0.0).server for _ in range(4)}
        self.assertEqual(picked, {self.second})
        self.assertEqual(self.ask("GET /backends").body["backends"][0]["draining"], 1)
        self.ask("POST /config", CONFIG.replace("passive_health: {}", "retries: {attempts: 1}"),
                 content_type="application/yaml")  # fmt: skip
        self.assertEqual(self.states()["127.0.0.1:1"], "draining", "a reload changes nothing")
        self.assertEqual(self.ask(f"POST {ONE}/undrain").body["state"], "up")

    def test_the_last_one(self) -> None:
        self.ask(f"POST {ONE}/drain")
        self.assertEqual(self.ask("POST /backends/api/servers/127.0.0.1%3A2/drain").status, 200)
        self.assertIn("no other server", self.ask("GET /audit").body["entries"][0]["result"])

    def test_by_its_url(self) -> None:
        got = self.ask("POST /backends/api/servers/http%3A%2F%2F127.0.0.1%3A1/drain")
        self.assertEqual(got.body["name"], "127.0.0.1:1")

    def test_those_that_are_not_there(self) -> None:
        got = self.refused(404, "unknown_backend", "POST /backends/a%2Fb/servers/127.0.0.1:1/drain")
        self.assertEqual(
            (got.body["detail"], got.body["known"]), ("there is no backend 'a/b'", ["api", "dns"])
        )
        got = self.refused(404, "unknown_server", "POST /backends/api/servers/127.0.0.1:3/undrain")
        self.assertEqual(got.body["known"], ["127.0.0.1:1", "127.0.0.1:2"])
        self.refused(404, "unknown_backend", "GET /servers?backend=nope")
        self.refused(404, "unknown_path", "POST /backends/a/b/servers/127.0.0.1:1/drain")
        self.refused(400, "bad_path", "POST /backends/%ff/servers/127.0.0.1:1/drain")
