"""Twice as much of anything takes twice as long to load."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from tests.config.case import ConfigCase
from tests.config.fakes import NOW, FakeCatalog
from toron.config.load import load
from toron.config.place import Invalid

HTTP = [{"protocol": "http", "port": 8080}]


def many_routes(route: Callable[[int], Any], **rest: Any) -> Callable[[int], Any]:
    """A document with so many routes to echo, each with what `route` says of it."""
    return lambda count: {
        "listeners": HTTP,
        "routes": [{"echo": {}} | route(index) for index in range(count)],
        **{key: value(count) for key, value in rest.items()},
    }


KINDS: dict[str, Callable[[int], Any]] = {
    "paths": many_routes(lambda i: {"match": {"path": f"/x/{i}"}}),
    "the same match": many_routes(lambda i: {"match": {"path": "/x"}}),
    "the same match, the last first": many_routes(lambda i: {"match": {"path": "/x"}, "priority": -i}),
    "misspelt keys": many_routes(lambda i: {"match": {"paht": f"/x/{i}"}}),
    "misspelt backends": many_routes(
        lambda i: {"echo": None, "backend": f"c{i}"},
        backends=lambda n: {f"b{i}": {"url": "http://a"} for i in range(n)},
    ),
    "misspelt middlewares": many_routes(
        lambda i: {"middlewares": [f"n{i}"]},
        middlewares=lambda n: {f"m{i}": {"type": "headers"} for i in range(n)},
    ),
    "variables": many_routes(
        lambda i: {"match": {"path": f"${{P}}/{i}"}, "middlewares": [{"jwt": {"secret": "${S}"}}]}
    ),
    "variables in wrong options": many_routes(lambda i: {"middlewares": [{"jwt": {"sceret": "${S}"}}]}),
    "variables that are not set": many_routes(lambda i: {"match": {"path": f"${{N}}/{i}"}}),
    "listeners": lambda count: {
        "listeners": [{"name": f"l{i}", "protocol": "http", "port": i + 1} for i in range(count)],
        "routes": [{"listeners": [f"l{i}"], "echo": {}} for i in range(count)],
    },
}  # fmt: skip
"""Ways of saying much: documents of a size."""


class Scale(ConfigCase):
    """Calls are counted rather than seconds."""

    def calls(self, data: Any) -> int:
        """How many functions are called to load a document."""
        path = self.write("a.json", json.dumps(data))
        count = 0

        def called(*_: object) -> None:
            nonlocal count
            count += 1

        sys.setprofile(called)
        try:
            load(path, FakeCatalog(), {"P": "/p", "S": "hunter2-hunter2"}, now=NOW)
        except Invalid:
            pass
        finally:
            sys.setprofile(None)
        return count

    def test_twice_as_much_takes_twice_as_long(self) -> None:
        for kind, document in KINDS.items():
            once, twice = self.calls(document(400)), self.calls(document(800))
            self.assertLess(twice, 2.3 * once, kind)
