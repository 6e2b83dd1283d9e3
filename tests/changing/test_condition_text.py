"""Conditions are read, and one that means nothing is told where the mistake is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.changing.condition import Comparison, Joined, Scope
from toron.changing.condition_text import BadCondition, read_condition

MISTAKES = {
    "": (1, "a condition is missing: write one of error_rate, p50, p90, p95, p99, rate, 5xx"),
    "   ": (1, "a condition is missing"),
    "error_rate > ": (13, "a value is missing: write one such as 2% or 2x"),
    "error_rate": (11, "a comparison is missing: write error_rate and one of > >= < <="),
    "error_rate = 2%": (12, "a comparison is missing"),
    "error_rate > 2": (14, "'2' is no value for error_rate: write one such as 2% or 2x"),
    "error_rate > 2ms": (14, "'2ms' is no value"),
    "error_rate > two": (14, "'two' is no value"),
    "error_rate > -2%": (14, "'-2%' is no value"),
    "eror_rate > 2%": (1, "'eror_rate' is not known: write one of error_rate, p50"),
    "p98 > 2x": (1, "'p98' is not known"),
    "p99 > 2": (7, "'2' is no value for p99: write one such as 250ms, 1.5s or 2x"),
    "rate > 2%": (8, "'2%' is no value for rate: write one such as 10/s or 0.5x"),
    "5xx > 2%": (7, "'2%' is no value for 5xx: write one such as 10 or 2x"),
    "p99 > 2x p50 > 2x": (10, "'p50' is one too many: join conditions with and, or"),
    "p99 > 2x and": (13, "a condition is missing"),
    "p99 > 2x && p50 > 1s": (10, "'&&' is one too many"),
    "(p99 > 2x": (10, "a bracket is not closed: write )"),
    "p99 > 2x)": (9, "')' is one too many"),
    "p99(shop) > 2x": (5, "whose? write (route NAME) or (backend NAME)"),
    "p99(route) > 2x": (10, "a name is missing: write (route NAME)"),
    "p99(route shop > 2x": (16, "a bracket is not closed"),
    'p99(route "shop) > 2x': (10, "a quote that is not closed"),
    "not": (4, "a condition is missing"),
    "(" * 30: (21, "more than 20 brackets inside each other"),
    "p99 > 2x or " * 100: (1001, "longer than 1000 characters"),
}


class Mistakes(SynchronousTestCase):
    def test_their_places(self) -> None:
        for text, (column, message) in MISTAKES.items():
            bad = self.assertRaises(BadCondition, read_condition, text)
            self.assertEqual(bad.column, column, f"{text!r}: {bad}")
            self.assertIn(message, str(bad), repr(text))
            self.assertEqual(str(bad), f"column {bad.column}: {bad.message}")

    @given(st.text("()<>=\"' 25x%smprateo_", max_size=40))
    def test_nothing_else_is_raised(self, text: str) -> None:
        try:
            read_condition(text)
        except BadCondition as bad:
            self.assertTrue(1 <= bad.column <= len(text) + 1)


class Reading(SynchronousTestCase):
    def test_a_comparison(self) -> None:
        for text, figure, scope, compare, value, relative in (
            ("error_rate > 2%", "error_rate", Scope(), ">", 0.02, False),
            ("error_rate>2%", "error_rate", Scope(), ">", 0.02, False),
            ("  p99  <=  2x ", "p99", Scope(), "<=", 2.0, True),
            ("p50>=250ms", "p50", Scope(), ">=", 0.25, False),
            ("p90 < 1.5s", "p90", Scope(), "<", 1.5, False),
            ("rate < 10/s", "rate", Scope(), "<", 10.0, False),
            ("rate < 10", "rate", Scope(), "<", 10.0, False),
            ("5xx > 3", "5xx", Scope(), ">", 3.0, False),
            ("p99(route shop) > 2x", "p99", Scope("route", "shop"), ">", 2.0, True),
            ("p99( backend 127.0.0.1:80#2 )>2x", "p99", Scope("backend", "127.0.0.1:80#2"), ">", 2.0, True),
            ('p99(route "1:*/a (b)") > 2x', "p99", Scope("route", "1:*/a (b)"), ">", 2.0, True),
            ("p99(route 404) > 2x", "p99", Scope("route", "404"), ">", 2.0, True),
        ):
            found = read_condition(text)
            assert isinstance(found, Comparison)
            self.assertEqual(
                (found.figure, found.scope, found.compare, found.value, found.relative),
                (figure, scope, compare, value, relative),
                text,
            )

    def test_and_binds_stronger_than_or(self) -> None:
        found = read_condition("p50 > 1s or p90 > 1s and not p99 > 1s or (rate < 1 or 5xx > 1)")
        assert isinstance(found, Joined)
        self.assertEqual((found.word, len(found.parts)), ("or", 3))
        second, third = found.parts[1:]
        assert isinstance(second, Joined) and isinstance(third, Joined)
        self.assertEqual((second.word, third.word), ("and", "or"))
        assert isinstance(second.parts[1], Joined)
        self.assertEqual(second.parts[1].word, "not")
