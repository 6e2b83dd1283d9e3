"""An HTTPS listener serves requests over TLS, and says so to those who come without."""

from __future__ import annotations

from tests.net.http_fakes import World
from tests.net.tls_accepted import CERTIFICATES, TlsAccepted
from toron.core.message import Request, Response
from toron.listeners.https import protocols, serve_https
from toron.wire.events import Malformed
from toron.wire.headers import Headers


async def hello(request: Request) -> Response:
    """Say which name the client's TLS asked for."""
    assert request.tls is not None
    return Response(200, Headers(), b"hello " + request.tls.sni.encode())


class Serving(TlsAccepted):
    """One connection."""

    def setUp(self) -> None:
        super().setUp()
        self.world = World(hello)
        self.begin(serve_https(self.world.site, CERTIFICATES, 5.0)(self.connection))

    def test_a_request(self) -> None:
        for most in (1, 1 << 16):
            self.setUp()
            client = self.shake("b.test", *protocols(True))
            self.wire.run(most)
            client.write(b"GET / HTTP/1.1\r\nHost: b.test\r\n\r\n")
            self.wire.run(most)
            self.assertTrue(self.client.received.endswith(b"\r\n\r\nhello b.test"), self.client.received)
            self.assertEqual(self.world.stats.handshakes, {"TLSv1.3": 1})
            client.loseConnection()
            self.wire.run()
            self.assertEqual(self.results, [None])

    def test_session_tickets_go_out_with_the_first_response(self) -> None:
        client = self.shake("b.test", *protocols(False))
        written: list[bytes] = []
        write = self.wire.far.write
        self.wire.far.write = lambda data: [written.append(data), write(data)]
        self.wire.run()
        client.write(b"GET / HTTP/1.1\r\nHost: b.test\r\n\r\n")
        self.wire.run()
        self.assertTrue(self.client.received.endswith(b"hello b.test"), self.client.received)
        self.assertEqual(len(written), 2)

    def test_a_client_that_speaks_only_other_protocols(self) -> None:
        self.shake("b.test", b"spdy/3", b"h3")
        self.wire.run()
        self.assertEqual(self.reason(), "handshake_failed")
        self.assertIn("no application protocol", str(self.told[0]))

    def test_a_request_without_tls(self) -> None:
        self.wire.near.write(b"GET / HTTP/1.1\r\nHost: b.test\r\n\r\n")
        self.wire.run()
        self.assertIsInstance(self.results[0], Malformed)
        head, _, body = self.client.received.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 400 Bad Request\r\n"))
        self.assertIn(b"\r\nContent-Length: %d" % len(body), head)
        self.assertFalse(self.wire.far.connected)
