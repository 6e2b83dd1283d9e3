"""A UDP listener and its sessions: who gets what, and when it is over."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Sequence
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.net.turns import Turns
from toron.core.backend import Backend
from toron.core.refusal import DENIED, UPSTREAM_NAME, Refusal, UpstreamFailed
from toron.core.server import Server
from toron.core.wait import Wait
from toron.interfaces import Guard
from toron.net.detour import Detoured, PassingOn
from toron.net.sockets import listening_socket
from toron.net.sweep import Sweep
from toron.net.udp import UdpListener, UdpSession
from toron.observe.stats import ListenerStats, ServerStats


class InOrder:
    """Always picks the first."""

    def pick(self, servers: Sequence[Server], caller: Any) -> Server:
        return servers[0]


class Udp(SynchronousTestCase):
    """A listener on loopback in front of sockets of the test."""

    def setUp(self) -> None:
        self.reactor = Turns()
        self.sweep = Sweep(self.reactor, 0.5)
        self.sweep.startService()
        self.addCleanup(self.sweep.stopService)
        self.started: list[tuple[UdpSession, str, Server]] = []
        self.finished: list[UdpSession] = []
        self.refused: list[tuple[str, str]] = []
        self.stats = ListenerStats("dns", "udp")

    def socket(self) -> socket.socket:
        """A UDP socket on loopback."""
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(made.close)
        made.bind(("127.0.0.1", 0))
        made.settimeout(1)
        return made

    def listen(self, *servers: socket.socket, guards: Sequence[Guard] = (), **options: Any) -> None:
        """Start one, an echo where there are no servers."""
        backend = None
        stats: dict[Server, ServerStats] = {}
        if servers:
            made = [Server(f"udp://127.0.0.1:{each.getsockname()[1]}") for each in servers]
            backend = Backend("b", made, InOrder())
            stats = {server: ServerStats("b", server) for server in made}
        self.backend = backend
        self.server_stats = list(stats.values())
        self.listener = UdpListener(
            self.reactor,
            "dns",
            options.pop("address", "127.0.0.1"),
            0,
            backend,
            sweep=self.sweep,
            guards=guards,
            stats=self.stats,
            server_stats=stats,
            started=lambda session, backend, server: self.started.append((session, backend, server)),
            finished=self.finished.append,
            refused=lambda session, refusal: self.refused.append((session.client_ip, refusal.reason.word)),
            **options,
        )
        self.listener.startService()
        self.addCleanup(self.listener.stopService)

    def send(self, sender: socket.socket, data: bytes) -> None:
        """A client sends, and the listener takes it."""
        seen = self.stats.datagrams_in
        sender.sendto(data, ("127.0.0.1", self.listener.port))
        self.reactor.until(lambda: self.stats.datagrams_in > seen)

    def answer(self, server: socket.socket, data: bytes, to: Any) -> None:
        """A server answers, and the listener passes it on."""
        seen = self.stats.datagrams_out
        server.sendto(data, to)
        self.reactor.until(lambda: self.stats.datagrams_out > seen)


class Sessions(Udp):
    """Of clients."""

    def test_each_client_has_its_own(self) -> None:
        server, one, two = self.socket(), self.socket(), self.socket()
        self.listen(server)
        self.send(one, b"first")
        self.send(two, b"second")
        _, session_of_one = server.recvfrom(100)
        _, session_of_two = server.recvfrom(100)
        self.assertNotEqual(session_of_one, session_of_two)
        self.answer(server, b"to two", session_of_two)
        self.answer(server, b"to one", session_of_one)
        self.assertEqual((one.recv(100), two.recv(100)), (b"to one", b"to two"))
        self.assertEqual((self.stats.sessions, self.stats.active), (2, 2))
        self.assertEqual((self.stats.bytes_in, self.stats.bytes_out), (11, 12))

    def test_what_stands_behind_it_is_switched(self) -> None:
        old, new, one, two = self.socket(), self.socket(), self.socket(), self.socket()
        self.listen(old)
        first, counted = self.listener, self.stats
        self.send(one, b"x")
        _, session = old.recvfrom(100)
        self.stats = ListenerStats("renamed", "udp")
        self.listen(new, idle=1.0)
        first.switch(self.listener)
        self.listener = first
        self.assertEqual((self.stats.sessions, self.stats.active), (1, 1), "they are counted where they end")
        self.send(two, b"y")
        self.assertEqual(new.recv(100), b"y")
        self.send(one, b"still")
        self.assertEqual(old.recv(100), b"still")
        self.answer(old, b"back", session)
        self.assertEqual(one.recv(100), b"back")
        self.assertEqual((first.stats.name, first.idle, self.stats.sessions), ("renamed", 1.0, 2))
        self.assertEqual(counted.connections, 1)

    def test_the_door_opens_again(self) -> None:
        server, client = self.socket(), self.socket()
        self.listen(server)
        first = self.listener
        first.stop_accepting()
        self.send(client, b"x")
        self.assertEqual(self.stats.sessions, 0)
        self.listen(server)
        first.switch(self.listener)
        self.listener = first
        self.send(client, b"y")
        self.assertEqual(server.recv(100), b"y")

    def test_idle(self) -> None:
        server, client = self.socket(), self.socket()
        self.listen(server, idle=3.0)
        self.send(client, b"x")
        for _ in range(3):
            self.reactor.pump([0.5] * 5)
            self.send(client, b"x")
        self.assertEqual(self.stats.sessions, 1)
        self.reactor.pump([0.5] * 8)
        self.assertEqual((self.stats.sessions, self.stats.active), (0, 0))
        (session,) = self.finished
        self.assertEqual([(began, server) for began, _, server in self.started], [(session, session.server)])
        self.assertEqual((session.packets_in, session.bytes_in, session.reason), (4, 4, None))
        assert session.server is not None
        self.assertEqual(session.server.in_flight, 0)
        self.send(client, b"again")
        self.assertEqual(self.stats.sessions, 1)

    def test_enough_answers(self) -> None:
        server, client = self.socket(), self.socket()
        self.listen(server, responses=2)
        self.send(client, b"A")
        self.send(client, b"AAAA")
        _, session = server.recvfrom(100)
        for number in range(4):
            self.assertEqual(self.stats.sessions, 1)
            self.answer(server, b"%d" % number, session)
        self.assertEqual(self.stats.sessions, 0)

    def test_at_most(self) -> None:
        server = self.socket()
        self.listen(server, most=2)
        clients = [self.socket() for _ in range(3)]
        for client in clients:
            self.send(client, b"x")
        self.send(clients[2], b"once more")
        self.assertEqual(self.stats.sessions, 2)
        self.assertEqual(self.refused, [("127.0.0.1", "too_many_sessions")], "told once")
        self.assertEqual(self.stats.datagrams_dropped, 2)
        self.reactor.pump([0.5] * 4)
        self.send(clients[2], b"and again")
        self.assertEqual(len(self.refused), 2)

    def test_while_a_guard_thinks_little_is_kept_in_order(self) -> None:
        server, client = self.socket(), self.socket()
        wait: Wait[None] = Wait()

        async def slow(session: Any, serve: Callable[[Any], Any]) -> None:
            await wait
            await serve(session)

        self.listen(server, guards=[slow])
        for number in range(20):
            self.send(client, b"%d" % number)
        wait.fire(None)
        self.assertEqual([server.recv(100) for _ in range(16)], [b"%d" % number for number in range(16)])
        server.setblocking(False)
        self.assertRaises(BlockingIOError, server.recv, 100)

    def test_a_guard_that_refuses(self) -> None:
        server, client = self.socket(), self.socket()

        async def deny(session: Any, serve: Callable[[Any], Any]) -> None:
            raise Refusal(DENIED)

        self.listen(server, guards=[deny])
        for _ in range(3):
            self.send(client, b"x")
        self.assertEqual(self.refused, [("127.0.0.1", "address_denied")])
        self.assertEqual((self.stats.sessions, self.stats.active, self.stats.datagrams_dropped), (0, 0, 3))
        self.assertEqual(self.finished, [], "it never began")

    def test_a_guard_that_is_broken(self) -> None:
        client = self.socket()

        async def broken(session: Any, serve: Callable[[Any], Any]) -> None:
            raise ZeroDivisionError

        self.listen(self.socket(), guards=[broken])
        self.send(client, b"x")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.stats.sessions, 0)


class Ends(Udp):
    """Of servers and listeners."""

    def test_nobody_listens_there(self) -> None:
        gone, server, client = self.socket(), self.socket(), self.socket()
        self.listen(gone, server)
        gone.close()
        self.send(client, b"lost")
        self.reactor.until(lambda: self.finished)
        self.assertEqual(self.finished[0].reason and self.finished[0].reason.word, "upstream_connect_refused")
        self.assertEqual(self.server_stats[0].failures, {"upstream_connect_refused": 1})
        self.send(client, b"found")
        self.assertEqual(server.recv(100), b"found")

    def test_an_error_that_shows_while_sending(self) -> None:
        """The answer of the other machine may come between two datagrams of the client."""
        gone, client = self.socket(), self.socket()
        self.listen(gone)
        self.send(client, b"x")
        (session,) = self.listener.connections
        gone.close()
        session.forward(b"y")
        session.forward(b"z")
        self.reactor.until(lambda: self.finished)
        self.assertEqual(session.reason and session.reason.word, "upstream_connect_refused")

    def test_a_name_that_nobody_knows(self) -> None:
        async def lookup(host: str, seconds: float) -> list[str]:
            raise UpstreamFailed(UPSTREAM_NAME, host)

        self.listen(self.socket())
        assert self.backend is not None
        (server,) = self.backend.servers
        server.host = "nobody.test"
        self.listener._resolver.addresses = lookup  # type: ignore[method-assign]
        self.send(self.socket(), b"x")
        self.assertEqual(self.refused, [("127.0.0.1", "upstream_name_unresolved")])
        self.assertEqual(server.in_flight, 0)

    def test_a_name(self) -> None:
        wait: Wait[Any] = Wait()

        async def lookup(host: str, seconds: float) -> list[str]:
            return await wait

        server, client = self.socket(), self.socket()
        self.listen(server)
        assert self.backend is not None
        self.backend.servers[0].host = "server.test"
        self.listener._resolver.addresses = lookup  # type: ignore[method-assign]
        for data in (b"one", b"two"):
            self.send(client, data)
        wait.fire(["127.0.0.1"])
        self.assertEqual([server.recv(100), server.recv(100)], [b"one", b"two"])

    def test_a_stop(self) -> None:
        server, client = self.socket(), self.socket()
        self.listen(server)
        self.send(client, b"x")
        self.listener.stop_accepting()
        self.send(client, b"still")
        self.send(self.socket(), b"too late")
        self.assertEqual([server.recv(100), server.recv(100)], [b"x", b"still"])
        self.assertEqual(self.refused, [("127.0.0.1", "drained")])
        self.listener.stopService()
        self.assertEqual(self.finished[0].reason and self.finished[0].reason.word, "drained")
        self.assertEqual(self.listener.fileno(), -1)
        self.assertEqual(self.reactor.readers, set())

    def test_an_echo(self) -> None:
        client = self.socket()
        self.listen()
        for data in (b"", b"x", random.randbytes(60_000)):
            self.send(client, data)
            self.assertEqual(client.recv(65535), data)
        self.assertEqual(self.stats.sessions, 0)

    def test_replies_leave_from_the_address_that_was_asked(self) -> None:
        for address in (None, "0.0.0.0"):
            self.listen(address=address)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.connect(("127.0.0.8", self.listener.port))
                client.settimeout(1)
                client.send(b"x")
                self.reactor.until(lambda: self.stats.datagrams_out)
                self.assertEqual(client.recv(100), b"x")
                self.stats.datagrams_out = 0

    def test_another_process_reads_for_a_while(self) -> None:
        server, client = self.socket(), self.socket()
        self.listen(server)
        self.send(client, b"x")
        _, session = server.recvfrom(100)
        self.listener.pause()
        client.sendto(b"for the other one", ("127.0.0.1", self.listener.port))
        self.answer(server, b"still answered", session)
        self.assertEqual((client.recv(100), self.stats.datagrams_in), (b"still answered", 1))
        self.listener.resume()
        self.reactor.until(lambda: self.stats.datagrams_in == 2)
        self.assertEqual(server.recv(100), b"for the other one")

    def test_another_process_reads_from_here_on(self) -> None:
        server = self.socket()
        self.listen(server)
        self.send(self.socket(), b"x")
        self.listener.drain()
        self.assertEqual(len(self.listener.sessions), 1)
        self.listener.pause()
        self.listener.stop_accepting()
        self.assertEqual(len(self.listener.sessions), 1, "its last answers may come")
        self.listener.drain()
        self.assertEqual((self.listener.sessions, self.finished[0].reason), ({}, None))

    def test_what_is_for_another_process(self) -> None:
        passed: list[tuple[bytes, Any, bytes]] = []
        detour = _Detour(passed)
        server, old, new = self.socket(), self.socket(), self.socket()
        self.listen(server)
        self.send(old, b"x")
        self.listener.pass_on(detour)
        self.listener.pause()
        self.send(old, b"still here")
        self.send(new, b"over there")
        self.assertEqual(passed, [(b"over there", new.getsockname(), b"")])
        self.assertEqual([server.recv(100), server.recv(100)], [b"x", b"still here"])
        self.listener.stop_accepting()
        self.listener.drain()
        self.assertEqual((len(self.listener.sessions), detour.closed), (1, 0))
        self.listener.connections[0].end(None)
        self.assertEqual((detour.closed, self.reactor.readers), (1, set()), "that one reads for itself")

    def test_nobody_is_left_for_this_process(self) -> None:
        detour = _Detour([])
        self.listen(self.socket())
        self.listener.pass_on(detour)
        self.assertEqual(detour.closed, 0)
        self.listener.stop_accepting()
        self.assertEqual((detour.closed, self.reactor.readers), (1, set()))

    def test_another_process_reads(self) -> None:
        server, client = self.socket(), self.socket()
        here, there = socket.socketpair()
        passing = PassingOn(self.reactor, there, list)
        self.addCleanup(passing.close)

        def opened(*arguments: Any, **more: Any) -> Any:
            return Detoured(listening_socket(*arguments, **more), here)

        self.listen(server, open_socket=opened)
        passing.send(b"x", client.getsockname(), b"")
        self.reactor.until(lambda: self.listener.sessions)
        _, session = server.recvfrom(100)
        self.answer(server, b"from the socket itself", session)
        self.assertEqual(client.recv(100), b"from the socket itself")
        self.listener.pause()
        self.listener.resume()
        passing.close()
        self.reactor.turn()
        self.send(client, b"y")
        self.assertEqual(server.recv(100), b"y")


class _Detour:
    """Remembers what is passed on."""

    def __init__(self, passed: list[tuple[bytes, Any, bytes]]) -> None:
        self.passed = passed
        self.closed = 0

    def send(self, data: bytes, address: Any, via: bytes) -> bool:
        self.passed.append((data, address, via))
        return True

    def close(self) -> None:
        self.closed += 1
