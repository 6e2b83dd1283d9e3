"""What bare words stand for."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.config.scalar import Scalar, resolve


class Words(SynchronousTestCase):
    """The core schema of YAML 1.2: no surprises with `on`, `12:30` or dates."""

    def test_a_table(self) -> None:
        table: list[tuple[str, Scalar]] = [
            ("", None), ("~", None), ("null", None), ("true", True), ("False", False),
            ("8080", 8080), ("-1", -1), ("+1", 1), ("0755", 755), ("0o17", 15), ("0x1F", 31),
            ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), ("-.inf", -math.inf), (".INF", math.inf),
            ("on", "on"), ("yes", "yes"), ("no", "no"), ("12:30", "12:30"), ("2026-01-01", "2026-01-01"),
            ("1_000", "1_000"), ("0b11", "0b11"), ("10s", "10s"), (" 1", " 1"), ("1\n", "1\n"), ("٣", "٣"),
        ]  # fmt: skip
        for text, value in table:
            found = resolve(text)
            self.assertEqual((found, type(found)), (value, type(value)), text)
        self.assertTrue(math.isnan(float(str(resolve(".nan")))))

    def test_a_number_of_a_thousand_digits_is_text(self) -> None:
        self.assertEqual(resolve("1" * 1000), "1" * 1000)
        self.assertEqual(resolve("0x" + "f" * 1000), "0x" + "f" * 1000)

    @given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
    def test_numbers_come_back(self, number: float) -> None:
        self.assertEqual(resolve(str(number)), number)

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        value = resolve(text)
        self.assertTrue(value is None or isinstance(value, str | int | float))
