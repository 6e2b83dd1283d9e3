"""Calls of gRPC-Web through toron: what the server hears, what the browser reads, and who is let in."""

from __future__ import annotations

from base64 import b64decode, b64encode

from tests.loopback.grpc_case import GrpcCase
from tests.loopback.http_case import HttpCase
from tests.loopback.peers import Conversation, raw_exchange
from tests.loopback.sockets import eventually

MESSAGE = b"\x00\x00\x00\x00\x02\x08\x07"
ENDED = b"\x80\x00\x00\x00\x10grpc-status: 0\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/grpc+proto\r\nTrailer: grpc-status\r\n"
STREAM = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\ngrpc-status: 0\r\n\r\n"


def framed(message: bytes) -> bytes:
    return b"\x00" + len(message).to_bytes(4, "big") + message


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def call(path: bytes, body: bytes, kind: bytes, fields: bytes = b"") -> bytes:
    """A whole request of a browser."""
    return (
        b"POST %b HTTP/1.1\r\nHost: a.example\r\nOrigin: https://app.example\r\nContent-Type: %b\r\n"
        b"Connection: close\r\n%bContent-Length: %d\r\n\r\n%b" % (path, kind, fields, len(body), body)
    )


def body_of(said: bytes) -> bytes:
    """The body of a response, its chunks joined."""
    head, _, rest = said.partition(b"\r\n\r\n")
    if b"\r\nTransfer-Encoding: chunked" not in head:
        return rest
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        body, rest = body + rest[:length], rest[length + 2 :]
    return body


class GrpcWeb(HttpCase):
    """The server speaks gRPC with trailers, whatever the client does."""

    CONFIG = """
listeners: [{protocol: http, address: 127.0.0.1, port: @PORT@}]
routes:
  - {match: {path: /none}, middlewares: [grpc-web], backend: none}
  - match: {path: /limited}
    middlewares: [{grpc-web: {origins: "https://app.example"}}, {rate-limit: {rate: 1/h}}]
    respond: {status: 204}
  - middlewares: [{grpc-web: {origins: "https://app.example"}}]
    backend: {url: "http://127.0.0.1:@BACKEND@"}
backends:
  none: {url: "http://127.0.0.1:@NOBODY@"}
"""

    def ask(self, *request: bytes) -> bytes:
        return raw_exchange(self.port, call(*request))

    def test_a_stream(self) -> None:
        heard: list[tuple[bytes, bytes]] = []

        def server(conversation: Conversation) -> None:
            heard.append(conversation.read_request())
            conversation.send(STREAM + chunk(MESSAGE) + chunk(MESSAGE) + LAST)

        self.backend(server)
        said = self.ask(b"/a.B/C", MESSAGE, b"application/grpc-web+proto")
        self.assertEqual(body_of(said), MESSAGE + MESSAGE + ENDED)
        self.assertIn(b"\r\nContent-Type: application/grpc-web+proto\r\n", said)
        self.assertIn(b"\r\nAccess-Control-Allow-Origin: https://app.example\r\n", said)
        ((head, body),) = heard
        self.assertIn(b"\r\nContent-Type: application/grpc+proto\r\n", head)
        self.assertIn(b"\r\nTE: trailers\r\n", head)
        self.assertEqual(body, MESSAGE)

    def test_a_stream_as_text(self) -> None:
        heard: list[bytes] = []

        def server(conversation: Conversation) -> None:
            heard.append(conversation.read_request()[1])
            conversation.send(STREAM + chunk(MESSAGE[:4]) + chunk(MESSAGE[4:]))
            conversation.wait(0.05)
            conversation.send(chunk(MESSAGE) + LAST)

        self.backend(server)
        segments = b64encode(MESSAGE) + b64encode(MESSAGE[:1])
        said = self.ask(b"/a.B/C", segments, b"application/grpc-web-text")
        self.assertEqual(heard, [MESSAGE + MESSAGE[:1]])
        self.assertIn(b"\r\nContent-Type: application/grpc-web-text+proto\r\n", said)
        text, read = body_of(said), b""
        while text:
            end = text.find(b"=") // 4 * 4 + 4 if b"=" in text else len(text)
            read, text = read + b64decode(text[:end], validate=True), text[end:]
        self.assertEqual(read, MESSAGE + MESSAGE + ENDED)

    def test_much_text_both_ways(self) -> None:
        much = bytes(range(256)) * 12_288  # 3 MiB, which is several segments whole

        def server(conversation: Conversation) -> None:
            body = conversation.read_request()[1]
            conversation.send(STREAM)
            for start in range(0, len(body), 49_152):
                conversation.send(chunk(body[start : start + 49_152]))
            conversation.send(LAST)

        self.backend(server)
        said = raw_exchange(
            self.port, call(b"/a.B/C", b64encode(much), b"application/grpc-web-text"), timeout=20.0
        )
        text = body_of(said)
        quads = [text[start : start + 4] for start in range(0, len(text), 4)]
        self.assertEqual(b"".join(b64decode(quad) for quad in quads), much + ENDED)

    def test_nobody_is_there(self) -> None:
        said = self.ask(b"/none/x", MESSAGE, b"application/grpc-web+proto")
        self.assertTrue(said.startswith(b"HTTP/1.1 200 OK\r\n"), said)
        self.assertIn(b"\r\nContent-Type: application/grpc-web+proto\r\n", said)
        body = said.partition(b"\r\n\r\n")[2]
        self.assertEqual(body[:4], b"\x80\0\0\0")
        self.assertIn(b"grpc-status: 14\r\n", body)
        self.assertEqual(self.line("/none/x")["reason"], "upstream_connect_refused")

    def test_a_refusal_of_a_middleware(self) -> None:
        for expected in (b"HTTP/1.1 204 ", b"HTTP/1.1 200 "):
            said = self.ask(b"/limited", b"", b"application/grpc-web-text")
            self.assertTrue(said.startswith(expected), said)
        self.assertIn(b"\r\nAccess-Control-Allow-Origin: https://app.example\r\n", said)
        self.assertIn(b"grpc-status: 8\r\n", b64decode(said.partition(b"\r\n\r\n")[2]))

    def test_text_that_is_none(self) -> None:
        backend = self.backend()
        said = self.ask(b"/a.B/C", b"****", b"application/grpc-web-text")
        self.assertIn(b"grpc-status: 13\r\n", b64decode(said.partition(b"\r\n\r\n")[2]))
        self.assertEqual(backend.connections, 0)

    def test_time_is_over(self) -> None:
        backend = self.backend(lambda conversation: conversation.read_all())
        said = self.ask(b"/a.B/Slow", MESSAGE, b"application/grpc-web", b"grpc-timeout: 100m\r\n")
        self.assertIn(b"grpc-status: 4\r\n", said)
        eventually(lambda: backend.open == 0, what="the end of the server's connection")
        self.assertEqual(self.line("/a.B/Slow")["reason"], "deadline_exceeded")

    def test_a_preflight(self) -> None:
        backend = self.backend()
        said = self.curl(
            *("-i", "-X", "OPTIONS", "-H", "Origin: https://app.example"),
            *("-H", "Access-Control-Request-Method: POST"),
            *("-H", "Access-Control-Request-Headers: x-grpc-web,content-type", f"{self.url}/a.B/C"),
        )
        self.assertTrue(said.startswith(b"HTTP/1.1 204 "), said)
        self.assertIn(b"\r\nAccess-Control-Allow-Headers: x-grpc-web, content-type\r\n", said)
        self.assertEqual(backend.connections, 0)


