"""TLS ended by the gateway: each name gets its certificate, and an unknown one an alert."""

from __future__ import annotations

import re
import socket
from typing import ClassVar

from tests.loopback.authority import Authority
from tests.loopback.peers import (
    CountingBackend,
    Gateway,
    eventually,
    raw_exchange,
    recv_all,
    run,
)
from tests.loopback.shared import SharedTestCase
from tests.loopback.test_sni_hello import post_quantum_hello

CONFIG = """
listeners:
  - name: strict
    protocol: tls
    address: 127.0.0.1
    port: @PORT@
    timeouts: {{handshake: 600ms}}
    certificates: [{certificates}]
    backend: b
  - name: lenient
    protocol: tls
    address: 127.0.0.1
    port: @LENIENT@
    certificates: [{certificates}]
    tls: {{default_cert: first}}
    backend: b
  - name: web
    protocol: https
    address: 127.0.0.1
    port: @WEB@
    certificates: [{certificates}]
routes: [{{match: {{path: /}}, respond: {{body: hello}}}}]
backends: {{b: {{url: "tcp://127.0.0.1:{port}"}}}}
access_log: {{path: "@FOLDER@/access.log"}}
drain: {{limit: 500ms}}
"""


class Names(SharedTestCase):
    """Three certificates: two kinds of keys, and a wildcard."""

    authority: ClassVar[Authority]
    backend: ClassVar[CountingBackend]

    @classmethod
    def prepare(cls) -> None:
        cls.backend = cls.keep(CountingBackend(lambda conversation: conversation.send(conversation.read())))
        cls.authority = cls.keep(Authority())
        pairs = [
            cls.authority.issue("one.test", "127.0.0.1"),
            cls.authority.issue("two.test", kind="rsa"),
            cls.authority.issue("*.wild.test", "exact.wild.test"),
            cls.authority.issue("exact.wild.test", kind="rsa"),
        ]
        certificates = ", ".join(pair.yaml for pair in pairs)
        cls.gateway = cls.keep(Gateway(CONFIG.format(certificates=certificates, port=cls.backend.port)))

    def shown(self, *options: str, port: str = "PORT") -> tuple[str, str]:
        """Whose certificate openssl is shown, and all it printed."""
        to = f"127.0.0.1:{self.gateway.ports[port]}"
        done = run("openssl", "s_client", "-connect", to, "-CAfile", str(self.authority.ca), *options)
        text = (done.stdout + done.stderr).decode()
        found = re.search(r"subject=CN ?= ?(\S+)", text)
        return found[1] if found else "", text

    def test_each_name_its_certificate(self) -> None:
        name, text = self.shown("-servername", "one.test", "-verify_hostname", "one.test")
        self.assertEqual(name, "one.test")
        self.assertIn("Verify return code: 0 (ok)", text)
        self.assertIn("Peer signature type: ECDSA", text)
        name, text = self.shown("-servername", "TWO.test")
        self.assertEqual(name, "two.test")
        self.assertIn("Peer signature type: RSA-PSS", text)
        self.assertEqual(self.shown("-servername", "x.wild.test")[0], "*.wild.test")
        self.assertEqual(
            self.shown("-servername", "exact.wild.test")[0], "*.wild.test", "the first that has it"
        )

    def test_a_client_that_names_nothing(self) -> None:
        self.assertEqual(self.shown("-noservername")[0], "one.test")

    def test_an_unknown_name_gets_alert_112(self) -> None:
        for name in ("unknown.test", "wild.test", "x.y.wild.test"):
            shown, text = self.shown("-servername", name)
            self.assertEqual(shown, "")
            self.assertRegex(text, "SSL alert number 112")
        lines = self.lines(3)
        self.assertEqual({line["reason"] for line in lines}, {"unrecognized_name"})
        self.assertEqual([line["sni"] for line in lines], ["unknown.test", "wild.test", "x.y.wild.test"])

    def test_an_unknown_name_where_the_first_certificate_is_for_all(self) -> None:
        self.assertEqual(self.shown("-servername", "unknown.test", port="LENIENT")[0], "one.test")

    def test_a_protocol_nobody_speaks_gets_alert_120(self) -> None:
        _, text = self.shown("-servername", "one.test", "-alpn", "h3,spdy/1", port="WEB")
        self.assertRegex(text, "SSL alert number 120")
        line = self.lines(1)[0]
        self.assertEqual((line["reason"], line["alpn"]), ("handshake_failed", "h3,spdy/1"))
        self.assertIn("ALPN protocol: http/1.1", self.shown("-alpn", "spdy/1,http/1.1", port="WEB")[1])

    def test_a_request_without_tls(self) -> None:
        request = b"GET / HTTP/1.1\r\nHost: one.test\r\n\r\n"
        answer = raw_exchange(self.gateway.ports["WEB"], request)
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)
        self.assertIn(b"This port speaks HTTPS", answer)
        self.assertEqual(raw_exchange(self.gateway.port, request), b"")
        self.assertEqual([line["reason"] for line in self.lines(2)], ["client_hello_bad"] * 2)

    def test_a_hello_that_is_not_well_formed_gets_an_alert(self) -> None:
        answer = raw_exchange(self.gateway.port, b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00")
        self.assertEqual(answer, bytes((21, 3, 3, 0, 2, 2, 50)))
        self.assertEqual(self.lines(1)[0]["reason"], "client_hello_bad")

    def test_a_hello_byte_by_byte(self) -> None:
        hello = post_quantum_hello("one.test")
        with socket.create_connection(("127.0.0.1", self.gateway.port)) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for at in range(len(hello)):
                client.sendall(hello[at : at + 1])
            self.assertTrue(client.recv(3).startswith(b"\x16\x03"), "the server's flight")

    def test_a_hello_that_is_too_large(self) -> None:
        for begin in (b"\x16\x03\x01\x40\x00\x01\x00\x50\x00", b"\x16\x03\x01\x40\x00\x01\xff\xff\xff"):
            answer = raw_exchange(self.gateway.port, begin + bytes(100))
            self.assertEqual(answer, bytes((21, 3, 3, 0, 2, 2, 50)))
        self.assertEqual([line["reason"] for line in self.lines(2)], ["client_hello_bad"] * 2)

    def test_a_handshake_that_stops_is_cut(self) -> None:
        """The deadline is for all of it, also after a hello that was whole."""
        with socket.create_connection(("127.0.0.1", self.gateway.port)) as client:
            client.sendall(post_quantum_hello("one.test"))
            self.assertTrue(recv_all(client, 3).startswith(b"\x16\x03\x03"), "the server's flight")
        self.assertEqual(self.lines(1)[-1]["reason"], "handshake_timeout")

    def test_a_client_that_goes_during_the_handshake(self) -> None:
        with socket.create_connection(("127.0.0.1", self.gateway.port)) as client:
            client.sendall(post_quantum_hello("one.test"))
            self.assertTrue(client.recv(10))
        line = self.lines(1)[-1]
        self.assertEqual(line["reason"], "handshake_failed")
        self.assertIn("closed during the handshake", line["detail"])
        self.assertLess(line["duration_ms"], 500)

    def test_a_client_that_does_not_trust(self) -> None:
        self.shown("-servername", "one.test", "-verify_hostname", "other.test", "-verify_return_error")
        line = eventually(lambda: [x for x in self.lines(1) if x.get("reason")])[-1]
        self.assertEqual(line["reason"], "handshake_failed")
        self.assertIn("alert", line["detail"])
