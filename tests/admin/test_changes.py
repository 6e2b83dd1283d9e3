"""What is said of changes reads back as what it was."""

from __future__ import annotations

from msgspec import ValidationError, convert, json
from twisted.trial.unittest import SynchronousTestCase

from toron.admin.changes import Apply, Change, ChangedKey, HistoryEntry, Plan, Rollback, State, Touched
from toron.admin.problem import Mistake


class Changes(SynchronousTestCase):
    def test_a_plan(self) -> None:
        key = ChangedKey("respond.body", None, {"a": [1]}, None, "b.yaml:1:2")
        plan = Plan(
            "a.yaml", True, [Change("change", "route", "a", "a.yaml:1:1", "b.yaml:1:1", [key])],
            [Touched(3, "h2", "web", "a", "b", "unaffected", "")], [State("pool", "kept", "3 idle")],
            [Mistake("b.yaml", 1, 1, "error", "no")], [],
        )  # fmt: skip
        self.assertEqual(convert(json.decode(json.encode(plan)), Plan), plan)

    def test_what_is_asked(self) -> None:
        self.assertEqual(json.decode(b'{"configuration": "x"}', type=Apply), Apply("x"))
        self.assertTrue(Apply("x").save)
        self.assertEqual(json.decode(b"{}", type=Rollback), Rollback(steps=1))
        for data, kind in ((b"{}", Apply), (b'{"configuration": "x", "windw": "1s"}', Apply),
                           (b'{"steps": "1"}', Rollback)):  # fmt: skip
            self.assertRaises(ValidationError, json.decode, data, type=kind)

    def test_an_entry_without_its_diff(self) -> None:
        entry = HistoryEntry(1, 1.0, "me", "", "applied", "", True, 0, 0)
        self.assertEqual(entry.diff, "")
