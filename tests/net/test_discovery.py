"""What a provider finds is published, what it can not find is said once, and what breaks begins again."""

from __future__ import annotations

import random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import Logger, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from toron.core.backend import Backend
from toron.core.server import Server
from toron.net.discovery import FIRST, Discovery
from toron.observe.stats import DiscoveryStats


class Providing(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.backend = Backend("api", [], None)  # type: ignore[arg-type]
        self.stats = DiscoveryStats("api")
        self.said: list[str] = []
        self.begun = 0
        self.ended = 0
        self.outcome: BaseException | None = None
        self.made = Discovery(
            self.clock, random.Random(1), self.backend, self.discover, "http", self.stats
        )  # fmt: skip
        observer: Any = lambda event: self.said.append(formatEvent(event))  # noqa: E731
        self.made.log = Logger(observer=observer)
        self.known: list[bool] = []
        self.made.known.addCallback(lambda _: self.known.append(True))

    async def discover(self, publisher: Any) -> None:
        self.publisher = publisher
        self.begun += 1
        self.waits: Deferred[None] = Deferred()
        try:
            await self.waits
        finally:
            self.ended += 1

    def start(self) -> None:
        self.made.startService()
        self.addCleanup(lambda: self.made.running and self.made.stopService())

    def publish(self, *hosts: str) -> None:
        self.publisher.publish(Server(f"http://{host}") for host in hosts)

    def counted(self) -> tuple[int, int, int, bool]:
        return self.stats.found, self.stats.failed, self.stats.servers, self.stats.stale

    def test_servers_are_published(self) -> None:
        self.start()
        self.assertEqual((self.known, self.backend.servers), ([], []))
        self.publish("a", "b")
        self.assertEqual([server.host for server in self.backend.servers], ["a", "b"])
        self.assertEqual((self.known, self.counted()), ([True], (1, 0, 2, False)))
        self.publish("b", "a")
        self.publish("b", "a")
        self.publish("a")
        self.assertEqual(self.counted(), (4, 0, 1, False))
        self.assertEqual(
            self.said,
            [
                "backend api has 2 servers: a:80, b:80 came, none went",
                "backend api has 2 servers: none came, none went",
                "backend api has 1 servers: none came, b:80 went",
            ],
        )
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_long_list_is_cut(self) -> None:
        self.start()
        self.publish(*map(str, range(1, 13)))
        self.assertIn("9:80, 10:80 and 2 more came", self.said[0])

    def test_a_failure_changes_nothing_and_is_said_once(self) -> None:
        self.start()
        self.publish("a")
        self.said.clear()
        for _ in range(3):
            self.publisher.failed("SERVFAIL")
        self.assertEqual(self.counted(), (1, 3, 1, True))
        self.assertEqual([server.host for server in self.backend.servers], ["a"])
        self.publisher.failed("no answer")
        self.publish("a")
        self.assertEqual(self.counted(), (2, 4, 1, False))
        self.assertEqual(
            self.said,
            [
                "discovery of api failed: SERVFAIL; its 1 servers stay",
                "discovery of api failed: no answer; its 1 servers stay",
                "discovery of api works again",
            ],
        )

    def test_no_servers_are_a_failure(self) -> None:
        self.start()
        self.publish()
        self.assertEqual(self.said, ["discovery of api failed: there are no servers; it has no servers yet"])
        self.publish("a")
        self.publish()
        self.assertEqual((len(self.backend.servers), self.stats.stale), (1, True))

    def test_servers_of_another_scheme_are_a_failure(self) -> None:
        self.start()
        self.publisher.publish([Server("http://a"), Server("tcp://b:1")])
        self.assertEqual((self.backend.servers, self.counted()), ([], (0, 1, 0, True)))
        self.assertIn("tcp://b:1 is not http", self.said[0])

    def test_a_start_waits_for_a_while(self) -> None:
        self.start()
        self.publisher.failed("SERVFAIL")
        self.clock.advance(FIRST - 0.1)
        self.assertEqual(self.known, [])
        self.clock.advance(0.2)
        self.assertEqual(self.known, [True])
        self.assertIn("backend api has no servers yet, and is served without", self.said)
        self.publish("a")
        self.assertEqual((self.known, len(self.backend.servers)), ([True], 1))

    def test_what_breaks_begins_again(self) -> None:
        self.start()
        self.publish("a")
        pauses = []
        for number in range(2, 10):
            self.waits.errback(ZeroDivisionError("x"))
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 0, "it goes to our log")
            pauses.append(round(self.clock.getDelayedCalls()[0].getTime() - self.clock.seconds()))
            self.clock.advance(70)
            self.assertEqual(self.begun, number)
        self.assertEqual(pauses[0], 1)
        self.assertGreater(pauses[3], 4)
        self.assertLess(max(pauses), 67)
        self.assertIn("discovery of api failed: it ended: ZeroDivisionError; its 1 servers stay", self.said)
        self.assertTrue(self.stats.stale)
        self.publish("a")
        self.waits.callback(None)
        self.assertLess(self.clock.getDelayedCalls()[0].getTime() - self.clock.seconds(), 2, "it did well")
        self.assertIn("discovery of api failed: it ended; its 1 servers stay", self.said)

    def test_stopped(self) -> None:
        self.start()
        self.made.stopService()
        self.assertEqual((self.begun, self.ended), (1, 1))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.said, [])

    def test_stopped_between_two_tries(self) -> None:
        self.start()
        self.publish("a")
        self.waits.callback(None)
        self.made.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])
