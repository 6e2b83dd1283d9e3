"""The echo says what it received."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.net.http_fakes import Transport, World, nobody, outcome
from tests.services.upstreams import request
from toron.core.body import Body
from toron.core.message import Response
from toron.core.refusal import EXTRA_MISSING, Refusal
from toron.services.echo import echo_http, echo_stream
from toron.wire.events import ResponseHead


class EchoHttp(SynchronousTestCase):
    """Over HTTP."""

    def test_a_request(self) -> None:
        asked = request(b"POST", Body.of(b"hi \xff"), (b"X-Odd", b"\xe9"))
        asked.query = b"b=c"
        (response,) = outcome(echo_http(None)(asked))
        said = json.loads(response.body)
        self.assertEqual((said["method"], said["path"], said["host"]), ("POST", "/a?b=c", "a.example"))
        self.assertEqual((said["client_ip"], said["body"]), ("192.0.2.1", "hi \\xff"))
        self.assertEqual(said["headers"], [["Host", "a.example"], ["X-Odd", "é"]])

    def test_a_body_that_is_too_large(self) -> None:
        (refusal,) = outcome(echo_http(None)(request(b"POST", Body.of(bytes((1 << 20) + 1)))))
        assert isinstance(refusal, Refusal)
        self.assertEqual(refusal.reason.word, "body_too_large")

    def test_a_client_that_waits_is_told_to_go_on(self) -> None:
        told: list[ResponseHead] = []
        body = Body(None, 2)
        asked = request(b"POST", body)
        asked.inform = told.append
        asked.expects_continue = True
        got = outcome(echo_http(None)(asked))
        self.assertEqual([head.status for head in told], [100])
        body.feed(b"hi")
        body.end()
        self.assertEqual(json.loads(got[0].body)["body"], "hi")

    def test_a_websocket(self) -> None:
        pair = Response(101)
        asked = request()
        asked.upgrade = b"websocket"
        self.assertEqual(outcome(echo_http(lambda request: pair)(asked)), [pair])
        self.assertEqual(outcome(echo_http(None)(asked))[0].reason, EXTRA_MISSING)
        asked.upgrade = b"chess"
        self.assertEqual(outcome(echo_http(lambda request: pair)(asked))[0].status, 200)


class EchoStream(SynchronousTestCase):
    """Over TCP."""

    def test_bytes_come_back_until_the_client_goes(self) -> None:
        world = World(nobody)
        transport: Any = Transport()
        self.addCleanup(transport.handle.close)
        connection = world.connection(transport)
        connection.held = b"first"
        got = outcome(echo_stream(connection))
        transport.protocol.dataReceived(b" second")
        self.assertEqual(transport.written, b"first second")
        self.assertIs(transport.producer, transport, "it reads no faster than it is read from")
        self.assertEqual(got, [])
        transport.lose()
        self.assertEqual(got, [None])
