"""`toron rollback`: what is asked, and how it ends."""

from __future__ import annotations

import json

from tests.cli.admin_port import AdminCase
from tests.cli.test_changes import PROGRESS


class Rollback(AdminCase):
    def setUp(self) -> None:
        super().setUp()
        self.port.answers["POST rollback"] = (200, PROGRESS)

    def test_what_is_asked(self) -> None:
        for words, steps, entry in (((), 1, 0), (("3",), 3, 0), (("--to", "17"), 1, 17)):
            self.port.asked.clear()
            said = self.lines("rollback", *words, "--author", "me", "-m", "why")
            self.assertEqual(said, ["change 3 is applied; /etc/toron.yaml says so"])
            self.assertEqual(
                json.loads(self.port.asked[0].body),
                {"steps": steps, "id": entry, "author": "me", "message": "why", "save": True},
            )

    def test_what_waited(self) -> None:
        self.port.answers["POST rollback"] = (200, PROGRESS | {"result": "went back", "reason": "me"})
        self.assertEqual(self.lines("rollback"), ["change 3 went back: me"])
        self.assertEqual(json.loads(self.type("rollback", "--json").stdout)["result"], "went back")

    def test_what_can_not_be_meant(self) -> None:
        for word in ("0", "-1", "x"):
            self.assertEqual(self.type("rollback", word).exit_code, 2)
        self.assertEqual(self.port.asked, [])
