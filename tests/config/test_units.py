"""Durations, sizes, rates, shares and networks, as they are written."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.config.units import (
    UNLIMITED,
    RateValue,
    parse_duration,
    parse_network,
    parse_rate,
    parse_share,
    parse_size,
    write_duration,
    write_size,
)


class Units(SynchronousTestCase):
    """Each: what is written, and what it is."""

    def good(self, parse: Callable[[Any], Any], table: dict[Any, Any]) -> None:
        for written, value in table.items():
            self.assertEqual(parse(written), value, written)

    def bad(self, parse: Callable[[Any], Any], start: str, *written: Any) -> None:
        for value in written:
            error = self.assertRaises(ValueError, parse, value)
            self.assertTrue(str(error).startswith(start), f"{value!r}: {error}")

    def test_durations(self) -> None:
        self.good(
            parse_duration, {"10s": 10, "250ms": 0.25, "1m30s": 90, "1.5h": 5400, "1d": 86400, "0": 0, 0: 0}
        )
        self.bad(
            parse_duration,
            "not a duration: write",
            "",
            "s",
            "10",
            10,
            "-1s",
            None,
            True,
            False,
            [],
            "1y",
        )
        self.bad(parse_duration, "not a duration: write", "1s1", "x1s", "1 s", "٣s", "1e9s")

    def test_sizes(self) -> None:
        self.good(parse_size, {"512": 512, 512: 512, "64k": 65536, "1M": 1 << 20, "1gb": 1 << 30, "0": 0})
        self.good(parse_size, {"unlimited": UNLIMITED})
        self.bad(parse_size, "not a size: write", "", "k", "-1", -1, 1.5, "1.5m", None, True, "1t", {})

    def test_rates(self) -> None:
        self.good(
            parse_rate,
            {"100/s": RateValue(100, 1), "1000/15m": RateValue(1000, 900), "0.5/h": RateValue(0.5, 3600)},
        )
        self.assertEqual(parse_rate("60/m").per_second, 1)
        self.assertEqual([str(parse_rate(text)) for text in ("5/m", "1000/15m")], ["5/m", "1000/900s"])
        self.bad(parse_rate, "not a rate: write", "", "1", 1, "0/s", "1/0s", "1/y", "-1/s", None, "/s")

    def test_shares(self) -> None:
        self.good(parse_share, {"20%": 0.2, "0%": 0, "100%": 1, "12.5%": 0.125, 0.5: 0.5})
        self.bad(parse_share, "not a share: write", "101%", "20", 20, "-1%", None, 1.5, "%")

    def test_networks(self) -> None:
        self.good(parse_network, {"10.0.0.0/8": ip_network("10.0.0.0/8"), "::1": ip_network("::1/128")})
        self.bad(
            parse_network, "not an address or network: write", "", "10.0.0", "x/8", "10.0.0.0/33", None, 5
        )
        self.bad(parse_network, "the address has bits beyond the prefix: write 10.0.0.0/8", "10.1.2.3/8")

    @given(st.integers(0, 999_999_999))
    def test_what_is_written_reads_the_same(self, number: int) -> None:
        self.assertEqual(parse_duration(write_duration(number)), number)
        self.assertEqual(parse_size(write_size(number)), number)
        self.assertAlmostEqual(parse_duration(write_duration(number / 1000)), number / 1000)

    @given(st.text())
    def test_any_text_is_a_value_or_a_value_error(self, text: str) -> None:
        for parse in (parse_duration, parse_size, parse_rate, parse_share, parse_network):
            try:
                parse(text)
            except ValueError as error:
                self.assertIn("write", str(error))

    def test_words_of_sizes(self) -> None:
        self.assertEqual(
            [write_size(size) for size in (0, 512, 65536, 1 << 30, UNLIMITED)],
            ["0", "512", "64k", "1g", "unlimited"],
        )
        self.assertEqual([write_duration(time) for time in (0, 0.25, 90, 3600)], ["0s", "250ms", "90s", "1h"])
