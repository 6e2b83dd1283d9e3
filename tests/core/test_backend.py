"""Backends: who is asked, who is not, when that changes, and who is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from toron.core.backend import STANDINGS, SUSPECT_SECONDS, Backend, Lease
from toron.core.ejection import Ejection
from toron.core.refusal import NO_SERVER, Refusal
from toron.core.retrying import Budget
from toron.core.server import Server
from toron.interfaces import Caller


@dataclass
class Client:
    client_ip: str = "192.0.2.1"


class First:
    """Picks the first, and remembers between whom it had to choose."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def pick(self, servers: Sequence[Server], caller: Caller) -> Server:
        self.asked.append("".join(server.host for server in servers))
        return servers[0]


class Case(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.told: list[str] = []

    def backend(self, hosts: str = "abc", *, failures: int = 2, share: float = 1.0) -> Backend:
        """Servers of one letter each; ejected for 30 s after `failures` in a row."""
        self.balancer = First()
        ejection = Ejection(failures, 30.0, 300.0, share) if failures else None
        made = Backend("b", [Server(f"http://{host}") for host in hosts], self.balancer, ejection=ejection)
        made.changed = lambda server, up, why: self.told.append(
            f"{server.host} {'up' if up else 'down'}: {why}"
        )
        return made

    def choice(self, backend: Backend, tried: str = "") -> str:
        """Between whom the next lease has to choose."""
        left = [server for server in backend.servers if server.host in tried]
        self.balancer.asked.clear()
        try:
            lease = backend.lease(Client(), left, self.clock.seconds())
        except Refusal as refusal:
            self.assertIs(refusal.reason, NO_SERVER)
            return ""
        lease.release()
        return self.balancer.asked[0] if self.balancer.asked else lease.server.host

    def news(self) -> list[str]:
        told, self.told = self.told, []
        return told

    def fail(self, backend: Backend, host: str, times: int = 2) -> None:
        """Let uses of a server go wrong."""
        for _ in range(times):
            backend.failed(named(backend, host), self.clock.seconds(), "status 500")


def named(backend: Backend, host: str) -> Server:
    (server,) = (server for server in backend.servers if server.host == host)
    return server


class Leases(Case):
    def test_in_flight(self) -> None:
        backend = self.backend("ab")
        first, second = (backend.lease(Client(), (), 0.0) for _ in range(2))
        self.assertIs(first.server, second.server)
        self.assertEqual(first.server.in_flight, 2)
        first.release()
        first.release()
        self.assertEqual(first.server.in_flight, 1)
        second.release()
        self.assertEqual([server.in_flight for server in backend.servers], [0, 0])

    def test_without_a_backend(self) -> None:
        server = Server("http://a")
        lease = Lease(server)
        self.assertEqual(server.in_flight, 1)
        lease.release()
        self.assertEqual(server.in_flight, 0)

    def test_nothing_is_counted_where_there_is_nobody(self) -> None:
        backend = self.backend("a")
        server = backend.servers[0]
        self.assertRaises(Refusal, backend.lease, Client(), [server], 0.0)
        self.assertIsNone(backend.lease_server("b:80", (), 0.0))
        self.assertEqual(server.in_flight, 0)

    def test_a_balancer_that_fails_leaves_nothing_behind(self) -> None:
        backend = self.backend("ab")

        def pick(servers: Sequence[Server], caller: Caller) -> Server:
            raise KeyError

        self.balancer.pick = pick  # type: ignore[method-assign]
        self.assertRaises(KeyError, backend.lease, Client(), (), 0.0)
        self.assertEqual([server.in_flight for server in backend.servers], [0, 0])

    def test_the_balancer_sees_who_is_left(self) -> None:
        backend = self.backend("abc")
        self.assertEqual(self.choice(backend), "abc")
        self.assertEqual(self.choice(backend, "a"), "bc")
        self.assertEqual(self.choice(backend, "ab"), "c")
        self.assertEqual(self.choice(backend, "abc"), "")

    def test_one_server_is_no_choice(self) -> None:
        backend = self.backend("a")
        self.assertEqual(self.choice(backend), "a")
        self.assertEqual(self.balancer.asked, [])

    def test_a_backend_without_servers(self) -> None:
        self.assertEqual(self.choice(self.backend("")), "")

    def test_by_name(self) -> None:
        backend = self.backend("ab")
        lease = backend.lease_server("b:80", (), 0.0)
        assert lease is not None
        self.assertEqual((lease.server.host, lease.server.in_flight), ("b", 1))
        self.assertIsNone(backend.lease_server("b:80", [lease.server], 0.0))
        self.assertIsNone(backend.lease_server("b", (), 0.0))
        backend.set_healthy(lease.server, False, "x")
        self.assertIsNone(backend.lease_server("b:80", (), 0.0))
        backend.set_healthy(lease.server, True, "x")
        backend.unreachable(lease.server, 0.0)
        self.assertIsNone(backend.lease_server("b:80", (), 0.0))
        self.assertIsNotNone(backend.lease_server("b:80", (), SUSPECT_SECONDS))

    def test_the_set_of_servers_is_its_own(self) -> None:
        servers = [Server("http://a")]
        backend = Backend("b", servers, First())
        servers.clear()
        self.assertEqual(backend.lease(Client(), (), 0.0).server.host, "a")


class Backups(Case):
    """They are asked when no other server is left."""

    def backed_up(self) -> Backend:
        backend = self.backend("abxy")
        for host in "xy":
            named(backend, host).backup = True
        return backend

    def test_in_reserve(self) -> None:
        backend = self.backed_up()
        self.assertEqual(self.choice(backend), "ab")
        self.assertEqual(self.choice(backend, "a"), "b")
        self.assertEqual(self.choice(backend, "ab"), "xy")
        self.assertEqual(self.choice(backend, "abx"), "y")
        self.assertEqual(self.choice(backend, "abxy"), "")

    def test_when_the_others_are_down(self) -> None:
        backend = self.backed_up()
        for host in "ab":
            backend.set_healthy(named(backend, host), False, "x")
        self.assertEqual(self.choice(backend), "xy")
        self.assertEqual(self.choice(backend, "x"), "y")
        lease = backend.lease_server("x:80", (), 0.0)
        assert lease is not None
        lease.release()
        backend.set_healthy(named(backend, "a"), True, "x")
        self.assertEqual(self.choice(backend), "a")
        self.assertEqual(self.choice(backend, "a"), "xy")
        self.assertIsNone(backend.lease_server("x:80", (), 0.0))

    def test_those_that_are_well_before_those_that_were_unreachable(self) -> None:
        backend = self.backed_up()
        for host in "abx":
            backend.unreachable(named(backend, host), 0.0)
        self.assertEqual(self.choice(backend), "y")
        self.assertEqual(self.choice(backend, "y"), "ab")
        self.assertEqual(self.choice(backend, "yab"), "x")

    def test_a_backup_that_is_well_before_a_server_that_was_unreachable(self) -> None:
        backend = self.backed_up()
        backend.unreachable(named(backend, "a"), 0.0)
        self.assertEqual(self.choice(backend), "b")
        self.assertEqual(self.choice(backend, "b"), "xy")
        self.assertEqual(self.choice(backend, "bxy"), "a")

    def test_only_backups(self) -> None:
        backend = self.backend("xy")
        for server in backend.servers:
            server.backup = True
        self.assertEqual(self.choice(backend), "xy")
        self.assertEqual(self.choice(backend, "x"), "y")


class Checks(Case):
    def test_down_and_up(self) -> None:
        backend = self.backend("ab")
        server = named(backend, "a")
        self.assertEqual(self.choice(backend), "ab")
        backend.set_healthy(server, False, "no answer")
        backend.set_healthy(server, False, "no answer")
        self.assertEqual((self.choice(backend), backend.is_up(server, 0.0)), ("b", False))
        self.assertEqual(self.news(), ["a down: no answer"])
        backend.set_healthy(server, True, "checks pass")
        self.assertEqual((self.choice(backend), backend.is_up(server, 0.0)), ("ab", True))
        self.assertEqual(self.news(), ["a up: checks pass"])

    def test_nobody_is_well(self) -> None:
        backend = self.backend("ab")
        for server in backend.servers:
            backend.set_healthy(server, False, "x")
        self.assertEqual(self.choice(backend), "")

    def test_a_check_that_passes_ends_the_suspicion(self) -> None:
        backend = self.backend("ab")
        server = named(backend, "a")
        backend.set_healthy(server, False, "x")
        backend.unreachable(server, 0.0)
        backend.set_healthy(server, True, "x")
        self.assertEqual(self.choice(backend), "ab")

    def test_what_it_starts_with(self) -> None:
        backend = Backend("b", [], First())
        self.assertEqual((backend.attempts, backend.changed), (1, None))
        self.assertTrue(backend.budget.may_retry(0.0))
        budget = Budget(0.0)
        backend = Backend("b", [], First(), budget=budget, attempts=3)
        self.assertEqual((backend.attempts, backend.budget), (3, budget))

    def test_nobody_needs_to_listen(self) -> None:
        backend = self.backend("ab")
        backend.changed = None
        backend.set_healthy(backend.servers[0], False, "x")
        self.assertEqual(self.choice(backend), "b")


class Suspicion(Case):
    """What could not be reached is asked last for a while."""

    def test_for_a_while(self) -> None:
        backend = self.backend("ab")
        server = named(backend, "a")
        self.assertTrue(backend.unreachable(server, self.clock.seconds()))
        self.assertEqual(self.choice(backend), "b")
        self.clock.advance(SUSPECT_SECONDS - 0.001)
        self.assertEqual(self.choice(backend), "b")
        self.clock.advance(0.001)
        self.assertEqual(self.choice(backend), "ab")
        self.assertEqual(self.news(), [])

    def test_others_may_be_told(self) -> None:
        backend, told = self.backend("ab"), list[tuple[str, float]]()
        backend.suspected = lambda server: told.append((server.host, server.suspect_until))
        for now in (0.0, 5.0):
            backend.unreachable(named(backend, "a"), now)
        backend.rest(named(backend, "b"), 5.0, 30.0)
        self.assertEqual(told, [("a", SUSPECT_SECONDS), ("b", 35.0)])
        backend.suspect(named(backend, "b"), 20.0)
        self.assertEqual((len(told), named(backend, "b").suspect_until), (2, 35.0), "what others say")

    def test_news_only_once(self) -> None:
        backend = self.backend("ab")
        server = named(backend, "a")
        self.assertTrue(backend.unreachable(server, 0.0))
        self.assertFalse(backend.unreachable(server, 5.0))
        self.assertFalse(backend.unreachable(server, 14.0))
        self.assertTrue(backend.unreachable(server, 24.0))

    def test_better_than_nobody(self) -> None:
        backend = self.backend("abc")
        for host in "ab":
            backend.unreachable(named(backend, host), 0.0)
        backend.set_healthy(named(backend, "c"), False, "x")
        self.assertEqual(self.choice(backend), "ab")
        self.assertEqual(self.choice(backend, "a"), "b")
        self.assertEqual(self.choice(backend, "ab"), "")

    def test_after_those_who_are_left(self) -> None:
        backend = self.backend("ab")
        backend.unreachable(named(backend, "a"), 0.0)
        self.assertEqual(self.choice(backend, "b"), "a")

    def test_a_success_ends_it(self) -> None:
        backend = self.backend("ab")
        server = named(backend, "a")
        backend.unreachable(server, 0.0)
        self.assertEqual(self.choice(backend), "b")
        backend.succeeded(server, 0.0)
        self.assertEqual(self.choice(backend), "ab")

    def test_one_after_the_other_ends(self) -> None:
        backend = self.backend("abc")
        for host in "abc":
            backend.unreachable(named(backend, host), self.clock.seconds())
            self.clock.advance(1.0)
        seen = []
        for _ in range(int(SUSPECT_SECONDS)):
            seen.append(self.choice(backend))
            self.clock.advance(1.0)
        self.assertEqual(seen, ["abc"] * 7 + ["a", "ab", "abc"])


class Ejections(Case):
    def test_out_and_back(self) -> None:
        backend = self.backend("ab")
        server = named(backend, "a")
        backend.eject(server, 0.0, 20.0, 2, "reset")
        self.assertEqual(self.choice(backend), "b")
        backend.eject(server, 1.0, 10.0, 1, "reset")
        self.assertEqual((server.eject_until, self.news()), (20.0, ["a down: reset"]), "both of them did")
        self.clock.advance(19.0)
        backend.settle(19.0)
        self.assertEqual(self.news(), [])
        self.clock.advance(1.0)
        backend.settle(20.0)
        self.assertEqual(self.news(), ["a up: ejection over"])
        self.assertEqual(self.choice(backend), "ab")

    def test_too_many(self) -> None:
        backend = self.backend("ab", share=0.5)
        a, b = backend.servers
        self.assertTrue(backend.may_eject(a, 0.0))
        backend.eject(a, 0.0, 20.0, 1, "reset")
        self.assertTrue(backend.may_eject(a, 0.0), "it is out anyway")
        self.assertFalse(backend.may_eject(b, 0.0))
        backend.eject(b, 0.0, 20.0, 1, "reset")
        self.assertEqual(
            [backend.is_up(server, 0.0) for server in (a, b)], [False, False], "if told, it obeys"
        )
        self.assertTrue(backend.may_eject(b, 20.0), "the other is back")

    def test_it_does_not_hold(self) -> None:
        backend = self.backend("ab")
        self.fail(backend, "a")
        self.assertEqual(self.choice(backend), "b")
        backend.readmit(named(backend, "a"))
        self.assertEqual(self.choice(backend), "ab")

    def test_where_nobody_is_ejected(self) -> None:
        backend = self.backend("ab", failures=0)
        self.assertFalse(backend.may_eject(named(backend, "a"), 0.0))
        backend.eject(named(backend, "a"), 0.0, 20.0, 1, "reset")
        self.assertEqual(self.choice(backend), "ab")

    def test_one_that_is_down_anyway(self) -> None:
        backend = self.backend("ab")
        server = named(backend, "a")
        backend.set_healthy(server, False, "check")
        backend.eject(server, 0.0, 20.0, 1, "reset")
        self.assertEqual((self.news(), server.eject_until), (["a down: check"], 20.0))


HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from(["failed", "succeeded", "unreachable", "down", "up", "pass", "lease"]),
        st.integers(0, 2),
        st.sampled_from([0.0, 0.5, 9.0, 10.0, 29.5, 30.0, 200.0]),
    ),
    max_size=30,
)


