"""PROXY headers received: from whom they are believed, and what becomes of a connection without."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from typing import ClassVar

from tests.loopback.peers import Conversation, CountingBackend, Gateway, recv_all, run
from tests.loopback.shared import SharedTestCase
from toron.wire.proxy_protocol import header_v1, header_v2

CONFIG = """
listeners:
  - name: l4
    protocol: tcp
    address: 127.0.0.1
    port: @PORT@
    proxy_protocol: &from {{trusted: [127.0.0.1], timeout: 400ms}}
    guards: [{{deny: [192.0.2.66]}}]
    routes: [{{match: {{client_ip: 192.0.2.0/24}}, backend: b}}, {{backend: others}}]
  - {{name: web, protocol: http, address: 127.0.0.1, port: @WEB@, proxy_protocol: *from}}
  - name: secure
    protocol: https
    address: 127.0.0.1
    port: @SECURE@
    proxy_protocol: *from
    certificates: [{{self_signed: [localhost]}}]
routes: [{{match: {{path: /}}, respond: {{body: hello}}}}]
backends:
  b: {{url: "tcp://127.0.0.1:{known}"}}
  others: {{url: "tcp://127.0.0.1:{others}"}}
access_log: {{path: "@FOLDER@/access.log"}}
drain: {{limit: 500ms}}
"""

CLIENT, SERVER = ("192.0.2.7", 5555), ("198.51.100.1", 443)


def answer(name: bytes) -> CountingBackend:
    """A backend that says its name and the first bytes it gets."""

    def script(conversation: Conversation) -> None:
        conversation.send(name + conversation.read())

    return CountingBackend(script)


class Received(SharedTestCase):
    """Listeners that expect a header from 127.0.0.1."""

    known: ClassVar[CountingBackend]
    others: ClassVar[CountingBackend]

    @classmethod
    def prepare(cls) -> None:
        cls.known, cls.others = cls.keep(answer(b"known ")), cls.keep(answer(b"others "))
        cls.gateway = cls.keep(Gateway(CONFIG.format(known=cls.known.port, others=cls.others.port)))

    def ask(self, *pieces: bytes, source: str = "127.0.0.1") -> bytes:
        """What comes back for these pieces, sent one after the other."""
        address = ("127.0.0.1", self.gateway.port)
        with socket.create_connection(address, source_address=(source, 0)) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                for piece in pieces:
                    client.send(piece)
            return recv_all(client)

    def test_both_versions(self) -> None:
        for header in (header_v1(CLIENT, SERVER), header_v2(CLIENT, SERVER)):
            self.assertEqual(self.ask(header + b"hi"), b"known hi")
        for line in self.lines(4):
            self.assertEqual(line["client"], "192.0.2.7")
            self.assertTrue(line["peer"].startswith("127.0.0.1:"), line)

    def test_ipv6(self) -> None:
        header = header_v2(("2001:db8::7", 1), ("2001:db8::1", 2))
        self.assertEqual(self.ask(header + b"hi"), b"others hi")
        self.assertEqual(self.lines(1)[0]["client"], "2001:db8::7")

    def test_byte_by_byte(self) -> None:
        for header in (header_v1(CLIENT, SERVER), header_v2(CLIENT, SERVER)):
            pieces = [bytes([byte]) for byte in header + b"hi"]
            self.assertTrue(self.ask(*pieces).startswith(b"known h"))

    def test_headers_that_say_nothing(self) -> None:
        for header in (b"PROXY UNKNOWN\r\n", header_v2(None, None, local=True), header_v2(None, None)):
            self.assertEqual(self.ask(header + b"hi"), b"others hi")
        self.assertEqual({line["client"] for line in self.lines(6)}, {"127.0.0.1"})

    def test_guards_see_the_client(self) -> None:
        self.assertEqual(self.ask(header_v1(("192.0.2.66", 1), SERVER) + b"hi"), b"")
        self.assertEqual(self.lines(1)[0]["reason"], "address_denied")

    def test_from_an_address_that_is_not_trusted(self) -> None:
        begun = time.monotonic()
        self.assertEqual(self.ask(header_v1(CLIENT, SERVER) + b"hi", source="127.0.0.2"), b"")
        self.assertLess(time.monotonic() - begun, 0.3)
        line = self.lines(1)[0]
        self.assertEqual((line["reason"], line["client"]), ("proxy_header_untrusted", "127.0.0.2"))

    def test_none(self) -> None:
        self.assertEqual(self.ask(b"GET / HTTP/1.1\r\n\r\n"), b"")
        self.assertEqual(self.ask(b"PROXY TCP4 nonsense\r\nhi"), b"")
        before = self.known.connections, self.others.connections
        begun = time.monotonic()
        self.assertEqual(self.ask(b"PROXY TCP4 192.0"), b"")
        self.assertEqual(self.ask(), b"")
        self.assertTrue(0.7 < time.monotonic() - begun < 2)
        reasons = [line["reason"] for line in self.lines(4)]
        self.assertEqual(reasons, ["proxy_header_bad"] * 2 + ["proxy_header_timeout"] * 2)
        self.assertEqual((self.known.connections, self.others.connections), before)

    def test_before_http(self) -> None:
        url = f"http://127.0.0.1:{self.gateway.ports['WEB']}/"
        done = run("curl", "-s", "--haproxy-protocol", url)
        self.assertEqual(done.stdout, b"hello")
        self.assertEqual(run("curl", "-s", "-m", "3", url).stdout, b"")
        first, second = self.lines(2)
        self.assertEqual(first["status"], 200)
        self.assertEqual((second["kind"], second["reason"]), ("connection", "proxy_header_bad"))

    def test_before_tls(self) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", self.gateway.ports["SECURE"]), timeout=5) as sock:
            sock.sendall(header_v2(CLIENT, SERVER))
            with context.wrap_socket(sock, server_hostname="localhost") as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                self.assertIn(b"hello", recv_all(client))
        self.assertEqual(self.lines(1)[0]["client"], "192.0.2.7")
