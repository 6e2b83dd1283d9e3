"""A large body goes through inside the kernel, and neither client, server nor log can tell."""

from __future__ import annotations

import os
import re
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from tests.loopback.authority import Authority, Pair
from tests.loopback.conversation import Conversation
from tests.loopback.http_case import HttpCase
from tests.loopback.sockets import eventually, raw_exchange
from tests.loopback.test_http_streaming import InOurPlace
from tests.loopback.test_tcp import reset
from tests.loopback.test_tcp_bulk import MIB, digest, pieces, read

SIZE = 50 * MIB
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
_BODY_OUT = re.compile(r'^toron_http_response_body_bytes_total\{.*"plain".*\} (.+)$', re.MULTILINE)
GET = b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n"


class BulkCase(HttpCase):
    """Servers with and without TLS, and clients likewise."""

    CONFIG = """
listeners:
  - {name: plain, protocol: http, address: 127.0.0.1, port: @PORT@, timeouts: {write: 500ms}}
  - {name: secure, protocol: https, address: 127.0.0.1, port: @SECURE@,
     certificates: [{self_signed: [localhost]}]}
routes:
  - {match: {path: /}, backend: b}
  - {match: {path: /secure}, backend: secure}
backends:
  b: {servers: ["http://127.0.0.1:@BACKEND@"], timeouts: {idle: 500ms}}
  secure: {servers: ["https://127.0.0.1:@BACKEND@"], tls: {ca: ca.pem}}
"""
    certificates: ClassVar[Pair]

    @classmethod
    def prepare(cls, folder: Path) -> None:
        cls.certificates = Authority(folder, "ca").issue("127.0.0.1")

    def setUp(self) -> None:
        super().setUp()
        self.sent = 0

    def answer(self, conversation: Conversation, size: int = SIZE, *, most: int = SIZE) -> None:
        """Answer a request with a body of that size, or the beginning of it."""
        conversation.read_request()
        conversation.send(HEAD % size)
        for piece in pieces(3, size):
            if most <= 0:
                return
            conversation.send(piece[:most])
            most -= len(piece)
            self.sent += 1

    def serve(self, **more: Any) -> None:
        """A server that gives the body to every request."""

        def script(conversation: Conversation) -> None:
            while True:
                self.answer(conversation)

        self.served = self.backend(script, **more)

    def connect(self) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        self.addCleanup(client.close)
        return client

    def pipes(self) -> int:
        """How many ends of pipes the gateway has: those that were used lie idle afterwards."""
        found = 0
        for each in Path(f"/proc/{self.gateway.pid}/fd").iterdir():
            try:
                found += os.readlink(each).startswith("pipe:")
            except FileNotFoundError:
                continue
        return found

    def take(self, client: socket.socket, size: int = SIZE, rest: float = 0.0) -> None:
        """One response with the body of that size, byte for byte, and nothing after it."""
        head = bytearray()
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        self.assertTrue(head.startswith(b"HTTP/1.1 200 OK\r\n"), head)
        self.assertEqual(digest(exactly(client, size, rest)), digest(pieces(3, size)))

    def ended(self, path: str, size: int, reason: str | None = None) -> None:
        line = self.line(path)
        self.assertEqual((line["status"], line["bytes_out"], line.get("reason")), (200, size, reason), line)

    def take_with_curl(self, url: str, size: int = 0, *words: str) -> None:
        said = self.curl(*words, url)
        self.assertEqual(digest(iter((said,))), digest(pieces(3, size or SIZE)))


class Chosen(BulkCase):
    """A gateway of its own, since its pipes stay once they were used."""

    def test_only_what_can_and_is_worth_it(self) -> None:
        before = self.pipes()

        def script(conversation: Conversation) -> None:
            self.answer(conversation, 100_000)
            conversation.read_request()
            conversation.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for piece in pieces(3, 5 * MIB):
                conversation.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            conversation.send(b"0\r\n\r\n")

        backend = self.backend(script)
        self.take_with_curl(f"{self.url}/small", 100_000)
        self.take_with_curl(f"{self.url}/chunked", 5 * MIB)
        backend.close()
        secured = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        secured.load_cert_chain(self.certificates.cert, self.certificates.key)
        self.serve(context=secured)
        self.take_with_curl(f"{self.url}/secure")
        self.ended("/secure", SIZE)
        self.served.close()
        self.serve()
        self.take_with_curl(f"https://127.0.0.1:{self.gateway.ports['SECURE']}/by-tls", 0, "-k")
        self.ended("/by-tls", SIZE)
        self.assertEqual(self.pipes(), before, "none of them went through a pipe")
        self.take_with_curl(f"{self.url}/plain")
        self.ended("/plain", SIZE)
        self.assertEqual(self.pipes(), before + 2, "this one did")


