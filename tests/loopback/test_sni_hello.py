"""A ClientHello reaches the server as it was said, and what is none reaches nobody."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from typing import ClassVar

from OpenSSL import SSL

from tests.loopback.peers import CountingBackend, Gateway, raw_exchange, recv_all
from tests.loopback.shared import SharedTestCase

CONFIG = """
listeners:
  - name: front
    protocol: sni
    address: 127.0.0.1
    port: @PORT@
    timeouts: {{handshake: 600ms}}
    routes: [{{match: {{sni: a.test}}, backend: {{url: "tcp://127.0.0.1:{port}"}}}}]
access_log: {{path: "@FOLDER@/access.log"}}
drain: {{limit: 500ms}}
"""


def post_quantum_hello(name: str) -> bytes:
    """What an up to date OpenSSL says first: a key share for X25519MLKEM768 makes it long."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    client = SSL.Connection(context, None)
    client.set_tlsext_host_name(name.encode())
    client.set_connect_state()
    try:
        client.do_handshake()
    except SSL.WantReadError:
        return client.bio_read(1 << 16)
    raise AssertionError("a handshake without a server")


class Hellos(SharedTestCase):
    """One listener with one route."""

    backend: ClassVar[CountingBackend]

    @classmethod
    def prepare(cls) -> None:
        cls.backend = cls.keep(CountingBackend(lambda conversation: conversation.send(conversation.read())))
        cls.gateway = cls.keep(Gateway(CONFIG.format(port=cls.backend.port)))

    def setUp(self) -> None:
        super().setUp()
        self.known = self.backend.connections

    def exchange(self, send: Callable[[socket.socket], None]) -> tuple[bytes, float]:
        """What comes back, and after how many seconds the connection has ended."""
        with socket.create_connection(("127.0.0.1", self.gateway.port)) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            begun = time.monotonic()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                send(client)
            return recv_all(client), time.monotonic() - begun

    def reason(self) -> str:
        """Why the last connection was refused."""
        return str(self.lines(1)[-1]["reason"])

    def test_arrives_unchanged(self) -> None:
        hello = post_quantum_hello("a.test")
        self.assertGreater(len(hello), 1460, "more than a segment")
        self.assertEqual(raw_exchange(self.gateway.port, hello, half_close=True)[: len(hello)], hello)
        self.assertEqual(bytes(self.backend.conversations[self.known].received), hello)

    def test_in_many_records_and_segments(self) -> None:
        body = post_quantum_hello("a.test")[5:]
        pieces = [body[i : i + 100] for i in range(0, len(body), 100)]
        records = b"".join(b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece for piece in pieces)

        def send(client: socket.socket) -> None:
            for i in range(0, len(records), 37):
                client.send(records[i : i + 37])

        got, _ = self.exchange(send)
        self.assertTrue(records.startswith(got) and got)
        self.assertTrue(records.startswith(bytes(self.backend.conversations[self.known].received)))

    def test_garbage(self) -> None:
        got, seconds = self.exchange(lambda client: client.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"))
        self.assertEqual(got, b"")
        self.assertLess(seconds, 0.5, "nothing is waited for")
        self.assertEqual(self.reason(), "client_hello_bad")
        self.assertEqual(self.backend.connections, self.known)

    def test_one_that_never_ends(self) -> None:
        got, seconds = self.exchange(lambda client: client.sendall(post_quantum_hello("a.test")[:-1]))
        self.assertEqual(got, b"")
        self.assertTrue(0.5 < seconds < 2, seconds)
        self.assertEqual(self.reason(), "handshake_timeout")
        self.assertEqual(self.backend.connections, self.known)

    def test_slow_bytes_do_not_win_time(self) -> None:
        hello = post_quantum_hello("a.test")

        def send(client: socket.socket) -> None:
            for byte in hello[:20]:
                client.send(bytes([byte]))
                time.sleep(0.05)

        _, seconds = self.exchange(send)
        self.assertLess(seconds, 1.5)
        self.assertEqual(self.reason(), "handshake_timeout")

    def test_one_that_is_too_long(self) -> None:
        head = b"\x01\x00\x41\x00"

        def send(client: socket.socket) -> None:
            client.sendall(b"\x16\x03\x01\x40\x00" + head + bytes(16380))

        got, seconds = self.exchange(send)
        self.assertEqual(got, b"")
        self.assertLess(seconds, 0.5)
        self.assertEqual(self.reason(), "client_hello_bad")

    def test_nothing_at_all(self) -> None:
        _, seconds = self.exchange(lambda client: None)
        self.assertTrue(0.5 < seconds < 2, seconds)
        self.assertEqual(self.reason(), "handshake_timeout")

    def test_a_client_that_goes(self) -> None:
        socket.create_connection(("127.0.0.1", self.gateway.port)).close()
        self.assertEqual(self.lines(1)[-1]["reason"], "client_gone")
