"""A plan, as people read it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.admin.changes import Change, ChangedKey, Plan, State, Touched
from toron.admin.problem import Mistake
from toron.changing.plan_text import KEPT, MOST, plan_text

EMPTY = Plan("a.yaml", True, [], [], [], [], [])

FULL = Plan(
    "a.yaml",
    True,
    [
        Change("add", "route", "new", None, "b.yaml:3:5", []),
        Change(
            "change", "route", "text", "a.yaml:4:5", "b.yaml:4:5",
            [
                ChangedKey("respond.body", "one", "two", "a.yaml:4:20", "b.yaml:4:20"),
                ChangedKey("priority", None, 5, None, "b.yaml:4:40"),
            ],
        ),
        Change(
            "change", "backend", "shop", "a.yaml:9:3", "b.yaml:9:3",
            [ChangedKey("sticky.secret", "<secret>", "<secret>", "a.yaml:9:30", "b.yaml:9:30")],
        ),
        Change("remove", "listener", "db", "a.yaml:2:5", None, []),
    ],
    [
        Touched(2, "relay", "db", "", "db", "finishes", "its listener goes"),
        Touched(14, "h2", "web", "", "", "unaffected", ""),
    ],
    [State("middleware few", "kept", "its counters"), State("connections to db", "lost", "2 idle closed")],
    [],
    [Mistake("b.yaml", 1, 1, "warning", "unused")],
)  # fmt: skip

TEXT = """\
b.yaml:1:1: warning: unused
Changes to a.yaml:
  + route new  (b.yaml:3:5)
  ~ route text  (a.yaml:4:5 -> b.yaml:4:5)
      respond.body: one -> two  (a.yaml:4:20 -> b.yaml:4:20)
      priority: (not set) -> 5  (b.yaml:4:40)
  ~ backend shop  (a.yaml:9:3 -> b.yaml:9:3)
      sticky.secret: another secret  (a.yaml:9:30 -> b.yaml:9:30)
  - listener db  (a.yaml:2:5)

1 to add, 2 to change, 1 to remove.

Open connections:
  2 relay on db, to db: finishes: its listener goes
  14 h2 on web: unaffected

What is remembered:
  connections to db: lost (2 idle closed)
  middleware few: kept (its counters)
"""


class Texts(SynchronousTestCase):
    maxDiff = None

    def test_everything(self) -> None:
        self.assertEqual(plan_text(FULL), TEXT)

    def test_nothing(self) -> None:
        self.assertEqual(plan_text(EMPTY), "No changes to a.yaml.\n\nNo connection is open.\n")

    def test_refused(self) -> None:
        refused = Plan("a.yaml", False, [], [], [], [Mistake("b.yaml", 3, 4, "error", "taken")], [])
        self.assertEqual(
            plan_text(refused),
            "This would be refused:\n  b.yaml:3:4: taken\n\nNo changes to a.yaml.\n"
            "Nobody was asked about live connections (--offline).\n",
        )

    def test_very_many(self) -> None:
        plan = Plan(
            "a",
            True,
            [Change("add", "route", str(n), None, None, []) for n in range(MOST + 7)],
            [],
            [],
            [],
            [],
        )
        self.assertIn("  + route 199\n  ... and 7 more (--json has all)\n\n207 to add, 0 to", plan_text(plan))

    def test_much_that_is_kept(self) -> None:
        state = [State(f"s{n}", "kept", "") for n in range(KEPT + 5)] + [State("x", "lost", "")]
        text = plan_text(Plan("a", True, [], [], state, [], []))
        self.assertIn("remembered:\n  x: lost\n  s0: kept\n", text)
        self.assertIn("  s19: kept\n  ... and 5 more that are kept (--json has all)\n", text)
