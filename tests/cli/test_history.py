"""`toron history`: what is asked, and what is printed."""

from __future__ import annotations

import json

from tests.cli.admin_port import AdminCase

ENTRY = {"id": 3, "time": 1_800_000_000.0, "author": "me", "message": "why", "result": "applied",
         "reason": "", "serving": True, "added": 2, "removed": 11, "diff": ""}  # fmt: skip


class History(AdminCase):
    def test_lines(self) -> None:
        back = ENTRY | {"id": 2, "serving": False, "result": "went back", "reason": "p99", "message": ""}
        self.port.answers["GET history?limit=20"] = (200, {"entries": [ENTRY, back]})
        first, second = self.lines("history")
        self.assertRegex(first, r"\A\*   3  20\d\d-\d\d-\d\d \d\d:\d\d:\d\d  me +\+2 -11  applied  why\Z")
        self.assertRegex(second, r"\A    2  .* went back: p99\Z")
        self.assertEqual(json.loads(self.type("history", "--json").stdout)["entries"], [ENTRY, back])

    def test_an_author_writes_no_lines_of_the_list(self) -> None:
        entry = ENTRY | {"author": "me\n*   4", "message": "\x1b[2J"}
        self.port.answers["GET history?limit=20"] = (200, {"entries": [entry]})
        [line] = self.lines("history")
        self.assertIn(r"me\n*   4", line)
        self.assertTrue(line.endswith(r"\x1b[2J"))

    def test_one_with_its_diff(self) -> None:
        entry = ENTRY | {"diff": "--- a\n+++ b\n+x\n"}
        self.port.answers["GET history/3"] = (200, entry)
        self.assertEqual(self.lines("history", "--diff", "3")[1:], ["--- a", "+++ b", "+x"])
        self.assertEqual(json.loads(self.type("history", "--diff", "3", "--json").stdout), entry)

    def test_how_many(self) -> None:
        self.port.answers["GET history?limit=5"] = (200, {"entries": []})
        self.assertEqual(self.lines("history", "--limit", "5"), [])
