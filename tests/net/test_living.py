"""What lives is found when somebody asks, in slices."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from toron.core.backend import Backend
from toron.core.message import Request
from toron.core.server import Server
from toron.core.wait import as_deferred
from toron.net.connection import Connection
from toron.net.living import MOST, SLICE, STEP, Busy, Found, Wanted, busy_relay, joined, look
from toron.net.relay import Relay
from toron.net.sweep import Sweep
from toron.net.udp import UdpSession
from toron.wire.headers import Headers

CLOCK: Any = Clock()


class FakeListener:
    """A name, and who is in."""

    def __init__(self, listener: str, *connections: Any) -> None:
        self.listener = listener
        self.connections = set(connections)


class FakeOwner:
    """What a UDP session wants of its listener."""

    listener = "dns"
    idle = 30.0


def connection(listener: str = "web", ip: str = "192.0.2.1", busy: Busy | None = None) -> Connection:
    """One that was accepted."""
    made = Connection(CLOCK, listener, object(), (ip, 1000), ("192.0.2.9", 80))
    if busy is not None:
        made.tells = lambda: busy
    return made


def request(route: str = "", backend: str = "", server: str = "http://a:1") -> Request:
    """One that is under way."""
    made = Request(b"GET", b"/", Headers())
    made.route = route
    if backend:
        made.server = Server(server)
        made.backend = Backend(backend, [made.server], balancer=None)  # type: ignore[arg-type]
    return made


class SlowClock(Clock):
    """On it each look takes half a slice."""

    turns = 0

    def callLater(self, delay: float, function: Any, *args: Any, **more: Any) -> Any:
        self.turns += 1
        return super().callLater(delay, function, *args, **more)

    def seconds(self) -> float:
        self.rightNow += SLICE / 2
        return super().seconds()


class Looking(SynchronousTestCase):
    def look(self, *listeners: Any, **wanted: Any) -> Found:
        reactor = Clock()
        reactor.advance(50)
        found = as_deferred(look(reactor, listeners, Wanted(**wanted), lambda: 1000.0, 3))
        reactor.advance(0)
        return self.successResultOf(found)

    def test_what_is_told(self) -> None:
        web = connection("web", "2001:db8::1", Busy("h2", [request("a", "api"), request("b"), request("a")]))
        web.accepted = 20.0
        (told,) = self.look(FakeListener("web", web)).connections
        self.assertEqual((told.listener, told.kind, told.client), ("web", "h2", "[2001:db8::1]:1000"))
        self.assertEqual((told.since, told.requests, told.routes), (970.0, 3, ["a", "b"]))
        self.assertEqual((told.backend, told.server, told.worker), ("api", "a:1", 3))
        self.assertEqual((told.bytes_in, told.bytes_out), (None, None), "nobody counts what is no TCP")

    def test_one_that_has_not_said_anything(self) -> None:
        (told,) = self.look(FakeListener("web", connection())).connections
        self.assertEqual((told.kind, told.requests, told.backend), ("new", 0, ""))

    def test_a_relay(self) -> None:
        relay = Relay(Sweep(CLOCK), 0.0)
        relay.client.received, relay.server.received = 5, 7
        one = connection("raw", busy=busy_relay(relay))
        one.led_to = ("db", Server("tcp://b:2"))
        (told,) = self.look(FakeListener("raw", one)).connections
        self.assertEqual((told.kind, told.backend, told.server), ("relay", "db", "b:2"))
        self.assertEqual((told.bytes_in, told.bytes_out), (5, 7))

    def test_what_an_upgrade_made(self) -> None:
        sweep = Sweep(CLOCK)
        self.assertEqual(joined(Relay(sweep, 0.0, websocket=True), None).kind, "websocket")
        busy = joined(Relay(sweep, 0.0), request("a", "api"))
        (told,) = self.look(FakeListener("web", connection(busy=busy))).connections
        self.assertEqual((told.kind, told.routes, told.backend), ("tunnel", ["a"], "api"))

    def test_a_udp_session(self) -> None:
        session = UdpSession(FakeOwner(), (("192.0.2.1", 7), b""), 10.0)  # type: ignore[arg-type]
        session.backend, session.server = "dns", Server("udp://c:53")
        session.bytes_in, session.bytes_out = 1, 2
        (told,) = self.look(FakeListener("dns", session)).connections
        self.assertEqual(
            (told.kind, told.client, told.backend, told.server), ("udp", "192.0.2.1:7", "dns", "c:53")
        )
        self.assertEqual((told.bytes_in, told.bytes_out, told.since), (1, 2, 960.0))

    def test_those_that_are_wanted(self) -> None:
        one = connection("web", "192.0.2.1", Busy("http/1.1", [request("a", "api", "http://x:1")]))
        two = connection("web", "192.0.2.2", Busy("http/1.1", [request("b", "api", "http://y:1")]))
        raw = connection("raw", "192.0.2.2")
        raw.led_to = ("db", Server("tcp://b:2"))
        listeners = FakeListener("web", one, two), FakeListener("raw", raw)
        for wanted, count in (
            ({}, 3), ({"listener": "web"}, 2), ({"listener": "nope"}, 0), ({"route": "a"}, 1),
            ({"backend": "api"}, 2), ({"backend": "db"}, 1), ({"server": "y:1"}, 1),
            ({"backend": "api", "server": "b:2"}, 0), ({"client": "192.0.2.2"}, 2),
            ({"client": "192.0.2.2", "listener": "raw"}, 1),
        ):  # fmt: skip
            self.assertEqual(self.look(*listeners, **wanted).total, count, wanted)

    def test_not_more_than_are_wanted(self) -> None:
        many = FakeListener("web", *(connection() for _ in range(MOST + 10)))
        for limit, told in ((3, 3), (0, 0), (-1, 0), (10**9, MOST)):
            found = self.look(many, limit=limit)
            self.assertEqual((found.total, len(found.connections)), (MOST + 10, told))

    def test_all_of_them_counted(self) -> None:
        several = [connection(busy=Busy("h2", [request("a"), request("b", "api")])) for _ in range(3)]
        web = FakeListener("web", *several, connection(), connection())
        found = self.look(web, FakeListener("raw", connection("raw")), tallies=True, limit=0)
        told = sorted(
            (each.count, each.listener, each.kind, each.route, each.backend) for each in found.tallies
        )
        self.assertEqual(
            told, [(1, "raw", "new", "", ""), (2, "web", "new", "", ""), (3, "web", "h2", "b", "api")]
        )
        self.assertEqual((found.total, found.connections), (6, []))
        self.assertEqual(self.look(web).tallies, [])

    def test_one_that_has_ended_meanwhile(self) -> None:
        one = connection()
        one.lost()
        self.assertEqual(self.look(FakeListener("web", one)).total, 0)
        self.assertIsNone(one.tells)

    def test_others_get_their_turn(self) -> None:
        many = FakeListener("web", *(connection() for _ in range(6 * STEP)))
        reactor = SlowClock()
        found = as_deferred(look(reactor, [many], Wanted(), lambda: 0.0))
        self.assertNoResult(found)
        for _ in range(10):
            reactor.advance(0)
        self.assertGreater(reactor.turns, 1)
        self.assertEqual(self.successResultOf(found).total, 6 * STEP)
