"""A stream as a tunnel: WebSocket over HTTP/2, joined with a server's connection."""

from __future__ import annotations

from typing import Any

from tests.net.h2_partner import of
from tests.net.http_fakes import Transport
from tests.net.test_http_stream import Waiting
from toron.core.message import Response
from toron.net.tunnel import UpstreamTunnel
from toron.wire.headers import Headers
from toron.wire.websocket import accept_of

CONNECT = [
    (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":authority", "a"),
    (":path", "/chat"), ("sec-websocket-version", "13"),
]  # fmt: skip
MORE = 200_000
EARLY = b"\x81\x05early"


class Tunnels(Waiting):
    """After the switch; `server` is the transport of the server's side."""

    def setUp(self) -> None:
        super().setUp()
        self.released = 0
        self.number = self.client.h2.get_next_available_stream_id()
        self.client.h2.send_headers(self.number, CONNECT)
        self.client.talk()
        request = self.asked[0][0]
        self.assertEqual(
            (request.method, request.path, request.upgrade, request.body),
            (b"GET", b"/chat", b"websocket", None),
        )
        self.server = Transport()
        self.addCleanup(self.server.handle.close)
        key = request.headers.get(b"sec-websocket-key")
        assert key is not None
        response = Response(101, Headers([(b"Sec-WebSocket-Accept", accept_of(key))]))
        response.upgrade = b"websocket"
        tunnel = UpstreamTunnel(self.server, EARLY, self.release)
        tunnel.idle = 60.0
        response.tunnel = tunnel
        events = self.answer(response)
        [received] = of(events, "ResponseReceived")
        fields = dict(received.headers)
        self.assertEqual((fields[":status"], fields.get("sec-websocket-accept")), ("200", None))
        self.assertEqual(self.heard(events), EARLY)

    def release(self) -> None:
        self.released += 1

    def heard(self, events: list[Any] | None = None) -> bytes:
        return b"".join(
            event.data for event in of(self.client.talk() if events is None else events, "DataReceived")
        )

    def say(self, data: bytes, end: bool = False) -> None:
        self.client.h2.send_data(self.number, data, end_stream=end)
        self.client.talk()

    def test_both_ways(self) -> None:
        self.say(b"to the server")
        self.assertEqual(self.server.said(), b"to the server")
        self.server.protocol.dataReceived(b"\x81\x05hello")
        self.assertEqual(self.heard(), b"\x81\x05hello")

    def test_the_client_ends_then_the_server(self) -> None:
        self.say(b"bye", end=True)
        self.assertEqual((self.server.said(), self.server.ending), (b"bye", "half"))
        self.server.protocol.readConnectionLost()
        self.assertEqual([event.stream_id for event in of(self.client.talk(), "StreamEnded")], [self.number])
        self.server.lose()
        self.assertEqual((self.released, self.finished()), (1, [(b"/chat", 101, 7, "")]))

    def test_the_server_ends_then_the_client(self) -> None:
        self.server.protocol.readConnectionLost()
        self.assertTrue(of(self.client.talk(), "StreamEnded"))
        self.say(b"bye", end=True)
        self.assertEqual(self.server.said(), b"bye")
        self.server.lose()
        self.assertEqual((self.released, len(self.finished())), (1, 1))

    def test_the_client_resets(self) -> None:
        self.client.h2.reset_stream(self.number, 8)
        self.client.talk()
        self.assertEqual(self.server.ending, "abort")
        self.server.lose(orderly=False)
        self.assertEqual((self.released, self.finished()), (1, [(b"/chat", 101, 7, "reset")]))

    def test_the_server_resets(self) -> None:
        self.server.lose(orderly=False)
        [reset] = of(self.client.talk(), "StreamReset")
        self.assertEqual((reset.stream_id, reset.error_code), (self.number, 8))
        self.assertEqual((self.released, self.finished()), (1, [(b"/chat", 101, 7, "upstream_reset")]))

    def test_the_server_closes_while_the_client_still_talks(self) -> None:
        self.server.lose()
        events = self.client.talk()
        self.assertTrue(of(events, "StreamEnded"))
        self.assertEqual([reset.error_code for reset in of(events, "StreamReset")], [0])
        self.assertEqual((self.released, len(self.finished())), (1, 1))

    def test_the_connection_is_lost(self) -> None:
        self.transport.lose(orderly=False)
        self.assertEqual(self.server.ending, "abort")
        self.server.lose(orderly=False)
        self.assertEqual(self.released, 1)

    def test_a_client_that_takes_nothing_stops_the_server(self) -> None:
        for _ in range(20):
            self.server.protocol.dataReceived(b"\x82\x7e\x27\x10" + bytes(10_000))
        heard = len(self.heard())
        self.assertFalse(self.server.reading)
        while heard < 20 * 10_004:
            self.client.h2.acknowledge_received_data(60_000, self.number)
            size = len(self.heard())
            self.assertGreater(size, 0)
            heard += size
        self.assertTrue(self.server.reading)

    def test_a_server_that_takes_nothing_stops_the_client(self) -> None:
        self.server.producer.pauseProducing()
        sent = 0
        while self.client.h2.local_flow_control_window(self.number) and sent < MORE:
            size = min(16384, self.client.h2.local_flow_control_window(self.number))
            self.say(bytes(size))
            sent += size
        self.assertLess(sent, MORE)
        self.assertEqual(self.server.said(), b"")
        self.server.producer.resumeProducing()
        self.assertEqual(len(self.server.said()), sent)
        self.client.talk()
        self.assertGreater(self.client.h2.local_flow_control_window(self.number), 16384)

    def test_an_end_that_waits_with_what_came_before_it(self) -> None:
        self.server.producer.pauseProducing()
        self.say(b"last", end=True)
        self.assertEqual((self.server.said(), self.server.ending), (b"", ""))
        self.server.producer.resumeProducing()
        self.assertEqual((self.server.said(), self.server.ending), (b"last", "half"))

    def test_drained(self) -> None:
        self.http.drain()
        self.assertEqual(self.heard(), b"\x88\x02\x03\xe9")

    def test_nothing_moves_for_too_long(self) -> None:
        self.world.pass_time(60.1)
        [reset] = of(self.client.talk(), "StreamReset")
        self.assertEqual((reset.error_code, self.server.ending), (8, "abort"))
        self.server.lose(orderly=False)
        self.assertEqual(self.finished(), [(b"/chat", 101, 7, "idle_timeout")])


class Refused(Waiting):
    """A server that switches without having read the key."""

    def test_it_is_not_believed(self) -> None:
        number = self.client.h2.get_next_available_stream_id()
        self.client.h2.send_headers(number, CONNECT)
        self.client.talk()
        server = Transport()
        self.addCleanup(server.handle.close)
        response = Response(101, Headers([(b"Sec-WebSocket-Accept", b"something")]))
        response.upgrade = b"websocket"
        response.tunnel = UpstreamTunnel(server)
        [received] = of(self.answer(response), "ResponseReceived")
        self.assertEqual(dict(received.headers)[":status"], "502")
        self.assertEqual(server.ending, "abort")
        self.assertEqual([line[1::2] for line in self.finished()], [(502, "upstream_bad_upgrade")])
