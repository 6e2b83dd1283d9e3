"""What is said about JSON that cannot be read, and what is read of the rest."""
# ruff: noqa: E501 (what is printed is one line here too)

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.config.case import ConfigCase
from toron.config.place import Document, Path
from toron.config.read_json import read_json


class JSON(ConfigCase):
    """Each: what is written, and every line that is said about it."""

    def test_empty(self) -> None:
        self.says(
            "",
            "1:1: not JSON: expecting value: check the quotes, commas and brackets before this place",
            file="a.json",
        )

    def test_a_list(self) -> None:
        self.says(
            "[]",
            "1:1: not a mapping: write keys such as listeners: and routes:",
            file="a.json",
        )

    def test_an_unclosed_object(self) -> None:
        self.says(
            '{"listeners": [',
            "1:16: not JSON: expecting value: check the quotes, commas and brackets before this place",
            file="a.json",
        )

    def test_a_trailing_comma(self) -> None:
        self.says(
            """
            {"listeners": [],
            }            """,
            "1:17: not JSON: a comma before a closing bracket: take the comma out",
            file="a.json",
        )

    def test_a_comment(self) -> None:
        self.says(
            """
            {
              // no
            }            """,
            "2:3: JSON has no comments: take it out, or write the file in YAML or TOML",
            file="a.json",
        )

    def test_a_single_quote(self) -> None:
        self.says(
            "{'a': 1}",
            "1:2: not JSON: expecting property name enclosed in double quotes: check the quotes, commas and brackets before this place",
            file="a.json",
        )

    def test_not_a_number(self) -> None:
        self.says(
            """
            {"listeners":
              NaN}            """,
            "2:3: not JSON: NaN is not a number: write a number",
            file="a.json",
        )

    def test_half_a_character(self) -> None:
        self.says(
            '{"a": "\\ud800"}',
            "1:7: half a character: write the other \\u escape of the pair, or the character",
            file="a.json",
        )

    def test_a_duplicate_key(self) -> None:
        self.says(
            """
            {"listeners": [{"protocol": "http", "port": 8080,
              "port": 8081}], "routes": [{"echo": {}}]}
            """,
            "2:3: the key 'port' is already written at 1:37: take one of the two out",
            file="a.json",
        )

    def test_an_unknown_key_after_escapes(self) -> None:
        self.says(
            """
            {
              "a\\"b,\\u00e9": {"x": ["}", 1]},
              "listners": 1,
              "listeners": [{"protocol": "tcp", "echo": {}, "port": "x"}]
            }
            """,
            "2:3: unknown key 'a\"b,é': known here: listeners, routes, backends, middlewares, access_log, log, admin, explain, drain, upgrade, reload, history, include, tests, workers",
            "3:3: unknown key 'listners': did you mean 'listeners'?",
            "4:57: not a port: write a number from 0 to 65535",
            file="a.json",
        )

    def test_text_after_the_end(self) -> None:
        self.says(
            "{} x",
            "1:4: not JSON: extra data: check the quotes, commas and brackets before this place",
            file="a.json",
        )

    def test_a_very_long_number(self) -> None:
        self.says(
            '{"a": ' + "1" * 5000 + "}",
            "1:1: a number has too many digits: write a shorter one",
            file="a.json",
        )


def leaves(data: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every path of some data with what is there."""
    yield path, data
    steps = data.items() if isinstance(data, dict) else enumerate(data if isinstance(data, list) else [])
    for step, inner in steps:
        yield from leaves(inner, (*path, step))


class Reading(SynchronousTestCase):
    """Text in; data and places out."""

    json_data = st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
        max_leaves=20,
    )

    @settings(deadline=None)
    @given(json_data, st.sampled_from([None, 0, 2]), st.booleans())
    def test_any_json(self, data: Any, indent: int | None, ascii_only: bool) -> None:
        text = json.dumps(data, indent=indent, ensure_ascii=ascii_only)
        document = Document("a.json")
        read_json(text, document)
        self.assertEqual(document.data, data)
        lines = text.split("\n")
        for path, value in leaves(data):
            line, column = document.value_place(path)
            rest = "\n".join([lines[line - 1][column - 1 :], *lines[line:]])
            self.assertEqual(json.JSONDecoder().raw_decode(rest)[0], value)
            if path and isinstance(path[-1], str):
                line, column = document.keys[path]
                self.assertEqual(json.JSONDecoder().raw_decode(lines[line - 1][column - 1 :])[0], path[-1])
