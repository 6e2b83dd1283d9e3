"""A plan, put together."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.changing.test_differences import BASE, loaded
from toron.admin.changes import Change
from toron.changing.planning import asked, compared, mistake, routes, structural
from toron.changing.sameness import FINISHES, Sameness
from toron.config.kept import kept
from toron.config.place import Problem
from toron.net.living import Tally


def change(action: str, kind: str, name: str) -> Change:
    return Change(action, kind, name, None, None, [])


class Plans(SynchronousTestCase):
    old, new = loaded(BASE, "old.yaml"), loaded(BASE.replace("body: c", "body: d"), "new.yaml")

    def test_of_texts_only(self) -> None:
        plan = structural(self.old, self.new)
        self.assertEqual(
            (plan.file, plan.live, [each.name for each in plan.changes]), ("old.yaml", False, ["3:*/c"])
        )
        self.assertEqual((plan.connections, plan.state, plan.refused), ([], [], []))

    def test_of_what_serves(self) -> None:
        found = Sameness(backends={"api": "changed", "shop": "changed", "old": "gone"}, routes={"r": "gone"})
        problem = Problem("new.yaml", 1, 2, "taken")
        plan = structural(self.old, self.old)
        plan.changes = [change("change", "server", "shop/http://a")]
        asked(plan, found, [Tally("web", "h2", "r", "api", 2)], [problem])
        self.assertTrue(plan.live)
        self.assertEqual([(each.count, each.fate) for each in plan.connections], [(2, FINISHES)])
        self.assertEqual(plan.refused, [mistake(problem)])
        [_, files] = plan.changes
        self.assertEqual((files.kind, files.name, files.keys[0].key), ("backend", "api", "files"),
                         "nothing of it is written otherwise, so what it reads is different")  # fmt: skip

    def test_of_one_that_was_kept(self) -> None:
        new = loaded(BASE.replace("body: c", "body: d"), "new.yaml")
        [change] = compared(kept(self.old), [new]).changes
        [key] = change.keys
        self.assertEqual((key.place_before, key.place_after), ("old.yaml:8:35", "new.yaml:8:35"))

    def test_routes_that_somebody_may_have(self) -> None:
        changes = [change("add", "route", "a"), change("change", "route", "b")]
        changes += [change("remove", "route", "c"), change("remove", "backend", "d")]
        self.assertEqual(routes(changes), {"b": "changed", "c": "gone"})

    def test_problems(self) -> None:
        self.assertEqual(mistake(Problem("a", 1, 2, "m", True)).severity, "warning")
        self.assertEqual(mistake(Problem("a", 1, 2, "m")).severity, "error")
