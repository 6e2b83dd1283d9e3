"""A plain HTTP listener serves a connection from its first byte to its end."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.net.http_fakes import Transport, World, outcome
from toron.core.message import Request, Response
from toron.core.refusal import Refusal
from toron.core.wait import Cancelled
from toron.listeners.http import serve_http
from toron.wire.headers import Headers


async def hello(request: Request) -> Response:
    return Response(200, Headers(), b"hello " + request.path)


class Serving(SynchronousTestCase):
    """One connection."""

    def setUp(self) -> None:
        self.world = World(hello)
        self.transport = Transport()
        self.addCleanup(self.transport.handle.close)
        self.connection = self.world.connection(self.transport)

    def test_bytes_that_were_read_already_come_first(self) -> None:
        self.connection.held = b"GET /a HT"
        got = outcome(serve_http(self.world.site)(self.connection))
        self.transport.protocol.dataReceived(b"TP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(self.transport.written.endswith(b"\r\n\r\nhello /a"))
        self.assertEqual(got, [])
        self.transport.lose()
        self.assertEqual(got, [None])

    def test_one_that_says_nothing_is_refused(self) -> None:
        got = outcome(serve_http(self.world.site)(self.connection))
        self.world.pass_time(11)
        self.assertEqual(self.transport.ending, "close")
        self.transport.lose()
        assert isinstance(got[0], Refusal)
        self.assertNotIsInstance(got[0], Cancelled)
        self.assertEqual(got[0].reason.word, "head_timeout")
