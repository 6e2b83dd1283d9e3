"""A QUIC listener with packets made by hand: who gets what, and what is kept for how long."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Sequence
from typing import Any

from tests.net.test_udp import InOrder, Udp
from tests.wire.quic_packets import crypto, flight, head, hello, initial, vector
from toron.core.backend import Backend
from toron.core.connection_routing import ConnectionPattern, ConnectionRouter
from toron.core.networks import Networks
from toron.core.refusal import DENIED, Refusal
from toron.core.server import Server
from toron.core.wait import Wait
from toron.net import quic_sni
from toron.net.quic_sni import PATHS_MOST, QuicListener, QuicSession
from toron.observe.stats import ServerStats
from toron.wire.quic import HANDSHAKE, INITIAL, RETRY, VERSION_1, VERSION_2, ZERO_RTT


def begin(name: str, dcid: bytes = b"made up by client", **options: Any) -> bytes:
    """The first datagram of a connection to a name."""
    return initial(crypto(hello(name)), dcid=dcid, size=1200, **options)


def answer(scid: bytes, version: int = VERSION_1, kind: int = INITIAL) -> bytes:
    """What a server sends first: the id it wants to be called by is in it."""
    return head(b"client", scid, version, kind) + b"rest"


def short(name: bytes, rest: bytes = b"") -> bytes:
    """A packet with a short header."""
    return b"\x40" + name + (rest or bytes(30))


class Quic(Udp):
    """A listener in front of two backends, `a.example` and `b.example`, of one server each."""

    def listen_quic(
        self, *, guards: Sequence[Any] = (), networks: dict[str, Networks] | None = None, **options: Any
    ) -> None:
        self.one, self.two = self.socket(), self.socket()
        self.sessions: list[QuicSession] = []
        stats: dict[Server, ServerStats] = {}
        routes = []
        for name, sock in (("a", self.one), ("b", self.two)):
            server = Server(f"udp://127.0.0.1:{sock.getsockname()[1]}")
            stats[server] = ServerStats(name, server)
            pattern = ConnectionPattern([f"{name}.example"], [b"h3"], (networks or {}).get(name))
            routes.append((pattern, Backend(name, [server], InOrder())))
        self.server_stats = list(stats.values())
        self.backends = [backend for _, backend in routes]
        self.listener: QuicListener = QuicListener(
            self.reactor, "front", "127.0.0.1", 0, ConnectionRouter(routes),
            hello_seconds=options.pop("hello_seconds", 5.0), idle=options.pop("idle", 20.0),
            sweep=self.sweep, guards=guards, stats=self.stats, server_stats=stats,
            started=lambda session, backend, server: self.started.append((session, backend, server)),
            finished=self.finished.append,
            refused=lambda session, refusal: self.refused.append((session.client_ip, refusal.reason.word)),
            **options,
        )  # fmt: skip
        self.listener.startService()
        self.addCleanup(self.listener.stopService)

    def connect(
        self, client: socket.socket, name: str = "a", scid: bytes = b"server id", **options: Any
    ) -> Any:
        """A connection to a server, which has answered; returns where the server sees it."""
        server = self.one if name == "a" else self.two
        self.send(client, begin(f"{name}.example", **options))
        _, where = server.recvfrom(2000)
        self.answer(server, answer(scid), where)
        client.recv(2000)
        return where

    def nothing(self, *sockets: socket.socket) -> None:
        """Nothing has come there."""
        for sock in sockets:
            sock.setblocking(False)
            self.assertRaises(BlockingIOError, sock.recv, 2000)
            sock.settimeout(1)

    def pass_time(self, seconds: float) -> None:
        self.reactor.pump([0.5] * int(2 * seconds))

    def nothing_is_left(self) -> None:
        listener = self.listener
        left = (listener.sessions, listener._at, listener._unread, listener.unread_bytes, len(listener._ids))
        self.assertEqual(left, ({}, {}, {}, 0, 0))
        self.assertEqual((self.stats.sessions, self.stats.active), (0, 0))
        self.assertEqual([server.in_flight for each in self.backends for server in each.servers], [0, 0])


class Names(Quic):
    """Who gets what."""

    def test_two(self) -> None:
        self.listen_quic()
        clients = [self.socket(), self.socket()]
        for client, name, server in zip(clients, "ab", (self.one, self.two), strict=True):
            datagram = begin(f"{name}.example")
            self.send(client, datagram)
            self.assertEqual(server.recv(2000), datagram)
        self.nothing(self.one, self.two)
        self.assertEqual([(session.backend, session.hello.sni) for session, _, _ in self.started],
                         [("a", "a.example"), ("b", "b.example")])  # fmt: skip

    def test_version_2(self) -> None:
        self.listen_quic()
        self.send(self.socket(), begin("b.example", version=VERSION_2))
        self.assertEqual(len(self.two.recv(2000)), 1200)

    def test_nobody_is_called_so(self) -> None:
        self.listen_quic()
        client = self.socket()
        for _ in range(3):
            self.send(client, begin("c.example"))
        self.send(client, initial(crypto(hello("a.example", (b"other",))), size=1200))
        self.nothing(self.one, self.two, client)
        self.assertEqual(self.refused, [("127.0.0.1", "no_route")] * 2, "once for each connection")
        self.assertEqual(self.stats.datagrams_dropped, 4)
        self.assertEqual(self.finished, [])
        self.nothing_is_left()

    def test_a_hello_over_several_datagrams(self) -> None:
        self.listen_quic()
        client = self.socket()
        datagrams = flight(hello("b.example", extra=2500))
        early = head(kind=ZERO_RTT) + b"\x40\x64" + bytes(100)
        first, second, third = datagrams
        for datagram in (third, early, first):
            self.send(client, datagram)
        self.nothing(self.one, self.two, client)
        self.assertEqual(self.started, [])
        self.assertGreater(self.listener.unread_bytes, 2400)
        self.send(client, second)
        self.assertEqual([self.two.recv(2000) for _ in range(4)], [third, early, first, second])
        (session,) = self.listener.connections
        self.assertEqual((session.packets_in, session.bytes_in), (4, 3600 + len(early)))
        self.assertEqual(self.listener.unread_bytes, 0)

    def test_two_connections_from_one_port(self) -> None:
        """What shares a socket for all its connections is known by ids alone."""
        self.listen_quic()
        client = self.socket()
        self.connect(client, "a", b"server a", dcid=b"first one")
        self.connect(client, "b", b"server b", dcid=b"second one")
        for name, server in ((b"server a", self.one), (b"server b", self.two)) * 2:
            self.send(client, short(name))
            self.assertEqual(server.recv(2000), short(name))
            self.send(client, head(name, kind=HANDSHAKE) + b"more")
            self.assertEqual(server.recv(2000), head(name, kind=HANDSHAKE) + b"more")
        self.send(client, begin("a.example", b"first one"))
        self.assertEqual(len(self.one.recv(2000)), 1200)
        self.send(client, short(b"given in secret"))
        self.assertEqual(self.two.recv(2000), short(b"given in secret"), "the last one's, as far as we know")
        self.assertEqual(self.stats.sessions, 2)

    def test_guards_come_first(self) -> None:
        wait: Wait[None] = Wait()

        async def slow(session: Any, serve: Callable[[Any], Any]) -> None:
            await wait
            raise Refusal(DENIED)

        self.listen_quic(guards=[slow])
        client = self.socket()
        first, second = flight(hello(extra=1000))
        self.send(client, first)
        self.send(client, second)
        wait.fire(None)
        self.assertEqual(self.refused, [("127.0.0.1", "address_denied")])
        self.nothing(self.one, self.two)
        self.nothing_is_left()

    def test_a_server_without_ids(self) -> None:
        self.listen_quic()
        client = self.socket()
        self.connect(client, scid=b"")
        self.send(client, head(b"", kind=HANDSHAKE) + b"more")
        self.assertEqual(self.one.recv(2000), head(b"", kind=HANDSHAKE) + b"more")
        self.send(client, short(b""))
        self.assertEqual(self.one.recv(2000), short(b""))
        self.send(self.socket(), short(b""))
        self.nothing(self.one, self.two)

    def test_a_server_that_is_gone(self) -> None:
        self.listen_quic()
        self.one.close()
        self.send(self.socket(), begin("a.example"))
        self.reactor.until(lambda: self.finished)
        self.assertEqual(self.finished[0].reason and self.finished[0].reason.word, "upstream_connect_refused")
        self.assertEqual(self.server_stats[0].failures, {"upstream_connect_refused": 1})
        self.nothing_is_left()

    def test_too_many(self) -> None:
        self.listen_quic(most=1)
        self.connect(self.socket())
        self.send(self.socket(), begin("a.example"))
        self.assertEqual(self.refused, [("127.0.0.1", "too_many_sessions")])
        self.listener.stopService()
        self.nothing_is_left()


class Moving(Quic):
    """Clients whose address changes."""

    def test_another_port(self) -> None:
        self.listen_quic()
        old, new = self.socket(), self.socket()
        before = self.connect(old, "b")
        self.send(new, short(b"server id"))
        data, after = self.two.recvfrom(2000)
        self.assertEqual(data, short(b"server id"))
        self.assertNotEqual(before, after, "the server sees it too, and can ask whether it is true")
        self.answer(self.two, b"\x40to the new one", after)
        self.answer(self.two, b"\x40to the old one", before)
        self.assertEqual((new.recv(100), old.recv(100)), (b"\x40to the new one", b"\x40to the old one"))
        self.assertEqual([session.hello.sni for session, _, _ in self.started], ["b.example", "b.example"])

    def test_while_it_shakes_hands(self) -> None:
        self.listen_quic()
        self.connect(self.socket(), "b")
        self.send(self.socket(), head(b"server id", kind=HANDSHAKE) + b"more")
        self.assertEqual(self.two.recv(2000), head(b"server id", kind=HANDSHAKE) + b"more")

    def test_after_a_retry(self) -> None:
        self.listen_quic()
        client = self.socket()
        self.send(client, begin("a.example"))
        _, where = self.one.recvfrom(2000)
        self.answer(self.one, answer(b"of the retry", kind=RETRY), where)
        again = begin("a.example", b"of the retry", token=b"token")
        self.send(client, again)
        self.assertEqual(self.one.recvfrom(2000), (again, where))

    def test_a_version_negotiation_names_nobody(self) -> None:
        self.listen_quic()
        self.connect(self.socket(), scid=b"")
        client = self.socket()
        self.send(client, begin("a.example"))
        _, where = self.one.recvfrom(2000)
        self.answer(self.one, head(b"client", b"no name", 0) + bytes(8), where)
        self.assertEqual(len(self.listener._ids), 0)

    def test_an_id_that_was_given_in_secret(self) -> None:
        """Once it was used from a known address it is known."""
        self.listen_quic()
        client = self.socket()
        self.connect(client, "b", b"server 1")
        self.send(client, short(b"server 1"))
        self.send(client, short(b"server 2"))
        moved = self.socket()
        self.send(moved, short(b"server 2"))
        self.assertEqual([self.two.recv(100)[:9] for _ in range(3)],
                         [b"\x40server 1", b"\x40server 2", b"\x40server 2"])  # fmt: skip
        self.send(self.socket(), short(b"server 3"))
        self.nothing(self.one, self.two)
        self.assertEqual(self.stats.refused, {"quic_unknown_connection": 1})

    def test_to_the_address_of_somebody_else(self) -> None:
        self.listen_quic()
        one, two = self.socket(), self.socket()
        self.connect(one, "a", b"server a", dcid=b"first one")
        self.connect(two, "b", b"server b", dcid=b"second one")
        self.send(one, short(b"server b"))
        self.assertEqual(self.two.recv(100), short(b"server b"))
        self.send(one, short(b"server a"))
        self.assertEqual(self.one.recv(100), short(b"server a"))

    def test_a_short_id_by_chance(self) -> None:
        self.listen_quic()
        one, two = self.socket(), self.socket()
        self.connect(one, "a", b"aaaa", dcid=b"first one")
        self.connect(two, "b", b"server b", dcid=b"second one")
        self.send(two, short(b"aaaa and a secret id"))
        self.nothing(self.one)
        self.assertEqual(len(self.two.recv(100)), 51)

    def test_from_a_network_without_a_route(self) -> None:
        self.listen_quic(networks={"a": Networks(["127.0.0.1/32"])})
        self.connect(self.socket())
        elsewhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(elsewhere.close)
        elsewhere.bind(("127.0.0.9", 0))
        for _ in range(2):
            self.send(elsewhere, short(b"server id"))
        self.nothing(self.one, self.two)
        self.assertEqual(self.refused, [("127.0.0.9", "no_route")])

    def test_from_a_network_with_another_route(self) -> None:
        self.listen_quic()
        first, second = self.backends
        here = ConnectionPattern(["a.example"], networks=Networks(["127.0.0.1/32"]))
        self.listener._router = ConnectionRouter([(here, first), (ConnectionPattern(), second)])
        self.connect(self.socket())
        elsewhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(elsewhere.close)
        elsewhere.bind(("127.0.0.9", 0))
        self.send(elsewhere, short(b"server id"))
        self.nothing(self.one, self.two)
        self.assertEqual(self.refused, [("127.0.0.9", "no_route")])

    def test_not_to_too_many(self) -> None:
        self.listen_quic()
        client = self.socket()
        self.connect(client)
        self.send(client, short(b"server id"))
        self.assertEqual(self.one.recv(100), short(b"server id"))
        for _ in range(2 * PATHS_MOST):
            self.send(self.socket(), short(b"server id"))
            self.assertEqual(self.one.recv(100), short(b"server id"))
        self.assertEqual(self.stats.sessions, PATHS_MOST)
        self.assertTrue(any(session.confirmed for session in self.sessions_now()), "the true one stays")

    def sessions_now(self) -> list[Any]:
        return list(self.listener.connections)

    def test_all_of_it_ends(self) -> None:
        self.listen_quic(idle=8.0)
        old, new = self.socket(), self.socket()
        self.connect(old)
        self.send(old, short(b"server id"))
        self.pass_time(6)
        self.send(new, short(b"server id"))
        self.pass_time(4)
        self.assertEqual(self.stats.sessions, 1, "the old address is forgotten")
        self.pass_time(4)
        self.nothing_is_left()
        self.send(new, short(b"server id"))
        self.assertEqual(self.stats.refused, {"quic_unknown_connection": 1})


class Times(Quic):
    """What waits, and for how long."""

    def test_a_hello_that_is_never_whole(self) -> None:
        self.listen_quic(hello_seconds=3.0)
        client = self.socket()
        first, _ = flight(hello(extra=1000))
        self.send(client, first)
        self.pass_time(2)
        self.assertEqual(self.refused, [])
        self.pass_time(2)
        self.assertEqual(self.refused, [("127.0.0.1", "handshake_timeout")])
        self.nothing_is_left()

    def test_a_client_that_never_hears_its_server(self) -> None:
        """Whoever writes another's address on a datagram makes a session that soon is over."""
        self.listen_quic(hello_seconds=3.0, idle=60.0)
        client = self.socket()
        self.connect(client)
        self.pass_time(2)
        self.send(client, short(b"a guess"))
        self.pass_time(4)
        self.assertEqual(self.finished[0].reason and self.finished[0].reason.word, "handshake_timeout")
        self.nothing_is_left()

    def test_one_that_does(self) -> None:
        self.listen_quic(hello_seconds=3.0, idle=20.0)
        for scid in (b"server id", b""):
            client = self.socket()
            self.connect(client, scid=scid)
            self.send(client, short(scid))
            self.assertEqual(self.one.recv(100), short(scid))
        moved = self.socket()
        self.send(moved, short(b"server id"))
        _, where = self.one.recvfrom(100)
        self.answer(self.one, b"\x40yes?", where)
        self.send(moved, short(b"server id"))
        self.pass_time(18)
        self.assertEqual((self.stats.sessions, self.finished), (3, []))
        self.pass_time(4)
        self.assertEqual([session.reason for session in self.finished], [None] * 3)
        self.nothing_is_left()

    def test_one_that_becomes_bad(self) -> None:
        self.listen_quic()
        client = self.socket()
        message = hello(extra=1000)
        self.send(client, initial(crypto(message[:900]), size=1200))
        self.send(client, initial(crypto(b"something else", 800), 1, size=1200))
        self.assertEqual(self.refused, [("127.0.0.1", "client_hello_bad")])
        self.nothing_is_left()

    def test_too_many_datagrams(self) -> None:
        self.listen_quic()
        client = self.socket()
        message = hello()
        for place in range(20):
            self.send(client, initial(crypto(message[place : place + 1], place), place, size=1200))
        self.assertEqual(self.refused, [("127.0.0.1", "client_hello_bad")])
        self.nothing_is_left()

    def test_too_many_bytes(self) -> None:
        self.listen_quic()
        client = self.socket()
        first, _ = flight(hello(extra=1000))
        self.send(client, first)
        for _ in range(2):
            self.send(client, head(kind=ZERO_RTT) + bytes(20_000))
        self.assertEqual(self.refused, [("127.0.0.1", "client_hello_bad")])
        self.nothing_is_left()

    def test_a_first_datagram_of_any_size(self) -> None:
        self.listen_quic(hello_seconds=3.0)
        large = begin("a.example") + bytes(50_000)
        self.send(self.socket(), large)
        self.assertEqual(self.one.recv(65535), large)
        self.pass_time(5)
        self.nothing_is_left()

    def test_the_oldest_go(self) -> None:
        self.patch(quic_sni, "UNREAD_MOST", 3)
        self.listen_quic()
        first, second = flight(hello(extra=1000))
        clients = [self.socket() for _ in range(5)]
        for client in clients:
            self.send(client, first)
        self.assertEqual(len(self.listener._unread), 3)
        self.assertEqual(self.stats.refused, {"client_hello_displaced": 2})
        self.assertEqual(self.refused, [], "no lines: nobody knows whose they are")
        for client in clients[2:]:
            self.send(client, second)
        self.assertEqual([self.one.recv(2000) for _ in range(6)], [first, second] * 3)

    def test_the_memory_of_all(self) -> None:
        self.patch(quic_sni, "UNREAD_BYTES", 10_000)
        self.listen_quic()
        first, _ = flight(hello(extra=1000))
        for _ in range(10):
            self.send(self.socket(), first)
            self.assertLessEqual(self.listener.unread_bytes, 10_000)
        self.assertEqual(len(self.listener._unread), 3)
        self.assertEqual(self.stats.sessions, 3)


