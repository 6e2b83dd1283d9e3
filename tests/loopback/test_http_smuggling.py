"""The smuggling corpus over real sockets: of what is refused, no server gets a byte."""

from __future__ import annotations

import contextlib
import re
import socket
import time

from tests.loopback.conversation import Conversation
from tests.loopback.http_case import HttpCase
from tests.loopback.sockets import eventually, raw_exchange, recv_all
from tests.wire.smuggling import CORPUS, FRAMED

REFUSED = re.compile(rb"HTTP/1\.1 (?:400|405|414|417|431|501|505) ")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Smuggling(HttpCase):
    """Everything leads to the backend, but what is redirected."""

    CONFIG = """
listeners:
  - {protocol: http, address: 127.0.0.1, port: @PORT@, http2: false}
routes:
  - {match: {path: /}, backend: b}
  - {match: {path: "^/old/(.*)$"}, redirect: {to: /new/$1}}
  - {match: {path: "^/rewrite/(.*)$"}, middlewares: [{rewrite: {to: /new/$1}}], backend: b}
backends: {b: {servers: ["http://127.0.0.1:@BACKEND@"]}}
"""

    def refused(self, name: str, said: bytes) -> None:
        """Refused by the first answer, and nothing after it; or closed without a word."""
        if said:
            self.assertTrue(REFUSED.match(said), f"{name}: {said[:200]!r}")
            self.assertIn(b"Connection: close\r\n", said, name)
            self.assertEqual(said.count(b"HTTP/1.1 "), 1, f"{name}: {said!r}")

    def test_whole(self) -> None:
        backend = self.backend(ANSWER)
        vectors = [(name, raw) for name, raw, kind in CORPUS if kind == "refused"]
        self.assertGreater(len(vectors), 100)
        for name, raw in vectors:
            self.refused(name, raw_exchange(self.port, raw, half_close=True))
            self.assertEqual(backend.bytes_in, 0, name)
        raw_exchange(self.port, b"GET /after HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        (conversation,) = backend.conversations
        self.assertTrue(conversation.received.startswith(b"GET /after HTTP/1.1\r\n"))
        self.assertEqual(conversation.received.count(b"HTTP/1.1"), 1)

    def test_byte_by_byte(self) -> None:
        """A head whose body breaks later has been sent on by then: its exchange is broken off.

        The server is left with a request that can not be taken for a whole one, on a connection
        that is closed under it, and nothing of what stands behind the fault.
        """
        whole: list[bytes] = []
        seen: list[bytes] = []

        def script(conversation: Conversation) -> None:
            try:
                head, body = conversation.read_request()
                if head.startswith(b"GET /after "):
                    conversation.send(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
                    return
                whole.append(head + body)
                conversation.send(ANSWER)
                conversation.read_all()
            finally:
                seen.append(bytes(conversation.received))

        backend = self.backend(script)
        broken_off = 0
        for name, raw, kind in CORPUS:
            if kind != "refused":
                continue
            self.refused(name, self.drip(raw))
            # Whatever was connected before this request has been accepted when it is answered.
            after = raw_exchange(self.port, b"GET /after HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            self.assertIn(b"204 No Content", after)
            eventually(lambda: backend.open == 0, what=f"{name}: the server is told")
            for received in seen:
                if received and not received.startswith(b"GET /after "):
                    broken_off += 1
                    self.assertIn(b"transfer-encoding: chunked", received.lower(), name)
                    self.assertNotIn(b"smuggled", received, name)
            self.assertEqual(whole, [], name)
            seen.clear()
        self.assertGreater(broken_off, 10)

    def drip(self, raw: bytes) -> bytes:
        """Sends each byte by itself; the gateway has read the head when the body begins."""
        body = raw.find(b"\r\n\r\n") + 4
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for at, byte in enumerate(raw):
                    client.sendall(bytes((byte,)))
                    if at == body:
                        time.sleep(0.005)
                client.shutdown(socket.SHUT_WR)
            return recv_all(client)

    def test_what_is_allowed_is_read_in_one_way_only(self) -> None:
        seen: list[tuple[bytes, bytes, bytes]] = []

        def script(conversation: Conversation) -> None:
            while True:
                head, body = conversation.read_request()
                method, target, _ = head.split(b" ", 2)
                seen.append((method, target, body))
                conversation.send(b"HTTP/1.1 204 No Content\r\n\r\n" if method == b"HEAD" else ANSWER)

        self.backend(script)
        for name, raw, kind in CORPUS:
            if kind != "framed":
                continue
            raw_exchange(self.port, raw, half_close=True)
            self.assertEqual(seen, FRAMED[name], name)
            seen.clear()

    def test_no_capture_splits_a_head(self) -> None:
        backend = self.backend(ANSWER)
        evil = b"a%0d%0aEvil:%20yes%0d%0a%0d%0aGET%20/evil"
        for path in (b"/old/", b"/rewrite/"):
            request = b"GET %b%b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % (path, evil)
            said = raw_exchange(self.port, request)
            self.assertNotIn(b"\nEvil", said)
        for conversation in backend.conversations:
            self.assertNotIn(b"\nEvil", conversation.received)
            self.assertNotIn(b"\nGET", conversation.received)