class AnyOrder(Case):
    @given(HAPPENINGS)
    def test_the_next_lease_sees_every_change(self, happenings: list[tuple[str, int, float]]) -> None:
        self.setUp()
        backend = self.backend("abc")
        up = dict.fromkeys("abc", True)

        def changed(server: Server, now_up: bool, why: str) -> None:
            self.assertNotEqual(up[server.host], now_up, f"{server} {why}: told twice")
            up[server.host] = now_up

        backend.changed = changed
        for what, index, later in happenings:
            self.clock.advance(later)
            now = self.clock.seconds()
            server = backend.servers[index]
            if what in ("down", "up"):
                backend.set_healthy(server, what == "up", "check")
            elif what == "failed":
                backend.failed(server, now, "failed")
            elif what in ("succeeded", "unreachable"):
                getattr(backend, what)(server, now)
            if what == "pass":
                continue
            well = [server for server in backend.servers if server.healthy and server.eject_until <= now]
            first = [server for server in well if server.suspect_until <= now]
            self.assertEqual(self.choice(backend), "".join(server.host for server in first or well))
            self.assertEqual(
                {server.host: up[server.host] for server in backend.servers},
                {server.host: backend.is_up(server, now) for server in backend.servers},
            )
        self.assertEqual([server.in_flight for server in backend.servers], [0, 0, 0])


