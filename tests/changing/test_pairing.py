"""Who is who: by a name, a match, an address or a place."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from toron.changing.pairing import Pairs, paired_listeners, paired_routes
from toron.config.model import Listener, Route


def listeners(*each: tuple[str, int]) -> list[Listener]:
    return [Listener(name=name, protocol="tcp", port=port) for name, port in each]


def routes(*each: tuple[str | None, str]) -> list[Route]:
    made: list[Any] = [{"name": name, "match": {"path": path}, "echo": {}} for name, path in each]
    return [Route.model_validate(one) for one in made]


class Pairing(SynchronousTestCase):
    def test_listeners(self) -> None:
        old = listeners(("a", 1), ("b", 2), ("c", 0))
        for new, pairs in (
            (old, [(0, 0), (1, 1), (2, 2)]),
            (listeners(("b", 2), ("a", 3)), [(1, 0), (0, 1), (2, None)]),
            (listeners(("x", 2), ("y", 9), ("z", 0)), [(1, 0), (None, 1), (None, 2), (0, None), (2, None)]),
        ):  # fmt: skip
            self.assertEqual(paired_listeners(old, new), pairs)

    def test_routes(self) -> None:
        old = routes(("a", "/a"), (None, "/b"), (None, "/b"), (None, "/c"))
        found: list[tuple[list[Route], Pairs]] = [
            (old, [(0, 0), (1, 1), (2, 2), (3, 3)]),
            (routes((None, "/c"), (None, "/b"), ("a", "/x")), [(3, 0), (1, 1), (0, 2), (2, None)]),
            (routes((None, "/a"), (None, "/b"), (None, "/b"), (None, "/d")),
             [(None, 0), (1, 1), (2, 2), (3, 3), (0, None)]),
        ]  # fmt: skip
        for new, pairs in found:
            self.assertEqual(paired_routes(old, new), pairs)