class Bad(Quic):
    """Datagrams that begin nothing: no session, no line, no answer."""

    def test_each(self) -> None:
        self.listen_quic()
        client = self.socket()
        message = hello()
        counted: dict[str, int] = {}
        for datagram, word in (
            (b"", "quic_bad_packet"),
            (b"\x40" + bytes(19), "quic_bad_packet"),
            (b"\xc0\0\0\0\1", "quic_bad_packet"),
            (head(bytes(21)) + bytes(1200), "quic_bad_packet"),
            (head(bytes(8)) + bytes(1200), "quic_bad_packet"),
            (begin("a.example", first=b"other keys"), "quic_bad_packet"),
            (short(b"somebody"), "quic_unknown_connection"),
            (initial(crypto(message), size=1199), "quic_unknown_connection"),
            (initial(crypto(message), size=1200, dcid=b"7 bytes"), "quic_unknown_connection"),
            (head(kind=ZERO_RTT) + bytes(1200), "quic_unknown_connection"),
            (head(kind=HANDSHAKE) + bytes(1200), "quic_unknown_connection"),
            (head(kind=RETRY) + bytes(1200), "quic_unknown_connection"),
            (head(version=0) + bytes(1200), "quic_unknown_version"),
            (head(version=0x1A2A3A4A) + bytes(1200), "quic_unknown_version"),
            (head(bytes(255), bytes(255), 0x1A2A3A4A) + bytes(1200), "quic_unknown_version"),
            (initial(crypto(b"\2" + message[1:]), size=1200), "client_hello_bad"),
            (initial(b"\x1e", size=1200), "client_hello_bad"),
        ):
            self.send(client, datagram)
            counted[word] = counted.get(word, 0) + 1
            self.assertEqual(self.stats.refused, counted, datagram[:30])
        self.assertEqual(self.stats.datagrams_dropped, sum(counted.values()))
        self.nothing(self.one, self.two, client)
        self.assertEqual((self.refused, self.started), ([], []))
        self.nothing_is_left()

    def test_from_a_server(self) -> None:
        """It goes to the client as it came."""
        self.listen_quic()
        client = self.socket()
        where = self.connect(client)
        for data in (b"", b"\xc0", b"\xc0\0\0\0\1\x20", random.randbytes(100), head(version=0)):
            self.answer(self.one, data, where)
            self.assertEqual(client.recv(2000), data)

    def test_anything(self) -> None:
        self.listen_quic()
        dice = random.Random(7)
        client = self.socket()
        self.connect(client)
        whole = begin("b.example")
        for _ in range(300):
            changed = bytearray(whole)
            for _ in range(dice.randrange(1, 4)):
                changed[dice.randrange(40)] = dice.randrange(256)
            self.send(dice.choice([client, self.two]), bytes(changed[: dice.randrange(1, 1201)]))
            self.send(client, vector(dice.randbytes(dice.randrange(60)), 1))
        self.assertEqual(self.stats.datagrams_in, 601)
        self.listener.stopService()
        self.nothing_is_left()