class Standing(Case):
    """What is said of each server agrees with who the next lease chooses among."""

    def standings(self, backend: Backend, tried: str = "") -> list[str]:
        left = [server for server in backend.servers if server.host in tried]
        return [backend.standing(server, left, self.clock.seconds()) for server in backend.servers]

    def test_each_kind(self) -> None:
        backend = self.backend("abcdef")
        a, b, c, _, _, f = backend.servers
        f.backup = True
        now = self.clock.seconds()
        backend.set_healthy(a, False, "check")
        backend.failed(b, now, "x")
        backend.failed(b, now, "x")
        backend.unreachable(c, now)
        said = ["unhealthy", "ejected", "suspect", "usable", "usable", "backup"]
        self.assertEqual((self.standings(backend), self.choice(backend)), (said, "de"))
        self.assertEqual(self.standings(backend, tried="d")[3], "tried")
        backend.drain(f, True)
        self.assertEqual(self.standings(backend)[5], "draining")
        self.assertEqual({*said, "tried", "draining"}, set(STANDINGS))

    def test_time_goes_by(self) -> None:
        backend = self.backend("ab")
        backend.unreachable(backend.servers[0], self.clock.seconds())
        self.assertEqual(self.standings(backend), ["suspect", "usable"])
        self.clock.advance(SUSPECT_SECONDS)
        self.assertEqual(self.standings(backend), ["usable", "usable"])

    def test_a_backup_alone_is_asked(self) -> None:
        backend = self.backend("ab")
        backend.servers[1].backup = True
        backend.set_healthy(backend.servers[0], False, "check")
        self.assertEqual(self.standings(backend), ["unhealthy", "usable"])


