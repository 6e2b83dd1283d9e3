"""What has happened between two looks at the counters."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.cli._rates import quantile, rates

BOUNDS = [0.001, 0.01, 0.1]


def entry(
    name: str, requests: int, errors: int = 0, buckets: tuple[int, ...] = (0, 0, 0, 0), **more: Any
) -> Any:
    return {
        "name": name,
        "backend": "",
        "requests": requests,
        "errors": errors,
        "buckets": buckets,
        "active": 0,
        **more,
    }


def look(time: float, *routes: Any, servers: tuple[Any, ...] = ()) -> dict[str, Any]:
    return {
        "time": time,
        "bounds": BOUNDS,
        "connections": 3,
        "routes": list(routes),
        "servers": list(servers),
    }


class Rates(SynchronousTestCase):
    def test_what_grew(self) -> None:
        before = look(10.0, entry("a", 5), entry("b", 1, 1, (1, 0, 0, 0)))
        after = look(12.0, entry("a", 6), entry("b", 11, 5, (1, 10, 0, 0)))
        found = rates(before, after)
        self.assertEqual((found["interval"], found["connections"]), (2.0, 3))
        self.assertEqual(found["total"], {"rate": 5.5, "errors": 2.0})
        busiest, other = found["routes"]
        self.assertEqual((busiest["name"], busiest["rate"], busiest["errors"]), ("b", 5.0, 2.0))
        self.assertEqual((busiest["p50"], busiest["p99"]), (0.0055, 0.00991))
        self.assertEqual((other["name"], other["rate"], other["p50"]), ("a", 0.5, None))

    def test_what_is_new_and_what_is_gone(self) -> None:
        found = rates(look(1.0, entry("a", 5)), look(2.0, entry("b", 3)))
        self.assertEqual([(each["name"], each["rate"]) for each in found["routes"]], [("b", 3.0)])

    def test_a_gateway_that_was_started_anew(self) -> None:
        found = rates(
            look(1.0, entry("a", 500, 5, (500, 0, 0, 0))), look(2.0, entry("a", 2, 1, (2, 0, 0, 0)))
        )
        self.assertEqual((found["routes"][0]["rate"], found["routes"][0]["errors"]), (2.0, 1.0))
        self.assertEqual(found["routes"][0]["p50"], 0.0005)

    def test_two_looks_at_once(self) -> None:
        found = rates(look(1.0, entry("a", 1)), look(1.0, entry("a", 2)))
        self.assertGreater(found["routes"][0]["rate"], 0)

    def test_servers_of_one_name_in_two_backends(self) -> None:
        before = look(1.0, servers=(entry("a:1", 1, backend="x"), entry("a:1", 5, backend="y")))
        after = look(2.0, servers=(entry("a:1", 2, backend="x"), entry("a:1", 7, backend="y")))
        found = rates(before, after)["servers"]
        self.assertEqual([(each["backend"], each["rate"]) for each in found], [("y", 2.0), ("x", 1.0)])


class Quantiles(SynchronousTestCase):
    def test_some(self) -> None:
        for buckets, share, expected in (
            ((0, 0, 0, 0), 0.5, None), ((10, 0, 0, 0), 0.5, 0.0005), ((5, 5, 0, 0), 0.5, 0.001),
            ((0, 0, 0, 7), 0.5, 0.1), ((99, 1, 0, 0), 0.99, 0.001), ((0, 4, 0, 0), 1.0, 0.01),
        ):  # fmt: skip
            self.assertEqual(quantile(buckets, BOUNDS, share), expected, buckets)

    @given(st.lists(st.integers(0, 1000), min_size=4, max_size=4), st.floats(0.01, 1.0))
    def test_it_lies_in_the_right_bucket(self, buckets: list[int], share: float) -> None:
        found = quantile(buckets, BOUNDS, share)
        total = sum(buckets)
        if found is None:
            self.assertEqual(total, 0)
            return
        below = sum(count for count, high in zip(buckets, BOUNDS, strict=False) if high <= found)
        self.assertLessEqual(below, share * total + 1e-6 + max(buckets))
        self.assertTrue(0 <= found <= BOUNDS[-1])