class RealServer(GrpcCase):
    """From HTTP/1.1 with gRPC-Web to a server of grpcio."""

    CONFIG = """
listeners: [{protocol: http, address: 127.0.0.1, port: @PORT@}]
routes:
  - middlewares: [grpc-web]
    backend: {url: "h2c://127.0.0.1:@BACKEND@"}
"""

    def ask(self, method: str, message: bytes, kind: bytes = b"application/grpc-web+proto") -> bytes:
        path = f"/test.Calls/{method}".encode()
        return raw_exchange(self.port, call(path, message, kind, b"x-first: 1\r\nx-last: 2\r\n"))

    def test_a_call(self) -> None:
        said = self.ask("Echo", framed(b"hello"))
        self.assertIn(b"\r\nx-first: 1\r\n", said)
        body = body_of(said)
        self.assertTrue(body.startswith(framed(b"hello") + b"\x80"), body)
        self.assertEqual(
            sorted(body[15:].split(b"\r\n")), [b"", b"grpc-message: ", b"grpc-status: 0", b"x-last: 2"]
        )

    def test_a_stream_as_text(self) -> None:
        said = self.ask("Several", b64encode(framed(b"3 5")), b"application/grpc-web-text")
        text = body_of(said)
        read = b"".join(b64decode(text[start : start + 4]) for start in range(0, len(text), 4))
        messages = b"".join(framed(b"%d:" % number + bytes(5)) for number in range(3))
        self.assertTrue(read.startswith(messages + b"\x80"), read)

    def test_an_error(self) -> None:
        body = body_of(self.ask("Fail", framed(b"5 not here")))
        self.assertEqual(body[:1], b"\x80")
        self.assertIn(b"grpc-status: 5\r\n", body)
        self.assertIn(b"grpc-message: not here\r\n", body)

    def test_a_method_that_there_is_not(self) -> None:
        said = self.ask("None", framed(b""))
        self.assertIn(b"grpc-status: 12\r\n", body_of(said))