class Sets(Case):
    """Whole sets of servers, one after the other."""

    def setUp(self) -> None:
        super().setUp()
        self.seen: list[tuple[str, str]] = []

    def publishing(self, hosts: str = "") -> Backend:
        made = self.backend(hosts)
        made.published.append(
            lambda came, gone: self.seen.append(
                ("".join(server.host for server in came), "".join(server.host for server in gone))
            )
        )
        return made

    def publish(self, backend: Backend, hosts: str) -> bool:
        return backend.publish([Server(f"http://{host}") for host in hosts])

    def test_nobody_is_there_until_a_set_is(self) -> None:
        backend = self.publishing()
        refusal = self.assertRaises(Refusal, backend.lease, Client(), (), 0.0)
        self.assertIs(refusal.reason, NO_SERVER)
        self.assertTrue(self.publish(backend, "ab"))
        self.assertEqual(self.choice(backend), "ab")

    def test_the_next_lease_sees_it(self) -> None:
        backend = self.publishing("abc")
        self.assertEqual(self.choice(backend), "abc")
        self.publish(backend, "bd")
        self.assertEqual(self.choice(backend), "bd")
        self.assertEqual(self.seen, [("d", "ac")])

    def test_the_same_set_is_told_to_nobody(self) -> None:
        backend = self.publishing("ab")
        self.assertFalse(self.publish(backend, "ab"))
        self.assertEqual(self.seen, [])

    def test_weights_are_told(self) -> None:
        backend = self.publishing("ab")
        self.assertTrue(backend.publish([Server("http://a", 5), Server("http://b")]))
        self.assertEqual((self.seen, backend.servers[0].weight), ([("", "")], 5))

    def test_state_stays(self) -> None:
        backend = self.publishing("ab")
        a, b = backend.servers
        backend.set_healthy(a, False, "x")
        lease = backend.lease(Client(), (), 0.0)
        self.publish(backend, "cab")
        self.assertEqual(self.choice(backend), "cb")
        self.assertEqual([server.in_flight for server in backend.servers], [0, 0, 1])
        lease.release()
        self.assertEqual(b.in_flight, 0)

    def test_no_set_is_empty(self) -> None:
        backend = self.publishing("ab")
        self.assertRaises(ValueError, self.publish, backend, "")
        self.assertEqual(self.choice(backend), "ab")

    def test_what_is_in_flight_finishes_and_may_come_back(self) -> None:
        backend = self.publishing("a")
        lease = backend.lease(Client(), (), 0.0)
        self.publish(backend, "b")
        self.assertTrue(lease.server.gone)
        self.publish(backend, "ab")
        self.assertIs(backend.servers[0], lease.server)
        self.assertEqual((lease.server.gone, lease.server.in_flight), (False, 1))
        lease.release()
        old = backend.servers[0]
        self.publish(backend, "b")
        self.publish(backend, "c")
        self.publish(backend, "a")
        self.assertIsNot(backend.servers[0], old, "it had finished")

    def test_a_failure_of_one_that_is_gone_harms_nobody(self) -> None:
        backend = self.publishing("ab")
        a = backend.servers[0]
        self.publish(backend, "b")
        for _ in range(3):
            backend.failed(a, 0.0, "x")
            backend.unreachable(a, 0.0)
        self.assertEqual(self.choice(backend), "b")

    def test_every_tier_has_its_turn(self) -> None:
        backend = self.publishing()
        backend.publish([Server("http://c", 1, 2), Server("http://a", 1, 0), Server("http://b", 1, 1)])
        by = {server.host: server for server in backend.servers}
        self.assertEqual(self.choice(backend), "a")
        self.assertEqual(self.choice(backend, tried="a"), "b")
        self.assertEqual(self.choice(backend, tried="ab"), "c")
        backend.set_healthy(by["a"], False, "x")
        self.assertEqual(self.choice(backend), "b")
        self.assertEqual(self.choice(backend, tried="b"), "c")
        backend.set_healthy(by["b"], False, "x")
        self.assertEqual(self.choice(backend), "c")

    def test_those_that_are_gone_and_finish(self) -> None:
        backend = self.publishing("ab")
        a, b = backend.servers
        a.in_flight = 1
        backend.publish([b])
        self.assertEqual(backend.all_servers, [b, a])
        a.in_flight = 0
        self.assertEqual(backend.all_servers, [b])

    def test_servers_by_their_url(self) -> None:
        backend = self.publishing("ab")
        self.assertEqual(backend.known_as("http://a:80"), [backend.servers[0]])
        self.assertEqual(backend.known_as("http://c:80"), [])

    def test_checks_are_passed_on(self) -> None:
        backend = self.publishing("ab")
        heard: list[tuple[str, bool, str]] = []
        backend.checked = lambda server, healthy, why: heard.append((server.host, healthy, why))
        backend.set_healthy(backend.servers[0], False, "x")
        backend.set_healthy(backend.servers[0], False, "x")
        self.assertEqual(heard, [("a", False, "x")])


