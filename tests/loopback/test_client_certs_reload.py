"""Client certificates and a reload: who may not come in any more is out, and nobody else is."""

from __future__ import annotations

import signal
import socket
import ssl

from tests.loopback.authority import Authority, Pair
from tests.loopback.client_authority import ClientAuthority
from tests.loopback.peers import Gateway, LoopbackTestCase, eventually, recv_all

CONFIG = """
listeners:
  - protocol: https
    address: 127.0.0.1
    port: @PORT@
    certificates: [{pair}]
    tls: {{client: {{ca: {ca}, crl: {crl}}}}}
routes: [{{respond: {{body: one}}}}]
access_log: {{path: "@FOLDER@/access.log"}}
drain: {{limit: 500ms}}
"""
CHANGED, KEPT = "the configuration was changed", "nothing was changed"


class Reloads(LoopbackTestCase):
    """Two clients, each with a connection that stays open."""

    def setUp(self) -> None:
        self.server, self.clients = self.start(Authority()), self.start(ClientAuthority(name="clients"))
        self.alice, self.bob = self.clients.client("alice"), self.clients.client("bob")
        self.crl = self.clients.folder / "crl.pem"
        self.crl.write_bytes(self.clients.revoked())
        pair = self.server.issue("a.example").yaml
        self.gateway = self.start(Gateway(CONFIG.format(pair=pair, ca=self.clients.ca, crl=self.crl)))

    def connect(self, pair: Pair) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=str(self.server.ca))
        context.load_cert_chain(pair.cert, pair.key)
        plain = socket.create_connection(("127.0.0.1", self.gateway.port), 5)
        made = context.wrap_socket(plain, server_hostname="a.example")
        self.addCleanup(made.close)
        return made

    def ask(self, connection: ssl.SSLSocket) -> bytes:
        """What is answered, on a connection that stays; b"" where there is nobody any more."""
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
        try:
            return connection.recv(4096)
        except OSError:
            return b""

    def reload(self, result: str = CHANGED) -> None:
        before = self.gateway.log().count(result)
        self.gateway.kill(signal.SIGHUP)
        eventually(lambda: self.gateway.log().count(result) > before, what=result)

    def test_one_that_was_revoked_meanwhile(self) -> None:
        alice, bob = self.connect(self.alice), self.connect(self.bob)
        self.gateway.config.write_text(self.gateway.config.read_text().replace("body: one", "body: two"))
        self.reload()
        self.assertIn(b"two", self.ask(alice), "what does not concern them leaves them alone")
        self.assertIn(b"two", self.ask(bob))
        self.crl.write_bytes(b"nothing")
        self.reload(KEPT)
        self.assertIn("crl.pem is not a revocation list in PEM form", self.gateway.log())
        self.assertIn(b"two", self.ask(alice))
        self.crl.write_bytes(self.clients.revoked(self.bob))
        self.assertIn(b"two", self.ask(self.connect(self.bob)), "not before it is told")
        self.reload()
        for connection in (alice, bob):
            self.assertEqual(recv_all(connection), b"", "who is in has to come again")
        self.assertIn(b"two", self.ask(self.connect(self.alice)))
        self.assertEqual(self.ask(self.connect(self.bob)), b"")
        self.assertEqual(self.gateway.access(6)[-1]["reason"], "client_certificate_revoked")

    def test_a_rule_that_is_new(self) -> None:
        config = self.gateway.config.read_text()
        at = config.index("    tls:")
        rule = config[at : config.index("\n", at)]
        self.gateway.config.write_text(config.replace(rule, "    tls: {}"))
        self.reload()
        context = ssl.create_default_context(cafile=str(self.server.ca))
        plain = socket.create_connection(("127.0.0.1", self.gateway.port), 5)
        with context.wrap_socket(plain, server_hostname="a.example") as anybody:
            self.assertIn(b"one", self.ask(anybody))
            self.gateway.config.write_text(config)
            self.reload()
            self.assertEqual(recv_all(anybody), b"")
