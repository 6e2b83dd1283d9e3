"""The first bytes of a plain connection say which version of HTTP it is, however they are cut."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.net.h2_partner import Partner, told
from tests.net.http_fakes import Transport, World, outcome
from toron.core.message import Request, Response
from toron.net.http1_server import HttpServer
from toron.net.http2_server import Http2Server
from toron.net.http_first import FirstBytes
from toron.wire.headers import Headers
from toron.wire.http2_frames import PREFACE


class First(SynchronousTestCase):
    """A connection of an `http` listener."""

    def setUp(self) -> None:
        self.world = World(self.service, head_seconds=10.0)
        self.transport = Transport()
        self.addCleanup(self.transport.handle.close)
        self.connection = self.world.connection(self.transport)
        self.first = FirstBytes(self.connection, self.world.site)
        self.transport.protocol = self.first
        self.first.makeConnection(self.transport)

    async def service(self, request: Request) -> Response:
        return Response(200, Headers(), b"%d.%d" % request.version)

    def hear(self, data: bytes) -> bytes:
        self.transport.protocol.dataReceived(data)
        return self.transport.said()

    def test_http_1(self) -> None:
        for request in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"POST / HTTP/1.0\r\nHost: a\r\n\r\n"):
            self.setUp()
            said = [self.hear(bytes((byte,))) for byte in request]
            self.assertIsInstance(self.transport.protocol, HttpServer)
            self.assertTrue(said[-1].startswith(b"HTTP/1.1 200 OK"))
            self.assertEqual(
                self.hear(request)[:12] if b"1.1" in request else b"HTTP/1.1 200", b"HTTP/1.1 200"
            )

    def test_http_2(self) -> None:
        for size in (1, 7, 24, 1000):
            self.setUp()
            client = Partner(None, self.transport, client=True)
            number = client.ask()
            said = client.h2.data_to_send()
            for start in range(0, len(said), size):
                self.transport.protocol.dataReceived(said[start : start + size])
            self.assertIsInstance(self.transport.protocol, Http2Server)
            client.protocol = self.transport.protocol
            self.assertEqual(told(client.talk(), number)[1], b"2.0")

    def test_what_only_begins_like_it(self) -> None:
        said = self.hear(PREFACE[:18] + b"XX\r\n")
        self.assertIsInstance(self.transport.protocol, HttpServer)
        self.assertTrue(said.startswith((b"HTTP/1.1 505", b"HTTP/1.1 400")), said)
        self.assertIn(self.world.finished[0][1], (400, 505))

    def test_nothing_comes(self) -> None:
        self.world.pass_time(10.1)
        self.assertEqual(self.transport.ending, "close")
        assert self.connection.reason is not None
        self.assertEqual(self.connection.reason.word, "head_timeout")

    def test_only_a_part_comes(self) -> None:
        self.hear(PREFACE[:5])
        self.world.pass_time(10.1)
        self.assertTrue(self.transport.said().startswith(b"HTTP/1.1 408"))

    def test_only_a_part_comes_and_then_the_end(self) -> None:
        self.hear(PREFACE[:5])
        self.transport.protocol.readConnectionLost()
        self.assertTrue(self.transport.said().startswith(b"HTTP/1.1 400"))

    def test_the_client_ends_without_a_word(self) -> None:
        self.first.readConnectionLost()
        self.assertEqual(self.transport.ending, "close")
        self.transport.lose()
        self.assertEqual(self.over(), [None])

    def test_the_end_of_the_server_is_told(self) -> None:
        self.hear(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        self.transport.lose()
        self.assertEqual(self.over(), [None])

    def over(self) -> list[Any]:
        """What the end of the connection was, once it came."""
        return outcome(self.first.ended)

    def test_drained(self) -> None:
        assert self.connection.drain is not None
        self.connection.drain()
        self.assertEqual(self.transport.ending, "close")
