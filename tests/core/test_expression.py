"""Regular expressions on any bytes: nothing passes by a `.*`, and what is none is said."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.core.expression import expression


class Expressions(SynchronousTestCase):
    def test_any_bytes(self) -> None:
        for value in (b"/api/", b"/api/\xff", b"/api/\xc3\xa4", b"/api/a\nb", b"/api/\x00"):
            self.assertEqual(expression("^/api/(.*)$").search(value)[1], value[5:])
            self.assertEqual(expression("^/api/([^/]*)$").search(value)[1], value[5:])

    def test_beyond_ascii(self) -> None:
        self.assertTrue(expression("^/straße/").search("/straße/1".encode()))
        self.assertFalse(expression("^/straße/").search(b"/stra\xdfe/1"))

    def test_search_finds_anywhere(self) -> None:
        self.assertTrue(expression("b").search(b"abc"))
        self.assertFalse(expression("^b").search(b"abc"))

    def test_the_end_is_the_end(self) -> None:
        self.assertFalse(expression("^a$").search(b"a\n"))

    def test_none(self) -> None:
        for pattern in ("^(", "^a(?=b)", r"^(a)\1", "^[z-a]", "^a**", r"^\x{100}", "\ud800"):
            with self.subTest(pattern):
                self.assertRaises(ValueError, expression, pattern)
        self.assertIn("'^('", str(self.assertRaises(ValueError, expression, "^(")))

    def test_time_is_linear(self) -> None:
        """With backtracking this would take longer than the universe has."""
        self.assertFalse(expression("^(a+)+$").search(b"a" * 5000 + b"b"))
