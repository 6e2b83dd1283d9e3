"""A listener: who is accepted, who is refused, and what happens when descriptors run out."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.net.turns import Turns
from toron.core.networks import Networks
from toron.core.refusal import DENIED, Refusal
from toron.core.wait import Wait
from toron.interfaces import Guard, Serve
from toron.net.accept import Acceptor, ReceiveProxy, StreamListener
from toron.net.connection import Connection
from toron.net.sockets import CannotListen
from toron.observe.stats import ListenerStats
from toron.wire.events import Malformed
from toron.wire.proxy_protocol import header_v1, header_v2


class Door:
    """A listening socket whose results are a list: a socket, or an error number."""

    def __init__(self, *results: socket.socket | int) -> None:
        self.results = list(results)
        self.calls = 0
        self.closed = False
        self.family = socket.AF_UNIX

    def _accept(self) -> tuple[int, tuple[str, int]]:
        self.calls += 1
        result = self.results.pop(0) if self.results else errno.EAGAIN
        if isinstance(result, int):
            raise OSError(result, os.strerror(result))
        return result.detach(), ("127.0.0.1", 1234)

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", 80

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        self.closed = True


class Acceptors(SynchronousTestCase):
    """An acceptor with a scripted socket."""

    def accept(self, *results: socket.socket | int) -> None:
        """Start one, and let it accept."""
        self.reactor = Turns()
        self.door: Any = Door(*results)
        self.taken: list[Any] = []
        self.acceptor = Acceptor(self.reactor, self.door, "web", lambda *args: self.taken.append(args))
        self.acceptor.start()
        self.acceptor.doRead()

    def socket(self) -> socket.socket:
        """A connected socket."""
        ours, theirs = socket.socketpair()
        self.addCleanup(theirs.close)
        self.addCleanup(ours.close)
        return ours

    def test_all_that_wait_are_taken(self) -> None:
        self.accept(self.socket(), errno.ECONNABORTED, self.socket())
        self.assertEqual(len(self.taken), 2)
        self.assertEqual(self.door.calls, 4)

    def test_others_get_their_turn(self) -> None:
        self.accept(*[errno.ECONNABORTED] * 100)
        self.assertLess(self.door.calls, 100)

    def test_it_pauses_when_there_are_no_descriptors(self) -> None:
        for code in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
            self.accept(self.socket(), code, self.socket())
            self.assertEqual(len(self.taken), 1)
            self.assertNotIn(self.acceptor, self.reactor.readers)
            self.reactor.advance(0.3)
            self.assertIn(self.acceptor, self.reactor.readers)
            self.acceptor.doRead()
            self.assertEqual(len(self.taken), 2)

    def test_a_stop_ends_the_pause_too(self) -> None:
        self.accept(errno.EMFILE)
        self.acceptor.stop()
        self.assertTrue(self.door.closed)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(self.reactor.readers, set())


class Listening(SynchronousTestCase):
    """A listener on loopback, and clients with sockets."""

    def listen(
        self, serve: Serve, *guards: Guard, proxy: ReceiveProxy | None = None, address: str | None = None
    ) -> None:
        """Start one."""
        self.reactor = Turns()
        self.refusals: list[tuple[str, str, str]] = []
        self.stats = ListenerStats("l4")

        def refused(connection: Connection, refusal: Refusal) -> None:
            self.refusals.append((connection.client_ip, refusal.reason.word, refusal.detail))

        self.listener = StreamListener(
            self.reactor,
            "l4",
            address or "127.0.0.1",
            0,
            serve,
            guards=guards,
            proxy=proxy,
            refused=refused,
            stats=self.stats,
        )
        self.listener.startService()
        self.addCleanup(self.listener.stopService)

    def connect(self, data: bytes = b"") -> socket.socket:
        """A client's connection, accepted."""
        seen = self.stats.connections
        client = socket.create_connection(("127.0.0.1", self.listener.port))
        self.addCleanup(client.close)
        client.settimeout(1)
        client.sendall(data)
        self.reactor.until(lambda: self.stats.connections > seen)
        return client

    def is_reset(self, client: socket.socket) -> bool:
        """Whether it was cut."""
        self.reactor.until(lambda: self.stats.active == 0)
        self.reactor.turn()
        try:
            client.recv(1)
        except ConnectionResetError:
            return True
        return False


