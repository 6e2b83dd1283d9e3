"""Tests of the hash of the client's address."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from twisted.trial.unittest import SynchronousTestCase

from tests.balancers import Client, environment, servers
from toron.balancers import ip_hash
from toron.balancers.ip_hash import Options, make
from toron.core.server import Server

CLIENTS = [f"10.{i // 250}.{i % 250}.7" for i in range(10_000)]

SCRIPT = """
from tests.balancers import Client, environment, servers
from toron.balancers.ip_hash import Options, make
balancer, among = make(Options(), environment()), servers(1, 1, 1, 1, 1)
print("".join(balancer.pick(among, Client(f"192.0.2.{i}")).host for i in range(50)))
"""


def spread(among: list[Server]) -> dict[str, Server]:
    balancer = make(Options(), environment())
    return {ip: balancer.pick(among, Client(ip)) for ip in CLIENTS}


class IpHashTests(SynchronousTestCase):
    def test_a_client_stays(self) -> None:
        balancer, among = make(Options(), environment()), servers(1, 1, 1)
        client = Client("203.0.113.9")
        self.assertEqual(len({balancer.pick(among, client) for _ in range(20)}), 1)
        self.assertIs(balancer.pick(among[::-1], client), balancer.pick(among, client))

    def test_the_same_in_every_process(self) -> None:
        found = {
            subprocess.run(
                [sys.executable, "-c", SCRIPT],
                env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
                capture_output=True,
                check=True,
                text=True,
            ).stdout
            for seed in ("1", "2")
        }
        self.assertEqual(len(found), 1)

    def test_the_same_in_every_release(self) -> None:
        balancer, among = make(Options(), environment()), servers(1, 1, 1, 1, 1)
        picked = "".join(balancer.pick(among, Client(f"192.0.2.{i}")).host for i in range(20))
        self.assertEqual(picked, "dadedbcceadcebceecde")

    def test_when_a_server_goes_only_its_own_clients_move(self) -> None:
        among = servers(*[1] * 10)
        before = spread(among)
        after = spread(among[:3] + among[4:])
        moved = {ip for ip in CLIENTS if before[ip] is not after[ip]}
        self.assertEqual(moved, {ip for ip in CLIENTS if before[ip] is among[3]})
        self.assertTrue(0 < len(moved) <= 1200, len(moved))

    def test_they_come_back_with_it(self) -> None:
        balancer, among = make(Options(), environment()), servers(1, 1, 1)
        first = [balancer.pick(among, Client(ip)) for ip in CLIENTS[:100]]
        for ip in CLIENTS[:100]:
            self.assertIsNot(balancer.pick(among[1:], Client(ip)), among[0])
        self.assertEqual([balancer.pick(among, Client(ip)) for ip in CLIENTS[:100]], first)

    def test_weights_are_shares(self) -> None:
        counted = Counter(server.host for server in spread(servers(1, 3)).values())
        self.assertTrue(2300 < counted["a"] < 2700, counted)

    def test_weight_zero_only_among_its_like(self) -> None:
        self.assertEqual({s.host for s in spread(servers(0, 1)).values()}, {"b"})
        self.assertEqual({s.host for s in spread(servers(0, 0)).values()}, {"a", "b"})

    def test_ipv6_clients_are_known_by_their_network(self) -> None:
        balancer, among = make(Options(), environment()), servers(*[1] * 50)
        near = {balancer.pick(among, Client(f"2001:db8:1:2::{i:x}")) for i in range(50)}
        far = {balancer.pick(among, Client(f"2001:db8:1:{i:x}::1")) for i in range(50)}
        self.assertEqual(len(near), 1)
        self.assertTrue(len(far) > 10)

    def test_the_network_may_be_smaller(self) -> None:
        balancer, among = make(Options(ipv6_prefix=128), environment()), servers(*[1] * 50)
        self.assertTrue(len({balancer.pick(among, Client(f"2001:db8::{i:x}")) for i in range(50)}) > 10)

    def test_a_mapped_address_is_the_ipv4_client(self) -> None:
        balancer, among = make(Options(), environment()), servers(*[1] * 50)
        for last in range(20):
            one = balancer.pick(among, Client(f"192.0.2.{last}"))
            self.assertIs(balancer.pick(among, Client(f"::ffff:192.0.2.{last}")), one)

    def test_bad_prefixes_are_refused(self) -> None:
        for prefix in (0, 129, "x"):
            self.assertRaises(ValidationError, Options.model_validate, {"ipv6_prefix": prefix})

    def test_memory_is_bounded_and_forgetting_changes_nothing(self) -> None:
        self.patch(ip_hash, "REMEMBERED", 30)
        balancer, among = make(Options(), environment()), servers(1, 1, 1)
        first = [balancer.pick(among, Client(ip)) for ip in CLIENTS[:200]]
        self.assertEqual(len(balancer._draws), 10)  # type: ignore[attr-defined]
        self.assertEqual([balancer.pick(among, Client(ip)) for ip in CLIENTS[:200]], first)

    def test_servers_that_went_are_forgotten(self) -> None:
        balancer = make(Options(), environment())
        for generation in range(100):
            among = [Server(f"http://g{generation}-{i}:80") for i in range(3)]
            balancer.pick(among, Client())
        self.assertTrue(len(balancer._draws["192.0.2.1"]) <= 9)  # type: ignore[attr-defined]

    def test_a_known_client_costs_no_hashing(self) -> None:
        balancer, among = make(Options(), environment()), servers(1, 1, 1)
        picked = balancer.pick(among, Client())
        with mock.patch.object(ip_hash, "_draw") as draw:
            self.assertIs(balancer.pick(among, Client()), picked)
            self.assertIn(balancer.pick(among[1:], Client()), among[1:])
        draw.assert_not_called()

    @given(st.text(max_size=50), st.lists(st.integers(0, 9), min_size=1, max_size=9))
    def test_any_caller_gets_one_of_the_servers(self, ip: str, weights: list[int]) -> None:
        among = servers(*weights)
        picked = make(Options(), environment()).pick(among, Client(ip))
        self.assertIn(picked, among)
        self.assertEqual(bool(picked.weight), any(weights))
