"""WebSockets, and whatever else an Upgrade leads to, go through as tunnels."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection, serve

from tests.loopback.conversation import Conversation
from tests.loopback.http_case import ADMIN, HttpCase
from tests.loopback.peers import CountingBackend, Gateway
from tests.loopback.sockets import eventually, raw_exchange, recv_all

UPGRADE = (
    b"GET %b HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: %b\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %b\r\n\r\n"


class WebSocketServer:
    """The `websockets` package's own server, in a thread."""

    def __init__(self, port: int, answer: Callable[[ServerConnection], None], **options: Any) -> None:
        logger = logging.Logger("quiet", logging.CRITICAL)
        self._server = serve(answer, "127.0.0.1", port, logger=logger, **options)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def start(self) -> None:
        """It listens already."""
        self._thread.start()

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._thread.join(5)


def echo(connection: ServerConnection) -> None:
    """Says back what it hears."""
    for message in connection:
        connection.send(message)


class WebSockets(HttpCase):
    """Tunnels that may be quiet for a second."""

    CONFIG = """
listeners:
  - {protocol: http, address: 127.0.0.1, port: @PORT@}
routes:
  - {match: {path: /}, backend: b}
  - {match: {path: /echo}, echo: {}}
backends:
  b: {servers: ["http://127.0.0.1:@BACKEND@"], timeouts: {tunnel: 1s, response: 500ms, idle: 500ms}}
"""

    def connect(self, path: str = "/", **options: Any) -> ClientConnection:
        client: ClientConnection = connect(f"ws://127.0.0.1:{self.port}{path}", proxy=None, **options)
        self.addCleanup(client.close)
        return client

    def server(self, answer: Callable[[ServerConnection], None] = echo, **options: Any) -> None:
        self.start(WebSocketServer(self.gateway.ports["BACKEND"], answer, **options))

    def converse(self, client: ClientConnection) -> None:
        for message in ("hello", b"\x00\xff", "x" * 100_000, ""):
            client.send(message)
            self.assertEqual(client.recv(5), message)
        client.send(["in ", "three ", "parts"])
        self.assertEqual(client.recv(5), "in three parts")
        self.assertTrue(client.ping().wait(5))

    def test_messages_and_pings_pass(self) -> None:
        self.server(subprotocols=["chat"])
        client = self.connect("/messages", subprotocols=["other", "chat"])
        self.assertEqual(client.subprotocol, "chat")
        assert client.response is not None
        self.assertIn("permessage-deflate", client.response.headers["Sec-WebSocket-Extensions"])
        self.converse(client)
        client.close()
        line = self.line("/messages")
        self.assertEqual(line["status"], 101)
        self.assertNotIn("reason", line)
        self.assertGreater(line["bytes_in"], 100)
        self.assertGreater(line["bytes_out"], 100)

    def test_the_gateways_own_echo(self) -> None:
        client = self.connect("/echo")
        self.converse(client)
        client.close(4002, "bye")
        self.assertEqual(client.close_code, 4002)

    def test_close_codes_pass_both_ways(self) -> None:
        codes: list[tuple[int | None, str | None]] = []

        def answer(connection: ServerConnection) -> None:
            with contextlib.suppress(ConnectionClosed):
                if connection.recv() == "close":
                    connection.close(4001, "enough")
                connection.recv()
            codes.append((connection.close_code, connection.close_reason))

        self.server(answer)
        client = self.connect()
        client.send("close")
        closed = self.assertRaises(ConnectionClosed, client.recv, 5)
        assert closed.rcvd is not None
        self.assertEqual((closed.rcvd.code, closed.rcvd.reason), (4001, "enough"))
        client = self.connect()
        client.send("stay")
        client.close(4003, "leaving")
        eventually(lambda: (4003, "leaving") in codes, what="the server is told the code")

    def test_refusals_pass_untouched(self) -> None:
        for status in (403, 426):
            path = f"/refused/{status}"

            def script(conversation: Conversation, status: int = status) -> None:
                conversation.read_request()
                conversation.send(
                    b"HTTP/1.1 %d Nope\r\nX-Why: because\r\nContent-Length: 2\r\n\r\nno" % status
                )

            backend = self.backend(script)
            refused = self.assertRaises(InvalidStatus, self.connect, path)
            self.assertEqual(refused.response.status_code, status)
            self.assertEqual(refused.response.headers["X-Why"], "because")
            self.assertEqual(refused.response.body, b"no")
            self.assertEqual(self.line(path)["status"], status)
            backend.close()

    def upgrade(self, answer: bytes, path: bytes, protocol: bytes = b"websocket") -> bytes:
        def script(conversation: Conversation) -> None:
            conversation.read_request()
            conversation.send(answer)
            conversation.read_all()

        backend = self.backend(script)
        said = raw_exchange(self.port, UPGRADE % (path, protocol), until=b"\r\n\r\n")
        backend.close()
        return said

    def test_a_switch_to_something_else_is_an_error(self) -> None:
        for number, word in enumerate((b"chess", b"", b"websocket, chess")):
            path = b"/other/%d" % number
            self.assertIn(b"502 Bad Gateway", self.upgrade(SWITCHED % word, path))
            self.assertEqual(self.line(path.decode())["reason"], "upstream_bad_upgrade")

    def test_a_switch_nobody_asked_for_is_an_error(self) -> None:
        self.backend(SWITCHED % b"websocket")
        said = raw_exchange(self.port, b"GET /unasked HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        self.assertIn(b"502 Bad Gateway", said)
        self.assertEqual(self.line("/unasked")["reason"], "upstream_bad_upgrade")

    def test_http_2_is_no_protocol_to_switch_to(self) -> None:
        backend = self.backend(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        said = raw_exchange(
            self.port,
            b"GET /prior HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\n"
            b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
        )
        self.assertIn(b"200 OK", said)
        received = backend.conversations[0].received.lower()
        for word in (b"upgrade", b"h2c", b"http2-settings"):
            self.assertNotIn(word, received)

    def test_bytes_sent_right_behind_the_request_and_a_half_close(self) -> None:
        def script(conversation: Conversation) -> None:
            conversation.read_until(b"\r\n\r\n")
            conversation.wait(0.1)
            conversation.send(SWITCHED % b"chess" + b"e4 ")
            while data := conversation.read():
                conversation.send(data)
            conversation.send(b" mate")

        self.backend(script)
        said = raw_exchange(self.port, UPGRADE % (b"/chess", b"chess") + b"d4 Nf3", half_close=True)
        self.assertTrue(said.endswith(b"\r\n\r\ne4 d4 Nf3 mate"), said)
        line = self.line("/chess")
        self.assertEqual((line["bytes_in"], line["bytes_out"]), (6, 14))
        self.assertNotIn("reason", line)

    def test_a_tunnel_is_cut_when_idle_and_not_before(self) -> None:
        self.server(lambda connection: echo(connection), ping_interval=None)
        client = self.connect("/idle", ping_interval=None)
        for _ in range(3):
            self.assertRaises(TimeoutError, client.recv, 0.6)
            client.send("still here")
            self.assertEqual(client.recv(5), "still here")
        closed = self.assertRaises(ConnectionClosed, client.recv, 3)
        self.assertIsNone(closed.rcvd)
        self.assertEqual(self.line("/idle")["reason"], "idle_timeout")

    def test_a_reset_of_one_side_reaches_the_other(self) -> None:
        told = threading.Event()

        def script(conversation: Conversation) -> None:
            conversation.read_until(b"\r\n\r\n")
            conversation.send(SWITCHED % b"chess")
            try:
                conversation.read_all()
            except ConnectionResetError:
                told.set()

        self.backend(script)
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as client:
            client.sendall(UPGRADE % (b"/reset", b"chess"))
            client.recv(1000)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.assertTrue(told.wait(1))
        self.assertEqual(self.line("/reset")["reason"], "reset")

    def test_a_stop_says_goodbye_between_two_frames(self) -> None:
        gateway = self.start(Gateway(self.CONFIG + ADMIN + "drain: {limit: 3s}\n"))
        go_on = threading.Event()

        def script(conversation: Conversation) -> None:
            conversation.read_until(b"\r\n\r\n")
            conversation.send(SWITCHED % b"websocket" + b"\x81\x04ha")
            go_on.wait(5)
            conversation.send(b"lf")
            with contextlib.suppress(ConnectionResetError):
                conversation.read_all()

        self.start(CountingBackend(script, port=gateway.ports["BACKEND"]))
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as client:
            client.sendall(UPGRADE % (b"/", b"websocket"))
            said = b""
            while not said.endswith(b"ha"):
                said += client.recv(1000)
            gateway.kill(signal.SIGTERM)
            client.settimeout(0.3)
            self.assertRaises(TimeoutError, client.recv, 1000)
            go_on.set()
            client.settimeout(5)
            goodbye = client.recv(1000)
            if len(goodbye) < 6:
                goodbye += client.recv(1000)
            self.assertEqual(goodbye, b"lf\x88\x02\x03\xe9")
            client.sendall(b"\x88\x82\0\0\0\0\x03\xe9")
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(recv_all(client), b"")
        self.assertIn(gateway.wait(3), (0, -signal.SIGTERM))
