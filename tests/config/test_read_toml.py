"""What is said about TOML that cannot be read, and where its keys and values are."""
# ruff: noqa: E501 (what is printed is one line here too)

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.config.case import ConfigCase
from tests.config.test_read_json import leaves
from toron.config.place import Document, Path, Place
from toron.config.read_toml import read_toml


class TOML(ConfigCase):
    """Each: what is written, and every line that is said about it."""

    def test_empty(self) -> None:
        self.says(
            "",
            "1:1: the key 'listeners' is missing: add listeners:",
            file="a.toml",
        )

    def test_no_value(self) -> None:
        self.says(
            "listeners =\n",
            "1:12: not TOML: invalid value: check the quotes, the brackets and the = before this place",
            file="a.toml",
        )

    def test_an_open_string(self) -> None:
        self.says(
            'a = "x\n',
            "1:7: not TOML: illegal character '\\n': check the quotes, the brackets and the = before this place",
            file="a.toml",
        )

    def test_an_open_table(self) -> None:
        self.says(
            """
            [listeners
            port = 1
            """,
            "1:11: not TOML: expected ']' at the end of a table declaration: check the quotes, the brackets and the = before this place",
            file="a.toml",
        )

    def test_a_duplicate_key(self) -> None:
        self.says(
            """
            a = 1
            a = 2
            """,
            "2:6: not TOML: cannot overwrite a value: check the quotes, the brackets and the = before this place",
            file="a.toml",
        )

    def test_a_table_twice(self) -> None:
        self.says(
            """
            [drain.x]
            [listeners]
              [drain.x]
            """,
            "3:3: the table drain.x is already written above: put both together",
            file="a.toml",
        )

    def test_a_date(self) -> None:
        self.says(
            """
            [[listeners]]
            protocol = "tcp"
            port = 2026-01-01
            echo = {}
            """,
            "3:8: not a port: write a number from 0 to 65535",
            file="a.toml",
        )

    def test_places_in_arrays_of_tables(self) -> None:
        self.says(
            """
            # comment [not] = "a table"
            [[listeners]]
            protocol = "http"
            port = 8080

            [[listeners]]
              protocol = "tcp"
              "port" = 99999   # too many
              backend = 'db'

            [[routes]]
            match.path = "/a"
            match.hots = "x"
            respond = { status = 204, body = \"""
            multi "quoted" ""\\" [[x]] \""", headers = { "X A" = "1" } }

            [backends.db]
            servers = [
              "tcp://127.0.0.1:1",  # ] not the end
              { url = "tcp://127.0.0.1", weight = 1 },
              '''x'y''',
            ]
            [backends.db.timeouts]
            connect = "5 parsecs"
            """,
            "8:12: not a port: write a number from 0 to 65535",
            "13:7: unknown key 'hots': did you mean 'host'?",
            "24:11: not a duration: write a number with a unit, such as 250ms, 10s, 5m or 1h",
            file="a.toml",
        )

    def test_a_table_of_a_listener(self) -> None:
        self.says(
            """
            [[listeners]]
            protocol = "udp"
            port = 53
            backend = "dns"
            [listeners.timeouts]
            idle = "1s"
            [backends]
            [backends.dns]
            url = "udp://127.0.0.1:5300"
            """,
            "6:1: unknown key 'idle': known here: handshake, head, body, keepalive, write",
            file="a.toml",
        )


TRICKY = r'''
title = "a # = [b]" # c = 1
"quo ted"."d.o" = 'x'
a . b = { c = 1, "d" = [ [1, 2], [ { e = "}" } ] ] }
when = 1979-05-27 07:32:00
s1 = """x"""""
s2 = \'\'\'y\'\'\'\'
s3 = """
\"""" # a comment "
[t.u]
v = [
  1, # one ]
  "]",
]
[[p]]
[[p.q]]
r = +1.5e3
[[p.q]]
r = inf
[p.q.s]
x = true
[[p]]
q.y = 0xFF
'''.replace("\\'", "'")


KEYS = st.text("ab.\"' é\\\t", min_size=1, max_size=4)
DATA = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text("ab\"'\\#=[]{}\n,é", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=15,
)


class Reading(SynchronousTestCase):
    """Text in; data and places out."""

    def read(self, text: str) -> Document:
        document = Document("a.toml")
        read_toml(text, document)
        return document

    def test_everything_has_a_place(self) -> None:
        document = self.read(TRICKY)
        for path, _ in leaves(document.data):
            self.assertIn(path, document.values)
            self.assertTrue(not path or isinstance(path[-1], int) or path in document.keys, path)
        self.assertEqual(set(document.values), {path for path, _ in leaves(document.data)})

    def test_places(self) -> None:
        document = self.read(TRICKY)
        table: list[tuple[Path, Place, Place]] = [
            (("title",), (2, 1), (2, 9)),
            (("quo ted", "d.o"), (3, 11), (3, 19)),
            (("a", "b", "c"), (4, 11), (4, 15)),
            (("a", "b", "d", 1, 0, "e"), (4, 38), (4, 42)),
            (("when",), (5, 1), (5, 8)),
            (("s3",), (8, 1), (8, 6)),
            (("t", "u"), (10, 4), (10, 4)),
            (("t", "u", "v", 1), (13, 3), (13, 3)),
            (("p", 0), (15, 1), (15, 1)),
            (("p", 0, "q", 1, "r"), (19, 1), (19, 5)),
            (("p", 0, "q", 1, "s", "x"), (21, 1), (21, 5)),
            (("p", 1, "q", "y"), (23, 3), (23, 7)),
        ]
        for path, key, value in table:
            self.assertEqual((document.key_place(path), document.value_place(path)), (key, value), path)

    def test_dates_are_text(self) -> None:
        self.assertEqual(self.read("a = 2026-01-02\nb = 07:32:00").data, {"a": "2026-01-02", "b": "07:32:00"})

    @settings(deadline=None)
    @given(st.dictionaries(KEYS, DATA, max_size=4))
    def test_any_data(self, data: dict[str, Any]) -> None:
        text = "".join(f"{json.dumps(key)} = {inline(value)} # = [\n" for key, value in data.items())
        document = self.read(text)
        self.assertEqual(document.data, data)
        self.assertEqual(set(document.values), {path for path, _ in leaves(data)})
        lines = text.split("\n")
        for path, value in leaves(data):
            if path:
                line, column = document.values[path]
                self.assertTrue(lines[line - 1][column - 1 :].startswith(inline(value)), (path, text))


def inline(value: Any) -> str:
    """A value in TOML, on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}= {inline(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[ " + ",".join(map(inline, value)) + " ]"
    return json.dumps(value)
