"""A WebSocket goes through, whichever way it was asked for, to a server that speaks HTTP/1.1."""

from __future__ import annotations

import base64
import contextlib
import threading

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection

from tests.loopback.backends import CountingBackend
from tests.loopback.conversation import Ended
from tests.loopback.sockets import eventually
from tests.loopback.test_http_websocket import WebSocketServer, echo
from tests.loopback.versions.asked import Answer, Asked, accept
from tests.loopback.versions.case import VersionCase
from tests.loopback.versions.connection import switched
from tests.loopback.versions.exchange import Broken, Exchange, Unwanted
from tests.loopback.versions.frames import BINARY, CLOSE, PING, PONG, TEXT, frame, hear


class Tunnels(VersionCase):
    """The `websockets` package as the server, or one by hand that sees every byte."""

    def tunnel(self, first: str = "") -> Exchange:
        """A tunnel that is open."""
        got = self.connect().websocket(self.path(first))
        self.assertTrue(switched(got))
        return got

    def raw(self, answer: Answer) -> CountingBackend:
        """A server that has switched when `answer` is called."""

        def switch(asked: Asked) -> None:
            accept(asked)
            answer(asked)
            raise Ended

        return self.answering(switch)

    def server(self, answer: object = echo, **options: object) -> None:
        self.start(WebSocketServer(self.gateway.ports["BACKEND"], answer, **options))  # type: ignore[arg-type]

    def hang_up(self, got: Exchange) -> None:
        """The server has closed; it may have said already that it will not hear our end."""
        self.assertEqual(got.body(), b"")
        with contextlib.suppress(Unwanted):
            got.end()

    # --- asking -------------------------------------------------------------------------------

    def test_what_the_server_is_asked(self) -> None:
        self.raw(lambda asked: None)
        got = self.connect().websocket(
            self.path() + "?a=b", [("sec-websocket-protocol", "chat"), ("origin", "x")]
        )
        self.assertTrue(switched(got))
        (asked,) = self.asked
        self.assertEqual((asked.method, asked.target), ("GET", self.path() + "?a=b"))
        self.assertEqual(asked.get("upgrade"), "websocket")
        self.assertEqual((asked.get("connection") or "").lower(), "upgrade")
        self.assertEqual(asked.get("sec-websocket-version"), "13")
        self.assertEqual(len(base64.b64decode(asked.get("sec-websocket-key") or "")), 16)
        self.assertEqual((asked.get("sec-websocket-protocol"), asked.get("origin")), ("chat", "x"))
        self.assertEqual(asked.all("content-length") + asked.all("transfer-encoding"), [])
        self.assertEqual(asked.all("x-forwarded-for"), ["127.0.0.1"])

    def test_what_the_client_is_answered(self) -> None:
        self.server(subprotocols=["chat"])
        got = self.connect().websocket(self.path(), [("sec-websocket-protocol", "other, chat")])
        self.assertTrue(switched(got))
        self.assertEqual(got.head().get("sec-websocket-protocol"), "chat")
        self.assertIsNone(got.head().get("content-length"))

    def test_a_refusal_passes(self) -> None:
        def answer(asked: Asked) -> None:
            asked.answer(403, b"not you", ("X-Why", "because"))

        self.answering(answer)
        connection = self.connect()
        got = connection.websocket(self.path())
        self.assertEqual(
            (got.head().status, got.head().get("x-why"), got.body()), (403, "because", b"not you")
        )
        self.assertEqual(self.line(self.path())["status"], 403)

    def test_no_server(self) -> None:
        got = self.connect().websocket(self.path("/dead"))
        self.assertEqual(got.head().status, 502)
        self.assertIn(b"upstream_connect_refused", got.body())

    def test_an_ordinary_answer_is_no_tunnel(self) -> None:
        self.answering(lambda asked: asked.answer(200, b"ordinary"))
        got = self.connect().websocket(self.path())
        status = got.head().status
        # Where 200 says that the tunnel is open, an answer that opens none must not look like it.
        self.assertEqual(status, 502 if self.way.one_connection else 200)

    # --- frames -------------------------------------------------------------------------------

    def converse(self, got: Exchange) -> None:
        for opcode, data in (
            (TEXT, b"hello"),
            (BINARY, b"\0\xff" * 40_000),
            (TEXT, b""),
            (BINARY, b"x" * 126),
        ):
            got.send(frame(opcode, data))
            self.assertEqual(hear(got), (opcode, data))
        got.send(frame(PING, b"p"))
        self.assertEqual(hear(got), (PONG, b"p"))

    def test_messages_pass(self) -> None:
        self.server(compression=None)
        got = self.tunnel()
        self.converse(got)
        got.send(frame(CLOSE, b"\x03\xe8"))
        self.assertEqual(hear(got), (CLOSE, b"\x03\xe8"))
        self.hang_up(got)
        line = self.line(self.path())
        self.assertNotIn("reason", line)
        self.assertGreater(line["bytes_in"], 80_000)
        self.assertGreater(line["bytes_out"], 80_000)

    def test_the_gateways_own_echo(self) -> None:
        got = self.tunnel("/echo")
        self.converse(got)
        got.send(frame(CLOSE, b"\x0f\xa2bye"))
        self.assertEqual(hear(got), (CLOSE, b"\x0f\xa2bye"))
        self.assertEqual(got.body(), b"")

    def test_the_client_closes(self) -> None:
        codes: list[tuple[int, str]] = []

        def answer(connection: ServerConnection) -> None:
            try:
                connection.recv()
            except ConnectionClosed as closed:
                assert closed.rcvd is not None
                codes.append((closed.rcvd.code, closed.rcvd.reason))

        self.server(answer, compression=None)
        got = self.tunnel()
        got.send(frame(CLOSE, b"\x0f\xa3leaving"))
        self.assertEqual(hear(got), (CLOSE, b"\x0f\xa3leaving"))
        self.hang_up(got)
        eventually(lambda: codes == [(4003, "leaving")], what="the server is told the code")

    def test_the_server_closes(self) -> None:
        def answer(connection: ServerConnection) -> None:
            connection.close(4001, "enough")

        self.server(answer, compression=None)
        got = self.tunnel()
        self.assertEqual(hear(got), (CLOSE, b"\x0f\xa1enough"))
        got.send(frame(CLOSE, b"\x0f\xa1"))
        self.assertEqual(got.body(), b"")

    # --- bytes --------------------------------------------------------------------------------

    def test_each_direction_ends_by_itself(self) -> None:
        def answer(asked: Asked) -> None:
            while data := asked.conversation.read():
                asked.conversation.send(data)
            asked.conversation.send(b" and more")

        self.raw(answer)
        got = self.tunnel()
        got.send(b"some")
        self.assertEqual(got.read_exactly(4), b"some")
        got.end()
        self.assertEqual(got.body(), b" and more")
        line = self.line(self.path())
        self.assertEqual((line["bytes_in"], line["bytes_out"]), (4, 13))
        self.assertNotIn("reason", line)

    def test_the_server_ends_first(self) -> None:
        heard: list[bytes] = []

        def answer(asked: Asked) -> None:
            asked.conversation.send(b"that is all")
            asked.conversation.finish()
            while data := asked.conversation.read():
                heard.append(data)

        self.raw(answer)
        got = self.tunnel()
        self.assertEqual(got.body(), b"that is all")
        got.send(b"thanks")
        got.end()
        eventually(lambda: b"".join(heard) == b"thanks", what="the last word")

    def test_a_client_that_resets(self) -> None:
        told = threading.Event()

        def answer(asked: Asked) -> None:
            try:
                asked.conversation.read_all()
            finally:
                told.set()

        self.raw(answer)
        self.tunnel().reset()
        self.assertTrue(told.wait(5))
        self.assertEqual(self.line(self.path())["reason"], "reset")

    def test_a_server_that_resets(self) -> None:
        def answer(asked: Asked) -> None:
            asked.conversation.read()
            asked.conversation.reset()

        self.raw(answer)
        got = self.tunnel()
        got.send(b"go")
        self.assertRaises(Broken, got.body)
        self.assertEqual(self.line(self.path())["reason"], "upstream_reset")

    def test_a_tunnel_is_cut_when_idle(self) -> None:
        self.raw(lambda asked: asked.conversation.read_all())
        got = self.tunnel("/quick")
        with contextlib.suppress(Broken):
            self.assertEqual(got.body(), b"")
        self.assertEqual(self.line(self.path("/quick"))["reason"], "idle_timeout")

    def test_beside_ordinary_exchanges(self) -> None:
        def answer(asked: Asked) -> None:
            while data := asked.conversation.read():
                asked.conversation.send(data)

        self.raw(answer)
        connection = self.connect()
        got = connection.websocket(self.path())
        self.assertTrue(switched(got))
        for number in range(3):
            self.assertEqual(connection.ask("GET", "/text").body(), b"from here")
            got.send(b"%d" % number)
            self.assertEqual(got.read_exactly(1), b"%d" % number)

    def test_a_tunnel_that_nobody_reads_holds_up_the_server(self) -> None:
        said = [0]
        piece = bytes(1 << 16)

        def answer(asked: Asked) -> None:
            while said[0] < 256 << 20:
                asked.conversation.send(piece)
                said[0] += len(piece)

        self.raw(answer)
        got = self.tunnel()
        seen = [-1]

        def stands() -> bool:
            seen.append(said[0])
            return len(seen) > 25 and seen[-1] == seen[-25]

        eventually(stands, 10, "the server is held up")
        self.assertLess(said[0], 32 << 20)
        got.reset()
