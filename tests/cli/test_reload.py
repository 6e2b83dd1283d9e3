"""`toron reload`, as somebody types it."""

from __future__ import annotations

import json

from tests.cli.admin_port import AdminCase

APPLIED = {"result": "applied", "source": "file", "seconds": 0.123, "etag": '"x"', "warnings": []}
WARNING = {"file": "a.yaml", "line": 1, "column": 2, "severity": "warning", "message": "hm"}


class Reloads(AdminCase):
    def test_applied(self) -> None:
        self.port.answers["POST reload"] = 200, {**APPLIED, "warnings": [WARNING]}
        result = self.type("reload")
        self.assertEqual(result.exit_code, 0)
        self.assertEqual(result.stderr, "a.yaml:1:2: warning: hm\n")
        self.assertEqual(result.stdout.splitlines()[-1], "applied in 0.12 s")

    def test_rejected(self) -> None:
        problem = {
            "title": "x", "status": 422, "detail": "nothing was changed: no", "next": "put it right",
            "word": "rejected", "problems": [{**WARNING, "severity": "error", "message": "no"}],
        }  # fmt: skip
        self.port.answers["POST reload"] = 422, problem
        result = self.type("reload")
        self.assertEqual(result.exit_code, 1)
        self.assertEqual(result.stderr, "Error: a.yaml:1:2: no\nnothing was changed: no\n")
        result = self.type("reload", "--json")
        self.assertEqual((result.exit_code, json.loads(result.stdout)), (1, problem))

    def test_json(self) -> None:
        self.port.answers["POST reload"] = 200, APPLIED
        self.assertEqual(json.loads(self.type("reload", "--json").stdout), APPLIED)
