"""What can be checked of a configuration that is partly wrong."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from toron.config.draft import draft
from toron.config.model import Config

DATA: dict[str, Any] = {
    "listeners": [
        {"protocol": "http", "port": 1},
        {"protocol": "udp", "port": 2, "backend": {"url": "udp://a:1"}},
    ],
    "routes": [{"backend": "b"}, {"backend": {"url": "http://a"}}],
    "backends": {"b": {"url": "http://b"}},
    "middlewares": {"m": None},
    "admin": {},
}


class Drafts(SynchronousTestCase):
    """Whole, and part by part."""

    def test_whole(self) -> None:
        found = draft(Config.model_validate(DATA), DATA, ["jwt"])
        self.assertTrue(found.whole)
        self.assertEqual(
            list(found.backends), [("backends", "b"), ("routes", 1, "backend"), ("listeners", 1, "backend")]
        )
        uses = [(path, kind) for path, _, kind in found.users()]
        wanted = [(("routes", 0, "backend"), "http"), (("routes", 1, "backend"), "http")]
        self.assertEqual(uses, [*wanted, (("listeners", 1, "backend"), "udp")])

    def test_part_by_part(self) -> None:
        data = DATA | {
            "listeners": [5, DATA["listeners"][0], {"protocol": "x"}],
            "routes": [*DATA["routes"], None],
        }
        data |= {"backends": {"b": {}, "c": {"nope": 1}}, "admin": 5}
        found = draft(None, data, [])
        self.assertFalse(found.whole)
        self.assertEqual((list(found.listeners), list(found.routes)), ([1], [0, 1]))
        self.assertEqual(found.backend_names, ["b", "c"])
        self.assertEqual(list(found.backends), [("backends", "b"), ("routes", 1, "backend")])
        self.assertEqual(found.middleware_names, ["m"])
        self.assertIsNone(found.admin)

    def test_nothing(self) -> None:
        for data in ({}, {"listeners": 1, "routes": 1, "backends": 1, "middlewares": 1}):
            found = draft(None, data, [])
            self.assertEqual(
                (found.listeners, found.routes, found.backends, found.backend_names), ({}, {}, {}, [])
            )
