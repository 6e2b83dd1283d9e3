"""A TCP connection gets to a server that takes it, or its client is told soon that there is none."""

from __future__ import annotations

import contextlib
import socket
import time

from tests.loopback.peers import (
    Conversation,
    CountingBackend,
    Gateway,
    LoopbackTestCase,
    Postgres,
    Redis,
    free_port,
    raw_exchange,
    recv_all,
)
from tests.loopback.test_tcp import config


def hello(conversation: Conversation) -> None:
    """Say hello to each client."""
    conversation.read_exactly(1)
    conversation.send(b"hello")


class NextServer(LoopbackTestCase):
    """Before the first byte the next server is tried."""

    def full(self) -> int:
        """The port of a listener whose queue is full: it neither takes nor refuses a connection."""
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = int(listener.getsockname()[1])
        for _ in range(2):
            waiting = socket.socket()
            self.addCleanup(waiting.close)
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(("127.0.0.1", port))
        return port

    def test_after_a_refusal(self) -> None:
        backend = self.start(CountingBackend(hello))
        gateway = self.start(Gateway(config(free_port(), backend.port)))
        for _ in range(3):
            self.assertEqual(raw_exchange(gateway.port, b"x"), b"hello")
        self.assertEqual(backend.connections, 3)
        ends = [line for line in gateway.access(6) if "event" not in line]
        self.assertEqual({line["server"] for line in ends}, {f"127.0.0.1:{backend.port}"})

    def test_after_a_timeout(self) -> None:
        backend = self.start(CountingBackend(hello))
        options = ", timeouts: {connect: 300ms}"
        gateway = self.start(Gateway(config(self.full(), backend.port, options=options)))
        begun = time.monotonic()
        self.assertEqual(raw_exchange(gateway.port, b"x"), b"hello")
        self.assertGreater(time.monotonic() - begun, 0.25)
        begun = time.monotonic()
        self.assertEqual(raw_exchange(gateway.port, b"x"), b"hello")
        self.assertLess(time.monotonic() - begun, 0.25, "the server that was not reached is asked last now")

    def test_where_there_is_none(self) -> None:
        ports = free_port(), self.full()
        options = ", timeouts: {connect: 300ms}"
        gateway = self.start(Gateway(config(*ports, options=options)))
        self.assertEqual(raw_exchange(gateway.port, b"x"), b"")
        self.assertEqual(raw_exchange(gateway.port, b"x"), b"")
        first, second = gateway.access(2)
        self.assertEqual(first["reason"], "upstream_connect_timeout")
        self.assertEqual(first["server"], f"127.0.0.1:{ports[1]}")
        self.assertIn(second["reason"], ("upstream_connect_timeout", "upstream_connect_refused"))

    def test_never_once_a_server_took_it(self) -> None:
        def cut(conversation: Conversation) -> None:
            conversation.read_exactly(1)

        first = self.start(CountingBackend(cut))
        second = self.start(CountingBackend(hello))
        gateway = self.start(Gateway(config(first.port, second.port)))
        self.assertEqual(raw_exchange(gateway.port, b"x"), b"")
        self.assertEqual((first.connections, second.connections), (1, 0))


class Idle(LoopbackTestCase):
    """A relay on which nothing moves is cut; one on which little moves is not."""

    def test_cut_after_idle_seconds(self) -> None:
        backend = self.start(CountingBackend())
        gateway = self.start(Gateway(config(backend.port, more=", idle: 700ms")))
        with socket.create_connection(("127.0.0.1", gateway.port)) as client:
            begun = time.monotonic()
            for _ in range(4):
                client.sendall(b".")
                time.sleep(0.3)
            self.assertEqual(recv_all(client), b"")
            self.assertGreater(time.monotonic() - begun, 1.5)
        end = gateway.access(2)[-1]
        self.assertEqual((end["reason"], end["bytes_in"]), ("idle_timeout", 4))

    def test_a_client_that_takes_nothing_after_the_end_is_cut(self) -> None:
        """Both have said all; what is left for the client must not be kept for ever."""

        def much(conversation: Conversation) -> None:
            conversation.send(bytes(16 << 20))

        backend = self.start(CountingBackend(much))
        gateway = self.start(Gateway(config(backend.port, more=", idle: 500ms")))
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", gateway.port))
            client.shutdown(socket.SHUT_WR)
            end = gateway.access(2, timeout=5)[-1]
        self.assertEqual(end["reason"], "idle_timeout")


class RealServers(LoopbackTestCase):
    """Protocols of which the gateway knows nothing."""

    def test_postgres(self) -> None:
        postgres = self.start(Postgres())
        gateway = self.start(Gateway(config(postgres.port)))
        self.assertEqual(postgres.psql("select 6 * 7", gateway.port), "42")
        rows = postgres.psql("select n, repeat('x', 200) from generate_series(1, 20000) n", gateway.port)
        self.assertEqual(len(rows.splitlines()), 20_000)
        self.assertEqual({line["kind"] for line in gateway.access(4)}, {"tcp"})

    def test_redis(self) -> None:
        redis = self.start(Redis())
        gateway = self.start(Gateway(config(redis.port)))
        self.assertEqual(redis.cli("SET", "k", "v", port=gateway.port), "OK")
        self.assertEqual(redis.cli("GET", "k", port=gateway.port), "v")
        self.assertEqual(redis.cli("GET", "k"), "v")
