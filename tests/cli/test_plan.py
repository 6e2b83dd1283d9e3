"""`toron plan`: what is asked, what is printed, and how it ends."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from tests.cli.admin_port import AdminCase

PLAN = {"file": "/etc/a.yaml", "live": True, "changes": [], "connections": [], "state": [], "refused": [],
        "warnings": []}  # fmt: skip
CHANGE = {"action": "change", "kind": "route", "name": "a", "place_before": "a:1:1", "place_after": "b:1:1",
          "keys": []}  # fmt: skip
MISTAKE = {"file": "b.yaml", "line": 1, "column": 2, "severity": "error", "message": "no"}


class Plan(AdminCase):
    def plan(self, *words: str, code: int = 0, **said: object) -> str:
        path = self.write("new.yaml", "listeners: []\n")
        self.port.answers[f"POST plan?{urlencode({'name': path})}"] = (200, PLAN | said)
        result = self.type("plan", path, *words)
        self.assertEqual(result.exit_code, code, result.output)
        return result.stdout

    def test_what_is_asked(self) -> None:
        self.assertIn("No changes to /etc/a.yaml.", self.plan())
        [asked] = self.port.asked
        self.assertEqual(
            (asked.headers["content-type"], asked.body), ("application/yaml", b"listeners: []\n")
        )

    def test_how_it_ends(self) -> None:
        self.plan(changes=[CHANGE])
        self.plan("--exit-code")
        self.plan("--exit-code", code=2, changes=[CHANGE])
        self.plan("--exit-code", code=1, changes=[CHANGE], refused=[MISTAKE])
        self.assertIn("This would be refused:\n  b.yaml:1:2: no\n", self.plan(code=1, refused=[MISTAKE]))

    def test_json(self) -> None:
        self.assertEqual(json.loads(self.plan("--json", changes=[CHANGE])), PLAN | {"changes": [CHANGE]})

    def test_without_a_gateway(self) -> None:
        listeners = "listeners: [{protocol: http, port: 80}]\nroutes: [{respond: {body: %s}}]\n"
        old = self.write("old.yaml", listeners % "one")
        new = self.write("new.yaml", listeners % "two")
        result = self.run_cli("plan", "--offline", old, new)
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertIn("respond.body: one -> two", result.stdout)
        self.assertIn("Nobody was asked about live connections (--offline).", result.stdout)
        self.assertEqual(self.port.asked, [])
        self.write("new.yaml", "listeners: [")
        result = self.run_cli("plan", "--offline", old, new)
        self.assertEqual(result.exit_code, 1)
        self.assertIn("new.yaml:2:1: not YAML", result.stderr)

    def test_a_file_that_is_none(self) -> None:
        self.assertEqual(self.type("plan", "none.yaml").exit_code, 2)