class Listeners(Listening):
    """From the accept to the end."""

    def test_it_is_served(self) -> None:
        seen: list[Connection] = []

        async def serve(connection: Connection) -> None:
            seen.append(connection)
            await connection.ended

        self.listen(serve)
        client = self.connect()
        (connection,) = seen
        address, port = client.getsockname()
        self.assertEqual((connection.client_ip, connection.client_port), (address, port))
        self.assertEqual((connection.peer_ip, connection.local_ip), (address, "127.0.0.1"))
        self.assertEqual((connection.local_port, connection.listener), (self.listener.port, "l4"))
        self.assertEqual(self.listener.connections, {connection})
        connection.transport.abortConnection()
        self.assertTrue(self.is_reset(client))
        self.assertEqual(self.listener.connections, set())

    def test_who_came_in_by_another_rule_comes_again(self) -> None:
        asked: list[str] = []

        async def serve(connection: Connection) -> None:
            connection.drain = lambda: asked.append("to end")
            await connection.ended

        def other(admits: object) -> StreamListener:
            stats = ListenerStats("new")
            made = StreamListener(self.reactor, "new", "127.0.0.1", 0, serve, refused=print, stats=stats)
            made.admits = admits
            return made

        self.listen(serve)
        self.connect()
        for admits, times in ((None, 0), ("rule", 1), ("rule", 1), (None, 2)):
            self.listener.switch(other(admits))
            self.assertEqual(asked, ["to end"] * times)
            self.assertEqual(len(self.listener.connections), 1, "nobody is cut")

    def test_a_pause(self) -> None:
        async def serve(connection: Connection) -> None:
            await connection.ended

        self.listen(serve)
        self.listener.pause()
        with socket.create_connection(("127.0.0.1", self.listener.port)):
            self.reactor.turn()
            self.assertEqual((self.reactor.readers, self.stats.connections), (set(), 0))
            self.listener.resume()
            self.reactor.until(lambda: self.stats.connections == 1)
        self.listener.stop_accepting()
        self.listener.pause()
        self.listener.resume()

    def test_what_stands_behind_it_is_switched(self) -> None:
        served: list[str] = []

        def named(name: str) -> Serve:
            async def serve(connection: Connection) -> None:
                served.append(f"{name} {connection.listener}")
                await connection.ended

            return serve

        self.listen(named("old"))
        first = self.connect()
        stats = ListenerStats("new")
        other = StreamListener(
            self.reactor, "new", "127.0.0.1", 0, named("new"), backlog=7, refused=print, stats=stats
        )
        ports: list[int] = []
        other.bound = ports.append
        port = self.listener.port
        self.listener.switch(other)
        self.assertEqual((self.listener.port, ports), (port, [port]))
        self.assertEqual((self.stats.active, len(self.listener.connections)), (1, 1), "who is in stays")
        old, self.stats = self.stats, stats
        self.connect()
        self.assertEqual(served, ["old l4", "new new"])
        self.assertEqual((old.active, stats.active), (1, 1))
        first.close()
        for connection in list(self.listener.connections):
            connection.transport.abortConnection()
        self.reactor.until(lambda: old.active == stats.active == 0)

    def test_guards_stand_in_front_in_their_order(self) -> None:
        order: list[str] = []
        passed: list[int] = []

        def guard(name: str) -> Guard:
            async def stands(connection: Connection, serve: Serve) -> None:
                order.append(name)
                passed.append(connection.passed)  # type: ignore[attr-defined]
                try:
                    await serve(connection)
                finally:
                    order.append(f"{name} over")

            return stands

        async def serve(connection: Connection) -> None:
            order.append("served")
            passed.append(connection.passed)  # type: ignore[attr-defined]
            raise Refusal(DENIED, "not you")

        self.listen(serve, guard("first"), guard("second"))
        self.assertTrue(self.is_reset(self.connect()))
        self.assertEqual(order, ["first", "second", "served", "second over", "first over"])
        self.assertEqual(passed, [0, 1, 2])
        self.assertEqual(self.refusals, [("127.0.0.1", "address_denied", "not you")])

    def test_what_is_malformed_is_refused_by_its_word(self) -> None:
        async def serve(connection: Connection) -> None:
            raise Malformed("client_hello_bad", "nonsense")

        self.listen(serve)
        self.assertTrue(self.is_reset(self.connect()))
        self.assertEqual(self.refusals, [("127.0.0.1", "client_hello_bad", "nonsense")])

    def test_what_is_broken_is_logged_and_ends_one_connection_only(self) -> None:
        async def serve(connection: Connection) -> None:
            raise ZeroDivisionError

        self.listen(serve)
        self.assertTrue(self.is_reset(self.connect()))
        self.assertTrue(self.is_reset(self.connect()))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)
        self.assertEqual(self.refusals, [])

    def test_refused_before_it_is_awaited(self) -> None:
        for error, told in ((Refusal(DENIED, "now"), 1), (RuntimeError("broken"), 0)):

            def serve(connection: Connection, error: Exception = error) -> Any:
                raise error

            self.listen(serve)
            self.assertTrue(self.is_reset(self.connect()))
            self.assertEqual(self.refusals, [("127.0.0.1", DENIED.word, "now")] * told)
            self.assertEqual(self.listener.connections, set())
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_last_words_are_let_out(self) -> None:
        async def serve(connection: Connection) -> None:
            connection.transport.write(b"alert")
            connection.transport.loseConnection()
            raise Refusal(DENIED)

        self.listen(serve)
        client = self.connect()
        self.reactor.until(lambda: self.stats.active == 0)
        for _ in range(3):
            self.reactor.turn()
        self.assertEqual(client.recv(100), b"alert")
        self.assertEqual(client.recv(100), b"")

    def test_a_stop_cuts_what_is_left(self) -> None:
        async def serve(connection: Connection) -> None:
            await connection.ended

        self.listen(serve)
        client = self.connect()
        self.listener.stop_accepting()
        self.listener.stop_accepting()
        self.assertRaises(OSError, socket.create_connection, ("127.0.0.1", self.listener.port), 1)
        self.assertEqual(len(self.listener.connections), 1)
        self.listener.stopService()
        self.assertTrue(self.is_reset(client))

    def test_a_drain_asks_those_that_listen(self) -> None:
        asked: list[Connection] = []

        async def serve(connection: Connection) -> None:
            if len(self.listener.connections) == 1:
                connection.drain = lambda: asked.append(connection)
            await connection.ended

        self.listen(serve)
        self.connect()
        self.connect()
        self.listener.drain()
        self.assertEqual(len(asked), 1)

    def test_a_port_that_is_taken_is_told_before_the_start(self) -> None:
        async def serve(connection: Connection) -> None:
            await connection.ended

        self.listen(serve)
        other = StreamListener(
            self.reactor, "other", "127.0.0.1", self.listener.port, serve, refused=print, stats=self.stats
        )
        self.assertIn("'other'", str(self.assertRaises(CannotListen, other.bind)))

    def test_the_port_is_told(self) -> None:
        told: list[int] = []
        wait: Wait[None] = Wait()

        async def serve(connection: Connection) -> None:
            await wait

        self.listen(serve)
        other = StreamListener(self.reactor, "other", "127.0.0.1", 0, serve, refused=print, stats=self.stats)
        other.bound = told.append
        other.bind()
        self.addCleanup(other.stop_accepting)
        self.assertEqual(told, [other.port])
        self.assertNotEqual(other.port, 0)