class Draining(Case):
    """Nobody new is led to a server; who is there may stay."""

    def test_who_is_told_of_it(self) -> None:
        backend = self.backend("ab")
        told: list[tuple[str, bool]] = []
        backend.drained = lambda server, draining: told.append((server.host, draining))
        backend.drain(backend.servers[1], True)
        backend.drain(backend.servers[1], False)
        self.assertEqual(told, [("b", True), ("b", False)])

    def test_nobody_new(self) -> None:
        backend = self.backend("ab")
        lease = backend.lease(Client(), (), 0.0)
        backend.drain(backend.servers[0], True)
        self.assertEqual(self.choice(backend), "b")
        self.assertEqual(lease.server.in_flight, 1)
        self.assertEqual(self.choice(backend, tried="b"), "", "not even as the last resort")
        self.assertFalse(backend.is_up(backend.servers[0], 0.0))
        backend.drain(backend.servers[0], False)
        self.assertEqual(self.choice(backend), "ab")

    def test_clients_that_are_bound_to_it_may_come(self) -> None:
        backend = self.backend("ab")
        a = backend.servers[0]
        backend.drain(a, True)
        lease = backend.lease_server(a.name, (), 0.0)
        assert lease is not None
        self.assertIs(lease.server, a)
        self.assertIsNone(backend.lease_server(a.name, [a], 0.0), "it was tried")
        backend.set_healthy(a, False, "x")
        self.assertIsNone(backend.lease_server(a.name, (), 0.0))

    def test_a_new_set_does_not_end_it(self) -> None:
        backend = self.backend("ab")
        backend.drain(backend.servers[0], True)
        backend.publish([Server("http://a"), Server("http://c")])
        self.assertEqual(self.choice(backend), "c")
