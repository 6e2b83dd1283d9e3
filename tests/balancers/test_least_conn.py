"""Tests of least connections."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from twisted.trial.unittest import SynchronousTestCase

from tests.balancers import Client, environment, sequence, servers
from toron.balancers.least_conn import Options, make


class LeastConnTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.balancer = make(Options(), environment())

    def test_the_least_busy_is_picked(self) -> None:
        among = servers(1, 1, 1)
        among[0].in_flight, among[1].in_flight, among[2].in_flight = 3, 1, 2
        self.assertEqual(sequence(self.balancer, among, 5), "bbbbb")

    def test_weights_divide_the_load(self) -> None:
        among = servers(4, 1)
        among[0].in_flight, among[1].in_flight = 7, 2
        self.assertEqual(sequence(self.balancer, among, 1), "a")
        among[0].in_flight = 9
        self.assertEqual(sequence(self.balancer, among, 1), "b")

    def test_ties_are_random_and_heed_weights(self) -> None:
        picked = Counter(sequence(self.balancer, servers(3, 1), 4000))
        self.assertTrue(2800 < picked["a"] < 3200, picked)

    def test_a_slow_server_gets_few(self) -> None:
        among = servers(1, 1)
        picked: Counter[str] = Counter()
        slow: list[int] = []
        for turn in range(300):
            server = self.balancer.pick(among, Client())
            picked[server.host] += 1
            server.in_flight += 1
            if server.host == "b":
                server.in_flight -= 1
            else:
                slow.append(turn + 100)
            if slow and slow[0] <= turn:
                slow.pop(0)
                among[0].in_flight -= 1
        self.assertTrue(picked["a"] < 10, picked)

    def test_weight_zero_only_among_its_like(self) -> None:
        among = servers(0, 1)
        among[1].in_flight = 1000
        self.assertEqual(sequence(self.balancer, among, 3), "bbb")
        idle = servers(0, 0)
        idle[0].in_flight = 1
        self.assertEqual(sequence(self.balancer, idle, 3), "bbb")

    def test_no_options(self) -> None:
        self.assertRaises(ValidationError, Options.model_validate, {"x": 1})

    @given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 50)), min_size=1, max_size=8))
    def test_none_is_less_busy_than_the_one_picked(self, state: list[tuple[int, int]]) -> None:
        among = servers(*[weight for weight, _ in state])
        for server, (_, busy) in zip(among, state, strict=True):
            server.in_flight = busy
        picked = self.balancer.pick(among, Client())
        self.assertIn(picked, among)
        if picked.weight:
            load = picked.in_flight / picked.weight
            self.assertFalse([s for s in among if s.weight and s.in_flight / s.weight < load])
        else:
            self.assertFalse([s for s in among if s.weight])
