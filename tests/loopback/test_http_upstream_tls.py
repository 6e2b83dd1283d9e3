"""Servers over TLS: verified unless told otherwise, and asked for by name."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import ClassVar

from tests.loopback.authority import Authority, Pair
from tests.loopback.backends import CountingBackend
from tests.loopback.conversation import Conversation
from tests.loopback.http_case import HttpCase, ok
from tests.loopback.sockets import raw_exchange

GET = b"GET %b HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"


class UpstreamTls(HttpCase):
    """One server, spoken to in five ways."""

    CONFIG = """
listeners:
  - {protocol: http, address: 127.0.0.1, port: @PORT@}
routes:
  - {match: {path: /system}, backend: system}
  - {match: {path: /ca}, backend: ca}
  - {match: {path: /name}, backend: name}
  - {match: {path: /trusting}, backend: trusting}
  - {match: {path: /address}, backend: address}
backends:
  system: {servers: ["https://127.0.0.1:@BACKEND@"], tls: {server_name: one.example}}
  ca: {servers: ["https://127.0.0.1:@BACKEND@"], tls: {ca: ca.pem, server_name: one.example}}
  name: {servers: ["https://127.0.0.1:@BACKEND@"], tls: {ca: ca.pem, server_name: two.example}}
  trusting: {servers: ["https://127.0.0.1:@BACKEND@"], tls: {verify: false, server_name: three.example}}
  address: {servers: ["https://127.0.0.1:@BACKEND@"], tls: {ca: ca.pem}}
"""
    certificates: ClassVar[Pair]

    @classmethod
    def prepare(cls, folder: Path) -> None:
        cls.certificates = Authority(folder, "ca").issue("one.example", "127.0.0.1")

    def server(self, names: list[str | None]) -> CountingBackend:
        """A server with the certificate; it notes what it was asked for by SNI."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificates.cert, self.certificates.key)
        context.sni_callback = lambda _socket, name, _context: names.append(name)
        return self.backend(ok(b"secret"), context=context)

    def ask(self, path: str) -> bytes:
        return raw_exchange(self.port, GET % path.encode())

    def refused(self, path: str, detail: str) -> None:
        names: list[str | None] = []
        backend = self.server(names)
        self.assertIn(b"502 Bad Gateway", self.ask(path))
        line = self.line(path)
        self.assertEqual((line["status"], line["reason"]), (502, "upstream_certificate_invalid"))
        self.assertIn(detail, line["detail"])
        self.assertEqual(backend.bytes_in, 0, "nothing of the request was sent")

    def test_an_authority_nobody_knows(self) -> None:
        self.refused("/system", "unknown authority")

    def test_the_wrong_name(self) -> None:
        self.refused("/name", "not for two.example")

    def test_the_right_authority_and_name(self) -> None:
        names: list[str | None] = []
        backend = self.server(names)
        for _ in range(3):
            self.assertTrue(self.ask("/ca").endswith(b"\r\n\r\nsecret"))
        self.assertEqual(names, ["one.example"], "asked by name, on one connection")
        self.assertEqual(backend.connections, 1)

    def test_an_address_is_verified_too_and_is_no_name_to_send(self) -> None:
        names: list[str | None] = []
        self.server(names)
        self.assertTrue(self.ask("/address").endswith(b"\r\n\r\nsecret"))
        self.assertEqual(names, [None])

    def test_without_verification_anything_goes_with_a_warning(self) -> None:
        names: list[str | None] = []
        self.server(names)
        self.assertTrue(self.ask("/trusting").endswith(b"\r\n\r\nsecret"))
        self.assertEqual(names, ["three.example"])
        self.assertEqual(self.gateway.log().count("NOT verified"), 1)

    def test_a_server_without_tls(self) -> None:
        def script(conversation: Conversation) -> None:
            conversation.read()
            conversation.send(b"HTTP/1.1 400 What?\r\nContent-Length: 0\r\n\r\n")

        self.backend(script)
        self.assertIn(b"502 Bad Gateway", self.ask("/ca/plain"))
        self.assertEqual(self.line("/ca/plain")["reason"], "upstream_tls_failed")

    def test_a_body_cut_without_a_goodbye_is_not_whole(self) -> None:
        def script(conversation: Conversation) -> None:
            conversation.read_request()
            conversation.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
            # Closed below TLS: no close_notify.
            socket.socket(fileno=conversation.sock.detach()).close()

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificates.cert, self.certificates.key)
        self.backend(script, context=context)
        self.assertEqual(self.curl(f"{self.url}/ca/cut", code=18), b"half")
        self.assertEqual(self.line("/ca/cut")["reason"], "upstream_reset")
