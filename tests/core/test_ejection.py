"""Tests of passive health."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.core.ejection import Ejection
from toron.core.server import Server


def servers(count: int) -> list[Server]:
    return [Server(f"http://s{i}:80") for i in range(count)]


class EjectionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.ejection = Ejection(3, 30.0, 100.0, 0.5)

    def fail(self, server: Server, among: list[Server], now: float, times: int = 3) -> list[bool]:  # type: ignore[override]
        return [self.ejection.failed(server, among, now) for _ in range(times)]

    def test_failures_in_a_row_eject(self) -> None:
        among = servers(2)
        self.assertEqual(self.fail(among[0], among, 10.0), [False, False, True])
        self.assertEqual(among[0].eject_until, 40.0)
        self.assertEqual((among[0].ejections, among[0].failures), (1, 0))

    def test_a_success_ends_the_row(self) -> None:
        among = servers(2)
        self.fail(among[0], among, 0.0, 2)
        self.ejection.succeeded(among[0], 0.0)
        self.assertEqual(self.fail(among[0], among, 0.0, 2), [False, False])
        self.assertEqual(among[0].failures, 2)

    def test_failures_while_it_is_out_do_not_count(self) -> None:
        among = servers(2)
        self.fail(among[0], among, 0.0)
        self.assertEqual(self.fail(among[0], among, 29.0, 9), [False] * 9)
        self.assertEqual((among[0].eject_until, among[0].failures), (30.0, 0))

    def test_each_ejection_is_twice_as_long(self) -> None:
        among = servers(2)
        now, lengths = 0.0, []
        for _ in range(5):
            self.fail(among[0], among, now)
            lengths.append(among[0].eject_until - now)
            now = among[0].eject_until
            among[0].eject_until = 0.0  # as the backend does when an ejection is over
        self.assertEqual(lengths, [30.0, 60.0, 100.0, 100.0, 100.0])

    def test_quiet_time_is_forgiving(self) -> None:
        among = servers(2)
        self.fail(among[0], among, 0.0)
        self.fail(among[0], among, 30.0)
        self.assertEqual((among[0].ejections, among[0].eject_until), (2, 90.0))
        among[0].eject_until = 0.0
        self.ejection.succeeded(among[0], 119.0)
        self.assertEqual(among[0].ejections, 2)
        self.ejection.succeeded(among[0], 121.0)
        self.assertEqual(among[0].ejections, 1)
        self.ejection.succeeded(among[0], 149.0)
        self.assertEqual(among[0].ejections, 1)
        self.fail(among[0], among, 151.0)
        self.assertEqual(among[0].eject_until, 181.0)

    def test_a_lone_server_is_never_ejected(self) -> None:
        among = servers(1)
        self.assertEqual(self.fail(among[0], among, 0.0, 10), [False] * 10)

    def test_at_most_a_share_is_out(self) -> None:
        among = servers(4)
        out = [self.fail(server, among, 0.0)[-1] for server in among]
        self.assertEqual(out, [True, True, False, False])
        self.assertTrue(self.ejection.failed(among[2], among, 30.0))

    def test_one_of_two_may_be_out_whatever_the_share(self) -> None:
        self.ejection = Ejection(1, 30.0, 100.0, 0.01)
        among = servers(2)
        self.assertTrue(self.ejection.failed(among[0], among, 0.0))
        self.assertFalse(self.ejection.failed(among[1], among, 0.0))

    def test_a_share_of_nothing_ejects_nobody(self) -> None:
        self.ejection = Ejection(1, 30.0, 100.0, 0.0)
        among = servers(5)
        self.assertEqual(self.fail(among[0], among, 0.0), [False] * 3)

    def test_shares_that_a_float_cannot_hold(self) -> None:
        self.ejection = Ejection(1, 30.0, 100.0, 0.29)
        among = servers(100)
        self.assertEqual(sum(self.ejection.failed(server, among, 0.0) for server in among), 29)

    def test_what_another_has_decided(self) -> None:
        among = servers(4)
        among[0].failures = 2
        self.ejection.take_over(among[0], among, 60.0, 3)
        self.assertEqual((among[0].eject_until, among[0].ejections, among[0].failures), (60.0, 3, 0))
        self.assertTrue(self.ejection.may_eject(among, 10.0))
        self.ejection.take_over(among[1], among, 60.0, 1)
        self.assertFalse(self.ejection.may_eject(among, 10.0), "half of them are out")
        self.assertTrue(self.ejection.may_eject(among, 60.0))
        self.ejection.succeeded(among[0], 91.0)
        self.assertEqual(among[0].ejections, 2, "it is forgotten as one of our own")

    def test_servers_that_went_are_forgotten(self) -> None:
        self.ejection = Ejection(1, 30.0, 100.0, 0.5)
        for generation in range(50):
            among = servers(2)
            self.assertTrue(self.ejection.failed(among[0], among, float(generation)))
        self.assertLessEqual(len(self.ejection._since), 4)

    @given(
        st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.floats(0.0, 50.0)), max_size=300),
        st.floats(0.0, 1.0),
    )
    def test_never_more_than_the_share(self, steps: list[tuple[int, bool, float]], share: float) -> None:
        ejection, among, now = Ejection(2, 30.0, 300.0, share), servers(5), 0.0
        most = max(1, int(share * 5 + 1e-9)) if share else 0
        for which, ok, pause in steps:
            now += pause
            if ok:
                ejection.succeeded(among[which], now)
            else:
                ejection.failed(among[which], among, now)
            self.assertLessEqual(sum(1 for server in among if server.eject_until > now), most)
            self.assertTrue(all(server.eject_until <= now + 300.0 for server in among))
            self.assertTrue(all(server.ejections >= 0 for server in among))
