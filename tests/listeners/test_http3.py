"""An HTTP/3 listener serves requests over QUIC."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.net.http_fakes import World
from tests.net.quic_fakes import QuicWorld
from tests.net.test_http3_server import H3Client
from toron.core.message import Request, Response
from toron.listeners.http3 import serve_http3
from toron.wire.headers import Headers


async def hello(request: Request) -> Response:
    """Say which name the client's TLS asked for."""
    assert request.tls is not None
    return Response(200, Headers(), b"hello " + request.tls.sni.encode())


class Serving(SynchronousTestCase):
    def setUp(self) -> None:
        self.web = World(hello)
        self.world = QuicWorld(serve_http3(self.web.site, 5.0))

    def test_a_request(self) -> None:
        client = H3Client(self.world, name="b.test")
        self.world.run()
        stream = client.ask()
        self.world.run()
        self.assertEqual(client.bodies, {stream: b"hello b.test"})
        self.assertEqual(self.web.stats.handshakes, {"TLSv1.3": 1})
        client.quic.close()
        self.world.run()
        self.assertEqual((self.world.refused, self.world.endpoint.connections), ([], set()))

    def test_a_name_that_is_not_served(self) -> None:
        client = H3Client(self.world, name="c.test")
        self.world.run()
        self.assertEqual(client.close_code, 0x170)
        self.assertEqual(self.world.refused, [("198.51.100.1", "unrecognized_name")])
        self.assertEqual(self.web.stats.handshakes, {})
