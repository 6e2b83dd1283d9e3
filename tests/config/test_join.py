"""What may be in several files and what in one, and what is said where both say it."""
# ruff: noqa: E501 (what is said is one line here too)

from __future__ import annotations

from tests.config.test_include import API, MAIN, IncludeCase
from toron.config.join import join
from toron.config.place import Report
from toron.config.source import read_document


class Joining(IncludeCase):
    """Two documents become one."""

    def test_places_of_what_comes_behind(self) -> None:
        whole = Report(read_document("a.yaml", b"routes:\n  - one\nbackends:\n  a: {}\n"))
        join(
            whole,
            read_document("b.yaml", b"\nbackends:\n\n  b: {}\nroutes:\n\n  - two\n  - x: [y]\nlog: {}\n"),
        )
        found = whole.document
        data = {"routes": ["one", "two", {"x": ["y"]}], "backends": {"a": {}, "b": {}}, "log": {}}
        self.assertEqual(found.data, data)
        places = {
            ("routes",): ("a.yaml", (1, 1)),
            ("routes", 0): ("a.yaml", (2, 5)),
            ("routes", 1): ("b.yaml", (7, 5)),
            ("routes", 2, "x"): ("b.yaml", (8, 5)),
            ("routes", 2, "x", 0): ("b.yaml", (8, 9)),
            ("backends",): ("a.yaml", (3, 1)),
            ("backends", "a"): ("a.yaml", (4, 3)),
            ("backends", "b"): ("b.yaml", (4, 3)),
            ("log",): ("b.yaml", (9, 1)),
            (): ("a.yaml", (1, 1)),
        }
        for path, (file, place) in places.items():
            self.assertEqual((found.file_of(path), found.key_place(path)), (file, place), path)


class Twice(IncludeCase):
    """One of the two is wrong, and it is told where the other is."""

    def test_written_twice(self) -> None:
        self.write("conf.d/a.yaml", API + "admin: {}\nworkers: 2\n")
        self.write("more.toml", 'workers = 3\n[backends.api]\nurl = "http://a"\n[admin]\n')
        self.assertEqual(
            self.said(MAIN),
            [
                "more.toml:1:1: 'workers' is already written at conf.d/a.yaml:6:1: take one of the two out, it is"
                " for one file",
                "more.toml:2:11: 'api' is already written at conf.d/a.yaml:2:3: give one of the two another name",
                "more.toml:4:2: 'admin' is already written at conf.d/a.yaml:5:1: take one of the two out, it is for"
                " one file",
            ],
        )

    def test_a_key_twice_in_an_included_file(self) -> None:
        self.write("b.yaml", "drain: {}\ndrain: {}\n")
        self.says(
            "include: b.yaml\nlisteners: [{protocol: tcp, port: 1, echo: {}}]\n",
            "b.yaml:2:1: the key 'drain' is already written at 1:1: take one of the two out",
        )

    def test_another_shape(self) -> None:
        self.write("b.yaml", "routes: {a: 1}\nbackends: [1]\nmiddlewares: 1\n")
        self.says(
            "include: b.yaml\nlisteners: [{protocol: tcp, port: 1, echo: {}}]\nroutes: []\nbackends: {}\n",
            "b.yaml:1:9: routes is something else here: write a list such as [a, b]",
            "b.yaml:2:11: backends is something else here: write keys with values, such as {key: value}",
            "b.yaml:3:14: not a mapping: write keys with values, such as {key: value}",
        )
