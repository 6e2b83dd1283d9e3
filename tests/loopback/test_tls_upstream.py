"""TLS ended by the gateway and begun anew, to a server that has to show who it is."""

from __future__ import annotations

import socket
import ssl

from tests.loopback.authority import Authority
from tests.loopback.peers import Conversation, CountingBackend, Gateway
from tests.loopback.tls_relay import TlsRelay, echo


class Anew(TlsRelay):
    """The server speaks TLS too, and has to show who it is."""

    def server(self, *names: str, authority: Authority | None = None, days: int = 2) -> CountingBackend:
        """An echo over TLS, with a certificate for these names."""
        pair = (authority or self.authority).issue(*names, days=days)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.cert, pair.key)
        context.sni_callback = lambda _, name, __: self.names.append(name)
        self.names: list[str | None] = []
        return self.start(CountingBackend(echo, context=context))

    def outcome(self, gateway: Gateway) -> tuple[bytes, str, str]:
        """What an exchange gives, and the reason and detail in the log where there is one."""
        client = self.client(gateway)
        got = b""
        try:
            client.sendall(b"ping")
            got = client.recv(100)
            client.unwrap()
        except OSError:
            client.close()
        line = gateway.access(2 if got else 1)[-1]
        return got, line.get("reason", ""), line.get("detail", "")

    def test_a_name_that_is_right(self) -> None:
        backend = self.server("server.test")
        tls = f"ca: {self.authority.ca}, server_name: server.test"
        gateway = self.gateway(backend.port, "tls", tls=tls)
        self.assertEqual(self.outcome(gateway), (b"ping", "", ""))
        self.assertEqual(self.names, ["server.test"])

    def test_an_address_that_is_right(self) -> None:
        backend = self.server("127.0.0.1")
        gateway = self.gateway(backend.port, "tls", tls=f"ca: {self.authority.ca}")
        self.assertEqual(self.outcome(gateway), (b"ping", "", ""))
        self.assertEqual(self.names, [None], "an address is not sent as a name (RFC 6066 section 3)")

    def test_a_name_that_is_wrong(self) -> None:
        backend = self.server("other.test")
        tls = f"ca: {self.authority.ca}, server_name: server.test"
        got, reason, detail = self.outcome(self.gateway(backend.port, "tls", tls=tls))
        self.assertEqual((got, reason), (b"", "upstream_certificate_invalid"))
        self.assertIn("not for server.test", detail)
        self.assertEqual(backend.bytes_in, 0)

    def test_an_authority_that_is_unknown(self) -> None:
        backend = self.server("server.test", authority=self.stranger)
        tls = f"ca: {self.authority.ca}, server_name: server.test"
        got, reason, detail = self.outcome(self.gateway(backend.port, "tls", tls=tls))
        self.assertEqual((got, reason), (b"", "upstream_certificate_invalid"))
        self.assertIn("the certificate is of an unknown authority", detail)

    def test_a_certificate_that_has_expired(self) -> None:
        backend = self.server("server.test", days=-1)
        tls = f"ca: {self.authority.ca}, server_name: server.test"
        got, reason, detail = self.outcome(self.gateway(backend.port, "tls", tls=tls))
        self.assertEqual((got, reason), (b"", "upstream_certificate_invalid"))
        self.assertIn("the certificate has expired", detail)

    def test_not_verified_where_that_is_wanted(self) -> None:
        backend = self.server("other.test", authority=self.stranger)
        gateway = self.gateway(backend.port, "tls", tls="verify: false")
        self.assertEqual(self.outcome(gateway), (b"ping", "", ""))
        self.assertIn("NOT verified", gateway.log())

    def test_a_server_that_speaks_no_tls(self) -> None:
        backend = self.start(CountingBackend(lambda conversation: conversation.send(b"SSH-2.0-x\r\n")))
        got, reason, _ = self.outcome(self.gateway(backend.port, "tls", tls="verify: false"))
        self.assertEqual((got, reason), (b"", "upstream_tls_failed"))

    def test_a_server_that_never_shakes_hands(self) -> None:
        backend = self.start(CountingBackend())
        got, reason, _ = self.outcome(self.gateway(backend.port, "tls", tls="verify: false"))
        self.assertEqual((got, reason), (b"", "upstream_connect_timeout"))

    def test_a_server_that_cuts_its_stream(self) -> None:
        """The client must not take what came for the whole of it."""
        pair = self.authority.issue("127.0.0.1")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.cert, pair.key)

        def cut(conversation: Conversation) -> None:
            conversation.send(b"half")
            conversation.read_exactly(1)
            conversation.sock.shutdown(socket.SHUT_WR)
            conversation.wait(2)

        backend = self.start(CountingBackend(cut, context=context))
        gateway = self.gateway(backend.port, "tls", tls=f"ca: {self.authority.ca}")
        client = self.client(gateway)
        self.assertEqual(client.recv(100), b"half")
        client.sendall(b"x")
        self.assertRaisesRegex(ssl.SSLError, "EOF", client.recv, 100)
        client.close()
        self.assertEqual(gateway.access(2)[-1]["reason"], "truncated")
