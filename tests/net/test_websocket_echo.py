"""The echo inside the gateway speaks WebSocket as `websockets` does."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from websockets.client import ClientProtocol
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import Protocol, Side
from websockets.uri import parse_uri

from tests.net.http_fakes import Transport, World, nobody
from toron.core.message import Request
from toron.core.refusal import Refusal
from toron.net.relay import Relay
from toron.net.websocket_echo import websocket_echo
from toron.wire.headers import Headers


class Echo(SynchronousTestCase):
    """A client's side of the conversation, joined with the echo as the gateway does it."""

    def setUp(self) -> None:
        self.world = World(nobody)
        answer = websocket_echo(self.world.clock)
        assert answer is not None
        self.answer = answer
        self.over: list[Relay] = []
        self.transport = Transport()
        self.addCleanup(self.transport.handle.close)
        self.client = Protocol(Side.CLIENT)

    def join(self) -> None:
        handshake = ClientProtocol(parse_uri("ws://a/")).connect()
        fields = [(name.encode(), value.encode()) for name, value in handshake.headers.raw_items()]
        response = self.answer(Request(b"GET", b"/", Headers(fields)))
        self.assertEqual((response.status, response.upgrade), (101, b"websocket"))
        tunnel: Any = response.tunnel
        tunnel.join(self.transport, b"", self.world.sweep, True, self.over.append)

    def say(self) -> list[Frame]:
        """Send what the client has to say; the frames it gets."""
        for data in self.client.data_to_send():
            self.transport.protocol.dataReceived(data)
        self.client.receive_data(self.transport.said())
        return [event for event in self.client.events_received() if isinstance(event, Frame)]

    def test_a_request_that_is_no_websocket(self) -> None:
        for fields in ([], [(b"Sec-WebSocket-Key", b"x"), (b"Sec-WebSocket-Version", b"8")]):
            refusal = self.assertRaises(Refusal, self.answer, Request(b"GET", b"/", Headers(fields)))
            self.assertEqual(refusal.reason.word, "bad_upgrade")

    def test_messages(self) -> None:
        self.join()
        self.client.send_text(b"hello")
        self.client.send_binary(b"\x00")
        self.client.send_text(b"in ", fin=False)
        self.client.send_ping(b"there?")
        self.client.send_continuation(b"two", fin=True)
        got = [(frame.opcode, frame.data) for frame in self.say()]
        self.assertEqual(
            sorted(got),
            [
                (Opcode.TEXT, b"hello"),
                (Opcode.TEXT, b"in two"),
                (Opcode.BINARY, b"\x00"),
                (Opcode.PONG, b"there?"),
            ],
        )

    def test_a_goodbye_is_returned(self) -> None:
        self.join()
        self.client.send_close(4001, "enough")
        self.say()
        self.assertEqual(self.client.close_rcvd, Close(4001, "enough"))
        self.world.clock.advance(0)
        self.assertEqual(self.transport.ending, "close")
        self.transport.lose()
        self.assertIsNone(self.over[0].reason)

    def test_nonsense_ends_it(self) -> None:
        self.join()
        self.transport.protocol.dataReceived(b"\xff\xff\xff\xff")
        self.client.receive_data(self.transport.said())
        assert self.client.close_rcvd is not None
        self.assertEqual(self.client.close_rcvd.code, 1002)
        self.world.clock.advance(0)
        self.assertEqual(self.transport.ending, "close")

    def test_a_client_that_does_not_listen_is_not_read_from(self) -> None:
        self.join()
        self.transport.producer.pauseProducing()
        self.assertFalse(self.transport.reading)
        self.client.send_text(b"hello")
        self.assertEqual(self.say(), [])
        self.world.pass_time(2)
        self.transport.producer.resumeProducing()
        self.assertTrue(self.transport.reading)
        self.assertEqual([frame.data for frame in self.say()], [b"hello"])

    def test_a_client_that_is_gone(self) -> None:
        self.join()
        self.transport.lose(orderly=False)
        self.world.clock.advance(0)
        self.assertEqual(len(self.over), 1)
