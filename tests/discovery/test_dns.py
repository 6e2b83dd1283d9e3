"""What the DNS says becomes servers, for as long as it says so."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import Logger, formatEvent
from twisted.names import dns
from twisted.trial.unittest import SynchronousTestCase

from tests.discovery.test_file import Published
from toron.core.wait import Task
from toron.discovery.dns import DnsDiscovery, Options, make
from toron.interfaces import Environment, Server
from toron.net.dns_query import Answer, LookupFailed, NameServers, NoSuchName


class Zone:
    """Answers from a dictionary, in place of name servers."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, int], Answer | Exception | Deferred[Answer]] = {}
        self.asked: list[tuple[str, int]] = []

    def put(self, name: str, *addresses: str, ttl: float = 60) -> None:
        """The addresses of a name, of both families."""
        v6 = [dns.Record_AAAA(each) for each in addresses if ":" in each]
        v4 = [dns.Record_A(each) for each in addresses if ":" not in each]
        self.answers[name, dns.A] = Answer(v4, ttl if v4 else 0)
        self.answers[name, dns.AAAA] = Answer(v6, ttl if v6 else 0)

    def services(self, name: str, *records: tuple[int, int, int, str], ttl: float = 60) -> None:
        """Priority, weight, port and target of each."""
        self.answers[name, dns.SRV] = Answer([dns.Record_SRV(*record) for record in records], ttl)

    async def ask(self, name: str, kind: int) -> Answer:
        self.asked.append((name, kind))
        found = self.answers.get((name, kind), NoSuchName("no such name"))
        if isinstance(found, Deferred):
            return await found
        if isinstance(found, Exception):
            raise found
        return found


class Servers(Published):
    """What was published, with the tier of each server."""

    def __init__(self) -> None:
        super().__init__()
        self.servers: Sequence[Server] = []

    def publish(self, servers: Any) -> None:
        self.servers = list(servers)
        self.said.append(" ".join(f"{each.url}*{each.weight}/{each.backup}" for each in self.servers))


