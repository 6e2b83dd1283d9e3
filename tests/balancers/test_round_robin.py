"""Tests of round robin."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from twisted.trial.unittest import SynchronousTestCase

from tests.balancers import Client, environment, sequence, servers
from toron.balancers.round_robin import Options, make


class RoundRobinTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.balancer = make(Options(), environment())

    def test_equal_weights_take_turns(self) -> None:
        self.assertEqual(sequence(self.balancer, servers(1, 1, 1), 7), "abcabca")

    def test_five_to_one_is_smooth(self) -> None:
        self.assertEqual(sequence(self.balancer, servers(5, 1), 12), "aaabaaaaabaa")

    def test_three_to_one_is_smooth(self) -> None:
        self.assertEqual(sequence(self.balancer, servers(3, 1), 8), "aabaaaba")

    def test_nginx_example(self) -> None:
        self.assertEqual(sequence(self.balancer, servers(5, 1, 1), 7), "aabacaa")

    def test_a_server_that_is_down_is_skipped(self) -> None:
        a, b, c = servers(1, 1, 1)
        self.assertEqual(sequence(self.balancer, [a, b, c], 2), "ab")
        self.assertEqual(sequence(self.balancer, [a, c], 4), "ccac")
        self.assertEqual(sorted(sequence(self.balancer, [a, b, c], 3)), ["a", "b", "c"])

    def test_a_new_weight_counts_from_the_next_pick(self) -> None:
        among = servers(1, 1)
        sequence(self.balancer, among, 2)
        among[0].weight = 3
        self.assertEqual(Counter(sequence(self.balancer, among, 400)), {"a": 300, "b": 100})

    def test_weight_zero_is_never_picked_beside_others(self) -> None:
        among = servers(0, 2, 1)
        among[0].work = 100.0
        self.assertEqual(Counter(sequence(self.balancer, among, 30)), {"b": 20, "c": 10})

    def test_weight_zero_is_picked_alone(self) -> None:
        self.assertEqual(sequence(self.balancer, servers(0), 2), "aa")
        self.assertEqual(sequence(self.balancer, servers(0, 0), 4), "abab")

    def test_no_options(self) -> None:
        self.assertRaises(ValidationError, Options.model_validate, {"weight": 1})

    @given(st.lists(st.integers(1, 20), min_size=1, max_size=6), st.integers(1, 5))
    def test_every_round_is_exact(self, weights: list[int], rounds: int) -> None:
        picked = Counter(sequence(make(Options(), environment()), servers(*weights), sum(weights) * rounds))
        self.assertEqual(picked, {chr(97 + i): weight * rounds for i, weight in enumerate(weights)})

    @given(
        st.lists(st.sets(st.integers(0, 4), min_size=1), max_size=60), st.lists(st.integers(0, 9), min_size=5)
    )
    def test_only_servers_handed_in_are_picked(self, rounds: list[set[int]], weights: list[int]) -> None:
        everyone = servers(*weights[:5])
        balancer = make(Options(), environment())
        for chosen in rounds:
            among = [everyone[i] for i in sorted(chosen)]
            picked = balancer.pick(among, Client())
            self.assertIn(picked, among)
            if any(server.weight for server in among):
                self.assertTrue(picked.weight)