class Bulk(BulkCase):
    """What goes inside the kernel."""

    def test_one_after_the_other(self) -> None:
        self.serve()
        client = self.connect()
        for _ in range(3):
            client.sendall(GET % b"/again")
            self.take(client)
        client.sendall(GET % b"/again" * 2)
        self.take(client)
        self.take(client)
        for line in self.lines("/again", 5):
            self.assertEqual((line["bytes_out"], line.get("reason")), (SIZE, None))
        # The second of two pipelined requests may be a moment early for the connection of the first.
        self.assertLessEqual(self.served.connections, 2)

    def test_it_is_counted(self) -> None:
        self.serve()
        before = self.body_out()
        self.take_with_curl(f"{self.url}/counted")
        eventually(lambda: self.body_out() - before >= SIZE, what="the count")
        self.assertEqual(self.body_out() - before, SIZE)

    def body_out(self) -> int:
        request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        page = raw_exchange(self.gateway.ports["ADMIN"], request).decode()
        (found,) = _BODY_OUT.findall(page)
        return int(float(found))

    def test_parts_and_heads(self) -> None:
        nginx = self.start(InOurPlace(self.gateway.ports["BACKEND"]))
        content = b"".join(pieces(3, 3 * MIB))
        (nginx.folder / "www" / "a.bin").write_bytes(content)
        for _ in range(2):
            self.assertEqual(self.curl(f"{self.url}/a.bin") == content, True)
            self.assertEqual(self.curl("-r", "7-2000000", f"{self.url}/a.bin") == content[7:2_000_001], True)
            self.assertIn(b"Content-Length: %d\r\n" % len(content), self.curl("-I", f"{self.url}/a.bin"))

    # --- what ends in the middle ----------------------------------------------------------------

    def test_a_client_that_is_slow(self) -> None:
        self.serve()
        client = self.connect()
        client.sendall(GET % b"/slow")
        self.take(client, rest=0.002)
        self.ended("/slow", SIZE)

    def held_up(self, path: bytes) -> socket.socket:
        """A client that takes nothing, until nothing moves."""
        self.serve()
        client = self.connect()
        client.sendall(GET % path)
        seen: list[int] = []

        def still() -> bool:
            seen.append(self.sent)
            return len(seen) > 20 and self.sent > 0 and len(set(seen[-20:])) == 1

        eventually(still, what="back-pressure")
        return client

    def test_a_client_that_takes_nothing(self) -> None:
        self.held_up(b"/stalled")
        self.assertEqual(self.line("/stalled")["reason"], "client_stalled")

    def test_a_client_that_is_gone(self) -> None:
        reset(self.held_up(b"/gone"))
        self.assertEqual(self.line("/gone")["reason"], "client_gone")
        eventually(lambda: not self.served.open, what="the end of the server's connection")

    def test_a_server_that_closes(self) -> None:
        half = SIZE // 2 + 1
        self.backend(lambda conversation: self.answer(conversation, most=half))
        client = self.connect()
        client.sendall(GET % b"/closes")
        got = b"".join(read(client))
        self.assertEqual(len(got.partition(b"\r\n\r\n")[2]), half)
        self.ended("/closes", half, "upstream_closed")

    def test_a_server_that_says_no_more(self) -> None:
        half = SIZE // 2 + 1

        def script(conversation: Conversation) -> None:
            self.answer(conversation, most=half)
            conversation.read()

        self.backend(script)
        client = self.connect()
        client.sendall(GET % b"/stops")
        self.assertEqual(len(b"".join(read(client)).partition(b"\r\n\r\n")[2]), half)
        self.ended("/stops", half, "upstream_idle_timeout")


def exactly(sock: socket.socket, size: int, rest: float) -> Iterator[bytes]:
    """So many bytes, with a rest after each piece while there are any."""
    while size:
        data = sock.recv(min(size, MIB if not rest else MIB // 8))
        if not data:
            return
        size -= len(data)
        yield data
        if rest:
            time.sleep(rest)