class Case(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.zone = Zone()
        self.published = Servers()
        self.logged: list[str] = []

    def start(self, **options: Any) -> None:
        observer: Any = lambda event: self.logged.append(formatEvent(event))  # noqa: E731
        surroundings = Environment("api", self.clock, random.Random(1), Logger(observer=observer))
        zone: Any = self.zone
        discover: Any = DnsDiscovery(Options(**options), surroundings, zone)
        self.ended: list[Any] = []
        self.task = Task(discover(self.published), lambda result, error: self.ended.append(error))
        self.task.start()
        self.addCleanup(self.task.cancel)

    def said(self, seconds: float = 0.0) -> list[str]:
        self.clock.advance(seconds)
        said, self.published.said = self.published.said, []
        return said


class Addresses(Case):
    def test_every_address_is_a_server(self) -> None:
        self.zone.put("api.internal", "10.0.0.9", "::1", "10.0.0.10", "10.0.0.9")
        self.start(name="api.internal.", port=8080)
        expected = "http://10.0.0.9:8080*1/0 http://10.0.0.10:8080*1/0 http://[::1]:8080*1/0"
        self.assertEqual(self.said(), [expected])
        self.assertEqual([server.tls_name for server in self.published.servers], ["api.internal"] * 3)

    def test_the_type(self) -> None:
        self.zone.put("a", "10.0.0.1", "::1")
        self.start(name="a", type="A", scheme="h2")
        self.start(name="a", type="AAAA", scheme="tcp", port=1)
        self.assertEqual(self.said(), ["h2://10.0.0.1:443*1/0", "tcp://[::1]:1*1/0"])
        self.assertEqual(self.zone.asked, [("a", dns.A), ("a", dns.AAAA)])

    def test_the_ttl_says_when_it_is_asked_again(self) -> None:
        self.zone.put("a", "10.0.0.1", ttl=20)
        self.start(name="a", type="A")
        self.assertEqual(len(self.said()), 1)
        self.assertEqual(self.said(19), [])
        self.zone.put("a", "10.0.0.2", ttl=20)
        self.assertEqual(self.said(1), ["http://10.0.0.2:80*1/0"])

    def test_no_sooner_and_no_later(self) -> None:
        for ttl, seconds in ((0, 3), (2, 3), (1000, 30)):
            self.zone.put("a", "10.0.0.1", ttl=ttl)
            self.start(name="a", min_ttl="3s", max_ttl="30s")
            self.assertEqual(len(self.said()), 1)
            self.assertEqual(self.said(seconds - 0.1), [])
            self.assertEqual(len(self.said(0.2)), 1)
            self.task.cancel()

    def test_failures_are_told_and_asked_again_ever_later(self) -> None:
        self.zone.put("a", "10.0.0.1")
        self.start(name="a", type="A", max_ttl="60s")
        self.said()
        self.zone.answers["a", dns.A] = LookupFailed("SERVFAIL from 127.0.0.1")
        self.assertEqual(self.said(60), ["failed: A of a: SERVFAIL from 127.0.0.1"])
        waits = []
        for _ in range(8):
            [call] = self.clock.getDelayedCalls()
            waits.append(call.getTime() - self.clock.seconds())
            self.assertEqual(len(self.said(waits[-1])), 1)
        for wait, wanted in zip(waits, (1, 2, 4, 8, 16, 30, 30, 30), strict=True):
            self.assertTrue(0.9 * wanted <= wait <= 1.1 * wanted, waits)
        self.zone.put("a", "10.0.0.2")
        self.assertEqual(self.said(33), ["http://10.0.0.2:80*1/0"])
        self.zone.answers["a", dns.A] = LookupFailed("x")
        self.said(60)
        [call] = self.clock.getDelayedCalls()
        self.assertLess(call.getTime() - self.clock.seconds(), 1.2, "it begins anew")

    def test_every_failure_is_one(self) -> None:
        self.start(name="a")
        self.assertEqual(self.said(), ["failed: A of a: no such name"])
        self.zone.put("a")
        self.assertEqual(self.said(2), ["failed: a has no addresses"])
        self.zone.put("a", "10.0.0.1")
        self.zone.answers["a", dns.AAAA] = LookupFailed("SERVFAIL")
        self.assertEqual(self.said(4), ["failed: AAAA of a: SERVFAIL"], "half an answer is none")

    def test_cancelled_while_it_asks(self) -> None:
        answer: Deferred[Answer] = Deferred()
        self.zone.answers["a", dns.A] = answer
        self.start(name="a", type="A")
        self.task.cancel()
        self.assertTrue(answer.called)
        self.assertEqual((len(self.ended), self.said(100)), (1, []))


class Services(Case):
    def test_tiers_weights_and_ports(self) -> None:
        self.zone.services(
            "_http._tcp.api.internal",
            (20, 1, 8003, "c.internal"), (10, 0, 8002, "b.internal"),
            (10, 65535, 8001, "a.internal"), (30, 5, 8004, "d.internal"),
        )  # fmt: skip
        for number, host in enumerate("abcd"):
            self.zone.put(f"{host}.internal", f"10.0.0.{number}")
        self.zone.put("a.internal", "10.0.0.1", "10.0.0.11")
        self.start(name="_http._tcp.api.internal", scheme="https")
        self.assertEqual(
            self.said(),
            [
                "https://10.0.0.1:8001*65535/0 https://10.0.0.11:8001*65535/0 https://10.0.0.1:8002*0/0 "
                "https://10.0.0.2:8003*1/1 https://10.0.0.3:8004*5/2"
            ],
        )
        self.assertEqual({server.tls_name for server in self.published.servers}, {"api.internal"})

    def test_the_shortest_ttl_counts(self) -> None:
        self.zone.services("_a._tcp.x", (1, 1, 1, "a"), (1, 1, 1, "b"), ttl=100)
        self.zone.put("a", "10.0.0.1", ttl=50)
        self.zone.put("b", "10.0.0.2", ttl=70)
        self.start(name="_a._tcp.x", type="SRV")
        self.said()
        self.assertEqual(self.said(49), [])
        self.assertEqual(len(self.said(1)), 1)

    def test_a_target_is_asked_for_once(self) -> None:
        self.zone.services("_a._tcp.x", (1, 1, 1, "a"), (1, 1, 2, "a"))
        self.zone.put("a", "10.0.0.1")
        self.start(name="_a._tcp.x")
        self.assertEqual(self.said(), ["http://10.0.0.1:1*1/0 http://10.0.0.1:2*1/0"])
        self.assertEqual(self.zone.asked.count(("a", dns.A)), 1)

    def test_targets_that_do_not_exist_are_left_out(self) -> None:
        self.zone.services("_a._tcp.x", (1, 1, 1, "a"), (1, 1, 2, "none"), (1, 1, 3, "empty"))
        self.zone.put("a", "10.0.0.1", ttl=10)
        self.zone.put("empty")
        self.start(name="_a._tcp.x")
        for _ in range(3):
            self.assertEqual(self.said(10)[-1:], ["http://10.0.0.1:1*1/0"])
        self.assertEqual(
            self.logged,
            [f"_a._tcp.x leads to {name}, which has no address" for name in ("empty", "none")],
            "said once",
        )

    def test_a_target_that_nobody_can_tell_of_is_a_failure(self) -> None:
        self.zone.services("_a._tcp.x", (1, 1, 1, "a"), (1, 1, 2, "b"))
        self.zone.put("a", "10.0.0.1")
        self.zone.put("b", "10.0.0.2")
        self.zone.answers["b", dns.A] = LookupFailed("SERVFAIL")
        self.start(name="_a._tcp.x")
        self.assertEqual(self.said(), ["failed: A of b: SERVFAIL"])

    def test_nothing_to_use(self) -> None:
        self.zone.services("_a._tcp.x", (0, 0, 1, ""), (0, 0, 0, "a"))
        self.start(name="_a._tcp.x")
        self.assertEqual(self.said(), ["failed: _a._tcp.x has no SRV records that name a server"])
        self.zone.services("_a._tcp.x", (0, 0, 1, "none"))
        self.assertEqual(self.said(2), ["failed: no target of _a._tcp.x has an address"])

    def test_many_targets_are_asked_for_a_few_at_a_time(self) -> None:
        self.zone.services("_a._tcp.x", *((1, 1, 1, f"t{number}") for number in range(100)))
        waiting: list[Deferred[Answer]] = [Deferred() for _ in range(100)]
        for number, answer in enumerate(waiting):
            self.zone.put(f"t{number}")
            self.zone.answers[f"t{number}", dns.A] = answer
        self.start(name="_a._tcp.x")
        self.assertLess(len(self.zone.asked), 40)
        for number, answer in enumerate(waiting):
            answer.callback(Answer([dns.Record_A(f"10.0.0.{number}")], 60))
        self.assertEqual(len(self.said()[0].split()), 100)


class Written(SynchronousTestCase):
    """What may stand in a configuration."""

    def test_names(self) -> None:
        for name in ("api", "api.internal.", "_http._tcp.api", "a" * 63, "1.2.3.4.in-addr.arpa", "a-b"):
            self.assertEqual(Options(name=name).name, name.rstrip("."))
        for name in ("", ".", "a..b", "a b", "-a", "a" * 64, "10.0.0.1", ".a", "é", "a." * 127 + "aa"):
            self.assertRaises(ValidationError, Options, name=name)

    def test_what_does_not_fit(self) -> None:
        for word, options in (
            ("min_ttl is above 0", {"min_ttl": "0"}),
            ("min_ttl is above 0", {"min_ttl": "10m"}),
            ("0 is not the port", {"port": 0}),
            ("SRV records have ports", {"type": "SRV", "port": 80}),
            ("SRV records have ports", {"name": "_a._tcp.b", "port": 80}),
            ("tcp servers need a port", {"scheme": "tcp"}),
            ("udp servers need a port", {"scheme": "udp"}),
            ("Input should be", {"type": "MX"}),
            ("Extra inputs", {"ttl": "3s"}),
        ):
            with self.subTest(word):
                error = self.assertRaises(ValidationError, Options, **({"name": "a"} | options))
                self.assertIn(word, str(error))
        self.assertEqual(Options(name="_a._tcp.b", scheme="tcp").port, None)
        self.assertEqual(Options(name="_a._tcp.b", type="A", port=1).port, 1)

    def test_resolvers(self) -> None:
        for written in ("127.0.0.1", "127.0.0.1:5353", "::1", "[::1]", "[::1]:53", ["10.0.0.1", "10.0.0.2"]):
            Options(name="a", resolvers=written)
        for written in ("", "dns", "dns:53", "127.0.0.1:0", "127.0.0.1:99999", "127.0.0.1:", "1.2.3", "[::1"):
            error = self.assertRaises(ValidationError, Options, name="a", resolvers=written)
            self.assertIn("not a name server", str(error))

    def test_who_is_asked(self) -> None:
        surroundings = Environment("api", Clock(), random.Random(1), Logger())
        made: Any = make(Options(name="a", resolvers=("127.0.0.1:5353", "::1")), surroundings)
        self.assertIsInstance(made._servers, NameServers)
        self.assertEqual(made._servers._servers(), [("127.0.0.1", 5353), ("::1", 53)])