class ProxyHeaders(Listening):
    """What a trusted peer says of the client."""

    def check(self, data: bytes, then: Callable[[Connection], Any], *trusted: str) -> Any:
        """What `then` says of a connection that begins with these bytes."""
        seen: list[Any] = []

        async def serve(connection: Connection) -> None:
            seen.append(then(connection))

        self.listen(serve, proxy=ReceiveProxy(Networks(trusted or ("127.0.0.0/8",)), 2.0))
        self.connect(data)
        self.reactor.until(lambda: seen or self.refusals or not data)
        return seen[0] if seen else None

    def test_the_client_and_what_it_connected_to(self) -> None:
        def ends(connection: Connection) -> Any:
            return (
                (connection.client_ip, connection.client_port),
                (connection.local_ip, connection.local_port),
                connection.peer_ip,
                connection.held,
            )

        source, destination = ("192.0.2.1", 5), ("192.0.2.9", 443)
        for header in (header_v1(source, destination), header_v2(source, destination)):
            self.assertEqual(
                self.check(header + b"first bytes", ends),
                (source, destination, "127.0.0.1", b"first bytes"),
            )

    def test_one_that_says_nothing(self) -> None:
        def ends(connection: Connection) -> Any:
            return connection.client_ip, connection.local_port == self.listener.port

        for header in (b"PROXY UNKNOWN\r\n", header_v2(None, None, local=True)):
            self.assertEqual(self.check(header, ends), ("127.0.0.1", True))

    def test_a_peer_that_is_not_trusted(self) -> None:
        self.check(header_v1(("192.0.2.1", 5), ("192.0.2.9", 443)), lambda _: None, "10.0.0.0/8")
        self.assertEqual([word for _, word, _ in self.refusals], ["proxy_header_untrusted"])

    def test_none(self) -> None:
        self.check(b"GET / HTTP/1.1\r\n", lambda _: None)
        self.assertEqual([word for _, word, _ in self.refusals], ["proxy_header_bad"])

    def test_late(self) -> None:
        self.check(b"", lambda _: None)
        self.reactor.advance(1.9)
        self.assertEqual(self.refusals, [])
        self.reactor.advance(0.2)
        self.assertEqual([word for _, word, _ in self.refusals], ["proxy_header_timeout"])
