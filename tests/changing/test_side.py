"""One side of a comparison: data, secrets and places."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.changing.test_differences import BASE, loaded
from toron.changing.side import Hidden, Side, at


class Sides(SynchronousTestCase):
    def setUp(self) -> None:
        self.side = Side(loaded(BASE, "a.yaml"))

    def test_secrets_are_there_and_not_seen(self) -> None:
        self.assertEqual(self.side.part(("backends", "api"))["sticky"]["secret"],
                         [Hidden("first-secret-of-the-backend-1234")])  # fmt: skip
        self.assertNotIn("first-secret", str(self.side.data))
        self.assertNotEqual(Hidden("a"), Hidden("b"))

    def test_what_is_known_by_a_name(self) -> None:
        self.assertEqual(list(self.side.part(("backends", "api"))["servers"]),
                         ["http://127.0.0.1:1", "http://127.0.0.1:2"])  # fmt: skip
        self.assertEqual(list(self.side.part(("listeners", 1))["certificates"]), ["self-signed a.test"])
        self.assertEqual(list(self.side.part(("routes", 1))["backend"]["servers"]), ["http://127.0.0.1:3"])

    def test_places(self) -> None:
        for path, above, place in (
            (("routes", 0), (), "a.yaml:6:5"),
            (("routes", 0, "match", 0, "path"), (), "a.yaml:6:23"),
            (("routes", 0, "priority"), ("routes", 0), None),
            (("backends", "api", "servers", "http://127.0.0.1:2"), ("backends", "api"), "a.yaml:12:37"),
            (("backends", "api", "timeouts", "idle"), ("backends", "api"), None),
            (("nothing",), (), None),
        ):
            self.assertEqual(self.side.place(path, above), place, path)

    def test_one_step(self) -> None:
        for data, step, found in (({"a": 1}, "a", 1), ({}, "a", None), ([1], 0, 1), ([1], 1, None),
                                  ([1], "a", None), (5, "a", None)):  # fmt: skip
            self.assertEqual(at(data, step), found)

    def test_let_go(self) -> None:
        self.side.let_go()
        self.assertEqual(self.side.data["routes"], [])
