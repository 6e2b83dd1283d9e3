"""Tests of the balancer that picks by chance."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from twisted.trial.unittest import SynchronousTestCase

from tests.balancers import Client, environment, sequence, servers
from toron.balancers.random import Options, make


class RandomTests(SynchronousTestCase):
    def test_weights_are_shares(self) -> None:
        picked = Counter(sequence(make(Options(), environment()), servers(1, 0, 3), 4000))
        self.assertEqual(picked["b"], 0)
        self.assertTrue(850 < picked["a"] < 1150, picked)

    def test_weight_zero_only_among_its_like(self) -> None:
        picked = Counter(sequence(make(Options(), environment()), servers(0, 0), 100))
        self.assertEqual(set(picked), {"a", "b"})

    def test_the_environment_gives_the_chance(self) -> None:
        one, other = (sequence(make(Options(), environment(7)), servers(1, 1, 1), 50) for _ in "12")
        self.assertEqual(one, other)
        self.assertNotEqual(one, sequence(make(Options(), environment(8)), servers(1, 1, 1), 50))

    def test_no_options(self) -> None:
        self.assertRaises(ValidationError, Options.model_validate, {"seed": 1})

    @given(st.lists(st.integers(0, 9), min_size=1), st.integers())
    def test_only_servers_handed_in_are_picked(self, weights: list[int], seed: int) -> None:
        among = servers(*weights)
        picked = make(Options(), environment(seed)).pick(among, Client())
        self.assertIn(picked, among)
        self.assertEqual(bool(picked.weight), any(weights))
