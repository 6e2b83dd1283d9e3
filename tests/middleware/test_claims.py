"""Tests of looking up, comparing and writing out the claims of a token."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from toron.middleware._claims import as_text, claim, holds


class Claims(SynchronousTestCase):
    def test_by_name_or_by_dots(self) -> None:
        claims = {"sub": "u", "a": {"b": {"c": 1}, "d": [{"e": 2}], "n": None}, "a.b": "whole", "f": False}
        for name, found in (
            ("sub", "u"),
            ("a.b", "whole"),
            ("a.b.c", 1),
            ("f", False),
            ("a.n", None),
            ("a.d.e", None),
            ("a.d.0", None),
            ("sub.u", None),
            ("a.", None),
            ("", None),
            ("absent", None),
        ):
            self.assertEqual(claim(claims, name), found, name)

    def test_what_is_wanted(self) -> None:
        table: tuple[tuple[str, Any, tuple[Any, ...], bool], ...] = (
            ("scope", "read", ("read",), True),
            ("scope", "write read", ("read",), True),
            ("scp", "write read", ("read",), True),
            ("scope", "readonly", ("read",), False),
            ("scope", ["write", "read"], ("read",), True),
            ("scope", "read", ("a", "read"), True),
            ("name", "John Doe", ("John",), False),
            ("roles", ["x", "admin"], ("admin",), True),
            ("roles", [["admin"]], ("admin",), False),
            ("roles", [], ("admin",), False),
            ("admin", True, (True,), True),
            ("admin", 1, (True,), False),
            ("admin", False, (0,), False),
            ("level", 1, (1,), True),
            ("level", 1.0, (1,), True),
            ("level", True, (1,), False),
            ("level", 1, ("1",), False),
            ("a", None, ("None",), False),
            ("a", {"b": 1}, ("b",), False),
            ("a", "x", (), False),
        )
        for name, value, wanted, good in table:
            self.assertEqual(holds(name, value, wanted), good, (name, value, wanted))

    def test_as_header_values(self) -> None:
        for value, text in (
            (None, None),
            ("u", "u"),
            ("", ""),
            ("Zoë", "Zoë"),
            (["a", "b"], "a,b"),
            ([], ""),
            (["a", 1], '["a",1]'),
            (5, "5"),
            (True, "true"),
            ({"a": True}, '{"a":true}'),
        ):
            self.assertEqual(as_text(value), text, value)
