"""`toron apply`: what is asked, how it is waited for, and how it ends."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.admin_port import AdminCase
from tests.cli.test_changes import PROGRESS
from toron.cli import apply

WAITS = PROGRESS | {"state": "watching", "result": "waiting", "left": 59.5, "needs": "confirmation",
                    "saved": False, "figures": ["p99 is 2ms"]}  # fmt: skip
BACK = PROGRESS | {"result": "went back", "reason": "p99 is 5s > 1s"}


class Apply(AdminCase):
    def setUp(self) -> None:
        super().setUp()
        self.path = self.write("new.yaml", "listeners: []\n")
        self.patch(apply, "LOOK", 0.0)
        self.keys: list[bool] = []
        self.patch(apply, "_pressed", lambda: bool(self.keys) and self.keys.pop())

    def apply(self, *words: str, code: int = 0, first: Any = PROGRESS, then: Any = ()) -> Any:
        self.port.answers["POST apply"] = (200, first)
        self.port.answers["GET apply"] = [(200, each) for each in then]
        result = self.type("apply", self.path, *words)
        self.assertEqual(result.exit_code, code, result.output)
        return result

    def asked(self) -> Any:
        return json.loads(self.port.asked[0].body)

    def test_at_once(self) -> None:
        result = self.apply("-m", "why", "--author", "me")
        self.assertEqual(result.stdout, "change 3 is applied; /etc/toron.yaml says so\n")
        self.assertEqual(
            self.asked(),
            {"configuration": "listeners: []\n", "format": "yaml", "name": self.path, "author": "me",
             "message": "why", "window": "", "confirm": False, "requests": 20, "save": True},
        )  # fmt: skip

    def test_what_the_options_mean(self) -> None:
        for words, window, confirm in (
            (("--confirm", "90s"), "90s", True),
            (("--confirm", "90s", "--rollback-if", "p99 > 2x"), "90s", True),
            (("--rollback-if", "p99 > 2x"), "60s", False),
            (("--rollback-if", "p99 > 2x", "--watch", "2m"), "2m", False),
        ):
            self.port.asked.clear()
            self.apply(*words, "--no-save", "--overwrite", "--requests", "5")
            asked = self.asked()
            self.assertTrue(asked["overwrite"])
            self.assertEqual((asked["window"], asked["confirm"]), (window, confirm))
            self.assertEqual((asked["save"], asked["requests"]), (False, 5))
            self.assertEqual(asked.get("rollback_if"), "p99 > 2x" if "--rollback-if" in words else None)

    def test_what_they_can_not_mean(self) -> None:
        for words in (("--watch", "5s"), ("--confirm", "5"), ("--confirm", "5s", "--watch", "5s")):
            self.apply(*words, code=2)
        self.assertEqual(self.port.asked, [])

    def test_until_it_is_decided(self) -> None:
        kept = PROGRESS | {"result": "confirmed"}
        result = self.apply("--confirm", "60s", first=WAITS, then=[WAITS, WAITS | {"state": "saving"}, kept])
        self.assertEqual(result.stdout, "change 3 is confirmed; /etc/toron.yaml says so\n")
        self.assertIn("change 3 serves, and waits to be decided for 60 s more\n", result.stderr)
        self.assertIn("  60 s left: p99 is 2ms\n", result.stderr)
        result = self.apply("--confirm", "60s", code=1, first=WAITS, then=[WAITS, BACK])
        self.assertEqual(result.stdout, "change 3 went back: p99 is 5s > 1s\n")

    def test_enter_confirms(self) -> None:
        self.keys = [True]
        self.port.answers["POST confirm"] = (200, PROGRESS)
        self.apply("--confirm", "60s", first=WAITS, then=[PROGRESS | {"result": "confirmed"}])
        self.assertEqual([each.what for each in self.port.asked][1], "POST /api/v1/confirm")

    def test_enter_where_nothing_waits_for_it(self) -> None:
        self.keys = [True]
        watched = WAITS | {"needs": "nothing"}
        self.apply("--rollback-if", "p99 > 2x", first=watched, then=[PROGRESS])
        self.assertNotIn("POST /api/v1/confirm", [each.what for each in self.port.asked])

    def test_not_waited_for(self) -> None:
        result = self.apply("--confirm", "60s", "--no-wait", first=WAITS)
        self.assertEqual(result.stdout, "change 3 serves, and waits to be decided for 60 s more\n")
        self.assertEqual(len(self.port.asked), 1)

    def test_interrupted(self) -> None:
        def interrupt() -> bool:
            raise KeyboardInterrupt

        self.patch(apply, "_pressed", interrupt)
        result = self.apply("--confirm", "60s", code=1, first=WAITS)
        self.assertIn("change 3 goes on without you: toron confirm, or toron rollback\n", result.stderr)

    def test_another_change_came_after_it(self) -> None:
        self.port.answers["GET history/3"] = (200, {"result": "went back", "reason": "SIGHUP"})
        result = self.apply("--confirm", "60s", code=1, first=WAITS, then=[PROGRESS | {"id": 4}])
        self.assertIn("went back: SIGHUP", result.stdout)

    def test_json(self) -> None:
        result = self.apply("--json", "--confirm", "60s", code=1, first=WAITS, then=[BACK])
        self.assertEqual((json.loads(result.stdout), result.stderr), (BACK, ""))

    def test_refused(self) -> None:
        problem = {"file": "a.yaml", "line": 3, "column": 4, "severity": "error", "message": "bad"}
        self.port.answers["POST apply"] = (422, {"detail": "nothing was changed: bad", "next": "put it right",
                                                 "problems": [problem]})  # fmt: skip
        result = self.type("apply", self.path)
        self.assertEqual(result.exit_code, 1)
        self.assertIn("a.yaml:3:4: bad\nnothing was changed: bad\n", result.stderr)


class Pressed(AdminCase):
    def test_no_terminal(self) -> None:
        self.patch(apply, "LOOK", 0.0)
        self.patch(apply.sys, "stdin", open("/dev/null"))  # noqa: SIM115
        self.addCleanup(apply.sys.stdin.close)
        self.assertFalse(apply._pressed())
