"""PROXY headers sent: real servers log who the client is, and get each header once and first."""

from __future__ import annotations

import socket

from tests.loopback.authority import Authority
from tests.loopback.peers import (
    Conversation,
    CountingBackend,
    Gateway,
    Haproxy,
    LoopbackTestCase,
    Nginx,
    eventually,
    recv_all,
)
from toron.wire.proxy_protocol import header_v2, parse

CONFIG = """
listeners:
  - {{name: one, protocol: tcp, address: 127.0.0.1, port: @ONE@, backend: one}}
  - {{name: two, protocol: tcp, address: 127.0.0.1, port: @TWO@, backend: two}}
  - {{name: web, protocol: http, address: 127.0.0.1, port: @WEB@}}
  - {{name: chain, protocol: tcp, address: 127.0.0.1, port: @CHAIN@, backend: two,
      proxy_protocol: {{trusted: [127.0.0.1]}}}}
routes:
  - {{match: {{path: /one}}, backend: web-one}}
  - {{match: {{path: /two}}, backend: web-two}}
backends:
  one: {{url: "tcp://127.0.0.1:{port}", proxy_protocol: v1{more}}}
  two: {{url: "tcp://127.0.0.1:{port}", proxy_protocol: v2{more}}}
  web-one: {{url: "http://127.0.0.1:{port}", proxy_protocol: v1}}
  web-two: {{url: "http://127.0.0.1:{port}", proxy_protocol: v2}}
access_log: {{path: "@FOLDER@/access.log"}}
drain: {{limit: 500ms}}
"""

REQUEST = b"GET /%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def ask(port: int, data: bytes, source: str = "127.0.0.3") -> bytes:
    """What a client at that address is told."""
    with socket.create_connection(("127.0.0.1", port), source_address=(source, 0)) as client:
        client.sendall(data)
        return recv_all(client)


class RealServers(LoopbackTestCase):
    """Servers that take the client's address from the header."""

    def test_nginx(self) -> None:
        nginx = self.start(
            Nginx(
                "server { listen 127.0.0.1:@PORT@ proxy_protocol; "
                "return 200 '$proxy_protocol_addr $proxy_protocol_server_port'; }"
            )
        )
        gateway = self.start(Gateway(CONFIG.format(port=nginx.port, more="")))
        for name in ("ONE", "TWO"):
            answer = ask(gateway.ports[name], REQUEST % b"")
            self.assertTrue(answer.endswith(b"127.0.0.3 %d" % gateway.ports[name]), answer)
        for path in (b"one", b"two"):
            answer = ask(gateway.ports["WEB"], REQUEST % path)
            self.assertTrue(answer.endswith(b"127.0.0.3 %d" % gateway.ports["WEB"]), answer)

    def test_haproxy(self) -> None:
        haproxy = self.start(
            Haproxy(
                "frontend f\n    bind 127.0.0.1:@PORT@ accept-proxy\n"
                '    http-request return status 200 content-type text/plain lf-string "%[src] %[dst_port]"\n'
            )
        )
        gateway = self.start(Gateway(CONFIG.format(port=haproxy.port, more="")))
        for name in ("ONE", "TWO"):
            answer = ask(gateway.ports[name], REQUEST % b"")
            self.assertTrue(answer.endswith(b"127.0.0.3 %d" % gateway.ports[name]), answer)
        for path in (b"one", b"two"):
            self.assertIn(b"127.0.0.3 ", ask(gateway.ports["WEB"], REQUEST % path))

    def test_a_chain_of_two_says_who_the_first_client_is(self) -> None:
        nginx = self.start(
            Nginx("server { listen 127.0.0.1:@PORT@ proxy_protocol; return 200 '$proxy_protocol_addr'; }")
        )
        gateway = self.start(Gateway(CONFIG.format(port=nginx.port, more="")))
        header = header_v2(("192.0.2.9", 1), ("198.51.100.1", 443))
        answer = ask(gateway.ports["CHAIN"], header + REQUEST % b"", "127.0.0.1")
        self.assertTrue(answer.endswith(b"192.0.2.9"), answer)


class OnTheWire(LoopbackTestCase):
    """A server that only listens."""

    def test_once_and_first(self) -> None:
        backend = self.start(CountingBackend(self.hear))
        gateway = self.start(Gateway(CONFIG.format(port=backend.port, more="")))
        for name in ("ONE", "TWO"):
            ask(gateway.ports[name], b"hello")
        for conversation in backend.conversations:
            received = bytes(conversation.received)
            parsed = parse(received)
            assert parsed is not None
            header, size = parsed
            self.assertEqual(header.source[0], "127.0.0.3")
            self.assertEqual(received[size:], b"hello")

    def hear(self, conversation: Conversation) -> None:
        """Read until the payload has come."""
        conversation.read_until(b"hello")

    def test_before_the_client_says_anything(self) -> None:
        backend = self.start(CountingBackend())
        gateway = self.start(Gateway(CONFIG.format(port=backend.port, more="")))
        with socket.create_connection(("127.0.0.1", gateway.ports["TWO"])):
            eventually(lambda: backend.bytes_in == 28, what="the header")

    def test_before_tls(self) -> None:
        authority = self.start(Authority())
        pair = authority.issue("127.0.0.1")
        nginx = Nginx(
            f"ssl_certificate {pair.cert}; ssl_certificate_key {pair.key};"
            "server { listen 127.0.0.1:@PORT@ ssl proxy_protocol; return 200 $proxy_protocol_addr; }"
        )
        self.start(nginx)
        config = CONFIG.replace("tcp://127", "tls://127").format(
            port=nginx.port, more=f", tls: {{ca: {authority.ca}}}"
        )
        gateway = self.start(Gateway(config))
        answer = ask(gateway.ports["TWO"], REQUEST % b"")
        self.assertTrue(answer.endswith(b"127.0.0.3"), answer)

    def test_checks_say_that_they_are_nobody_s(self) -> None:
        backend = self.start(CountingBackend())
        health = ", health: {interval: 200ms}"
        self.start(Gateway(CONFIG.format(port=backend.port, more=health)))

        def said() -> set[bytes]:
            return {bytes(conversation.received) for conversation in backend.conversations}

        want = {b"PROXY UNKNOWN\r\n", header_v2(None, None, local=True)}
        eventually(lambda: want <= said(), what="both kinds of checks")
        self.assertEqual(said() - {b""}, want)
