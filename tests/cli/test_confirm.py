"""`toron confirm`: what is asked, and how it ends."""

from __future__ import annotations

import json

from tests.cli.admin_port import AdminCase
from tests.cli.test_changes import PROGRESS


class Confirm(AdminCase):
    def test_it_is_kept(self) -> None:
        kept = PROGRESS | {"result": "confirmed"}
        self.port.answers["POST confirm"] = (200, kept)
        self.assertEqual(self.lines("confirm"), ["change 3 is confirmed; /etc/toron.yaml says so"])
        self.assertEqual(json.loads(self.type("confirm", "--json").stdout), kept)

    def test_what_could_not_be_written(self) -> None:
        warning = {"file": "a", "line": 1, "column": 1, "severity": "warning", "message": "disk full"}
        self.port.answers["POST confirm"] = (200, PROGRESS | {"saved": False, "warnings": [warning]})
        self.assertIn("a:1:1: warning: disk full\n", self.type("confirm").stderr)

    def test_nothing_waits(self) -> None:
        self.port.answers["POST confirm"] = (409, {"detail": "no change waits", "next": "apply one"})
        result = self.type("confirm")
        self.assertEqual((result.exit_code, result.stderr), (1, "Error: no change waits: apply one\n"))
