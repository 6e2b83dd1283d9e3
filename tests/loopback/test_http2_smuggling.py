"""Requests of HTTP/2 that would be others in HTTP/1.1, and floods: no server gets a byte of them."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

from hpack.hpack import Encoder

from tests.loopback.http_case import HttpCase, ok
from tests.loopback.sockets import eventually
from tests.wire.smuggling_http2 import CORPUS, SMUGGLED, Field

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
END_STREAM, END_HEADERS = 1, 4
PROTOCOL_ERROR, ENHANCE_YOUR_CALM = 1, 11
GOOD = [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"a"), (b":path", b"/after")]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A frame as it goes over the wire (RFC 9113 section 4.1)."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


class Client:
    """Says frames as they are given, and reads frames; HPACK without indexing, so that nothing depends."""

    def __init__(self, port: int) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._held = b""
        self.say(PREFACE + frame(SETTINGS, 0, 0))

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    def say(self, data: bytes) -> bool:
        """Whether the gateway still takes it."""
        try:
            self._sock.sendall(data)
        except OSError:
            return False
        return True

    def ask(self, stream: int, fields: list[Field], body: bytes = b"") -> None:
        """A request with all of its body."""
        block: bytes = Encoder().encode(fields, huffman=False)
        flags = END_HEADERS | (0 if body else END_STREAM)
        self.say(
            frame(HEADERS, flags, stream, block) + (frame(DATA, END_STREAM, stream, body) if body else b"")
        )

    def next(self) -> tuple[int, int, int, bytes]:
        """The next frame: kind, flags, stream, payload; kind -1 at the end of the connection."""
        while True:
            size = int.from_bytes(self._held[:3], "big") + 9
            if len(self._held) >= max(size, 9):
                whole, self._held = self._held[:size], self._held[size:]
                return whole[3], whole[4], int.from_bytes(whole[5:9], "big"), whole[9:]
            try:
                more = self._sock.recv(65536)
            except ConnectionResetError:
                more = b""
            if not more:
                return -1, 0, 0, b""
            self._held += more

    def until(self, *kinds: int) -> tuple[int, int, int, bytes]:
        """The next frame of one of these kinds, or the end."""
        while True:
            found = self.next()
            if found[0] in (*kinds, -1):
                return found


class Smuggling(HttpCase):
    """Everything leads to the backend."""

    CONFIG = """
listeners:
  - {name: web, protocol: http, address: 127.0.0.1, port: @PORT@}
routes: [{match: {path: /}, backend: b}]
backends: {b: {servers: ["http://127.0.0.1:@BACKEND@"]}}
"""

    def test_the_corpus(self) -> None:
        backend = self.backend(ok())
        self.assertGreater(len(CORPUS), 60)
        with Client(self.port) as client:
            stream = -1
            for name, fields in CORPUS.items():
                stream += 2
                posts = (b":method", b"POST") in fields
                client.ask(
                    stream, fields, SMUGGLED[:4] if posts and "more" in name else b"4 is" if posts else b""
                )
                kind, _, number, payload = client.until(RST_STREAM, HEADERS, GOAWAY)
                said = (kind, number, payload)
                self.assertEqual(said, (RST_STREAM, stream, struct.pack(">I", PROTOCOL_ERROR)), name)
                whole = "more than came" not in name
                self.assertTrue(not whole or backend.bytes_in == 0, name)
            client.ask(stream + 2, GOOD)
            kind, _, number, _ = client.until(HEADERS, RST_STREAM, GOAWAY)
            self.assertEqual((kind, number), (HEADERS, stream + 2), "the connection goes on")
        received = b"".join(conversation.received for conversation in backend.conversations)
        self.assertNotIn(b"smuggled", received)
        self.assertEqual(received.count(b"GET /after HTTP/1.1\r\n"), 1)

    def test_every_one_is_in_the_log(self) -> None:
        self.backend(ok())
        before = len(self.gateway.access())
        with Client(self.port) as client:
            for index, fields in enumerate(CORPUS.values()):
                client.ask(2 * index + 1, fields, b"4 is" if (b":method", b"POST") in fields else b"")
                client.until(RST_STREAM, GOAWAY)
        eventually(lambda: len(self.gateway.access()) >= before + len(CORPUS), what="a line for each")
        for line in self.gateway.access()[before:]:
            self.assertIn(line["status"], (400, 405), line)
            self.assertEqual((line["version"], bool(line["reason"])), ("2", True), line)


class Floods(HttpCase):
    """What costs the gateway more than the client ends the connection, with a reason in the log."""

    CONFIG = Smuggling.CONFIG

    def flooded(self, reason: str, say: Callable[[Client, int], bytes]) -> None:
        """Say that again and again, until the gateway ends it."""
        with Client(self.port) as client:
            for index in range(20_000):
                if not client.say(say(client, index)):
                    break
            kind, _, _, payload = client.until(GOAWAY)
            if kind == GOAWAY:
                self.assertEqual(payload[4:8], struct.pack(">I", ENHANCE_YOUR_CALM))
        found = eventually(
            lambda: [line for line in self.gateway.access() if line.get("reason") == reason], what=reason
        )
        self.assertTrue(found)

    def block(self) -> bytes:
        made: bytes = Encoder().encode(GOOD, huffman=False)
        return made

    def test_rapid_reset(self) -> None:
        backend = self.backend()  # takes requests, and answers none of them
        block, cancel = self.block(), struct.pack(">I", 8)
        self.flooded(
            "rapid_reset",
            lambda _, index: (
                frame(HEADERS, END_STREAM | END_HEADERS, 2 * index + 1, block)
                + frame(RST_STREAM, 0, 2 * index + 1, cancel)
            ),
        )
        self.assertLess(len(backend.conversations), 1000)

    def test_pings(self) -> None:
        self.flooded("ping_flood", lambda _, index: frame(PING, 0, 0, bytes(8)))

    def test_settings(self) -> None:
        self.flooded("settings_flood", lambda _, index: frame(SETTINGS, 0, 0))

    def test_continuations(self) -> None:
        self.flooded(
            "continuation_flood",
            lambda _, index: frame(CONTINUATION if index else HEADERS, 0, 1, b"\0\x01x\x01y"),
        )

    def test_nothing_in_frames(self) -> None:
        block = self.block()
        self.backend()

        def say(_: Client, index: int) -> bytes:
            first = frame(HEADERS, END_HEADERS, 1, block) if not index else b""
            return first + frame(DATA, 0, 1)

        self.flooded("empty_frames", say)

    def test_a_bomb(self) -> None:
        """One large field, and then a thousand references to it in a few bytes."""
        fields = Encoder().encode([*GOOD, (b"x", b"y" * 3000)], huffman=False)
        with Client(self.port) as client:
            client.say(frame(HEADERS, END_STREAM | END_HEADERS, 1, fields + b"\xbe" * 1000))
            kind, _, _, _ = client.until(HEADERS, GOAWAY, RST_STREAM)
            self.assertIn(kind, (GOAWAY, RST_STREAM))
        eventually(
            lambda: [line for line in self.gateway.access() if line.get("reason") == "head_too_large"],
            what="a line of it",
        )
