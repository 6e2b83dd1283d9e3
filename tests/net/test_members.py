"""What goes with a server comes with it, and goes when it has finished."""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from toron.core.backend import Backend, Lease
from toron.core.server import Server
from toron.net.members import LINGER, Members
from toron.net.sweep import Sweep
from toron.observe.stats import ServerStats


class Check(Service):
    """The check of one server, as far as its life goes."""

    def __init__(self, server: Server) -> None:
        self.server = server


class Pool:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.dropped: list[str] = []

    def drop(self, server: Server) -> None:
        self.dropped.append(server.host)


class ComingAndGoing(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.sweep = Sweep(self.clock)
        self.sweep.startService()
        self.addCleanup(self.sweep.stopService)
        self.backend = Backend("api", [], None)  # type: ignore[arg-type]
        self.forgotten: list[str] = []
        self.stats: dict[Server, ServerStats] = {}
        self.members = Members(
            self.backend, self.stats, self.sweep,
            count=lambda server: ServerStats("api", server),
            forget=lambda server: self.forgotten.append(server.host),
        )  # fmt: skip
        self.pool: Any = Pool()
        self.members.pools.append(self.pool)
        self.members.startService()

    def publish(self, *hosts: str) -> None:
        self.backend.publish([Server(f"http://{host}") for host in hosts])

    def counted(self) -> str:
        return "".join(sorted(server.host for server in self.stats))

    def wait(self, seconds: float) -> None:
        self.clock.pump([0.2] * round(seconds / 0.2))

    def test_stats_are_there_before_anybody_can_count(self) -> None:
        self.publish("a", "b")
        self.assertEqual(self.counted(), "ab")

    def test_one_that_is_gone_is_forgotten_when_it_has_finished(self) -> None:
        self.publish("a", "b")
        lease = Lease(self.backend.servers[0])
        self.publish("b")
        self.assertEqual((self.pool.dropped, self.counted()), (["a"], "ab"))
        self.wait(10 * LINGER)
        self.assertEqual((self.forgotten, self.counted()), ([], "ab"))
        lease.release()
        self.wait(LINGER)
        self.assertEqual(self.forgotten, [], "what it counted last is told to the parent first")
        self.wait(LINGER + 1)
        self.assertEqual((self.forgotten, self.counted()), (["a"], "b"))
        self.assertEqual(self.pool.dropped, ["a", "a"], "and what came back to the pool meanwhile")
        self.assertNotIn(self.members, self.sweep._timed)

    def test_one_that_comes_back_is_not_forgotten(self) -> None:
        self.publish("a", "b")
        lease = Lease(self.backend.servers[0])
        self.publish("b")
        self.publish("a", "b")
        lease.release()
        self.wait(10 * LINGER)
        self.assertEqual((self.forgotten, self.counted()), ([], "ab"))

    def test_a_new_one_of_the_same_url_is_another(self) -> None:
        self.publish("a", "b")
        old = self.backend.servers[0]
        self.publish("b")
        self.publish("a", "b")
        self.assertIsNot(self.backend.servers[0], old)
        self.assertEqual(self.counted(), "aab")
        self.wait(3 * LINGER)
        self.assertEqual(self.counted(), "ab")
        self.assertIn(self.backend.servers[0], self.stats)

    def test_checks_come_and_go(self) -> None:
        self.members.initial, self.members.check = True, Check
        self.publish("a", "b")
        checks: list[Any] = list(self.members)
        self.assertEqual([(each.server.host, each.running) for each in checks], [("a", 1), ("b", 1)])
        self.publish("b", "c")
        self.assertEqual([each.running for each in checks], [0, 1])
        self.assertEqual([each.server.host for each in self.members], ["b", "c"])
        self.members.stopService()
        self.assertEqual([each.running for each in checks], [0, 0])

    def test_how_they_begin(self) -> None:
        for initial, healthy in ((None, True), (True, True), (False, False)):
            self.members.initial = initial
            self.publish(f"x{initial}".lower())
            self.assertIs(self.backend.servers[0].healthy, healthy)

    def test_one_that_was_there_from_the_start(self) -> None:
        server = Server("http://a")
        self.stats[server] = ServerStats("api", server)
        self.backend.servers.append(server)
        check = Check(server)
        self.members.adopt(server, check)
        self.assertTrue(check.running)
        self.assertEqual(self.members.checks, [check])
        self.publish("b")
        self.assertFalse(check.running)
        self.assertNotIn(check, self.members.checks)

    def test_nothing_is_done_after_the_end(self) -> None:
        self.publish("a", "b")
        self.publish("b")
        self.members.stopService()
        self.wait(10 * LINGER)
        self.assertEqual(self.forgotten, [], "whoever comes after it counts by the same names")
