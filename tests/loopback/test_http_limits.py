"""What is too large is refused before a server hears of it, in the form the client reads."""

from __future__ import annotations

import json
import socket

from tests.loopback.conversation import Conversation
from tests.loopback.http_case import HttpCase, ok
from tests.loopback.sockets import eventually, raw_exchange, recv_all

LIMIT = 10_000


class Limits(HttpCase):
    """Small limits; the backend counts."""

    CONFIG = """
listeners:
  - protocol: http
    address: 127.0.0.1
    port: @PORT@
    limits: {body: 10000, head: 2000, fields: 10, requests: 3}
routes:
  - {match: {path: /b}, backend: b}
backends: {b: {servers: ["http://127.0.0.1:@BACKEND@"]}}
"""

    def post(self, path: bytes, fields: bytes, body: bytes = b"") -> bytes:
        return raw_exchange(self.port, b"POST %b HTTP/1.1\r\nHost: a\r\n%b\r\n%b" % (path, fields, body))

    def test_one_byte_too_many_is_refused_before_the_backend_is_asked(self) -> None:
        backend = self.backend(ok())
        upload = self.gateway.folder / "upload"
        upload.write_bytes(bytes(LIMIT + 1))
        said = self.curl("-T", str(upload), "-w", "%{http_code}", f"{self.url}/b/over")
        self.assertIn(b"body_too_large", said)
        self.assertTrue(said.endswith(b"413"))
        self.assertEqual(backend.connections, 0)
        line = self.line("/b/over")
        self.assertEqual((line["status"], line["reason"]), (413, "body_too_large"))
        upload.write_bytes(bytes(LIMIT))
        self.assertEqual(self.curl("-T", str(upload), f"{self.url}/b/just"), b"ok")
        self.assertEqual(self.line("/b/just")["bytes_in"], LIMIT)

    def test_a_client_that_sends_all_before_it_reads_gets_the_refusal(self) -> None:
        size = 8 << 20
        said = self.post(b"/b/deaf", b"Content-Length: %d\r\n" % size, bytes(size))
        self.assertIn(
            b"413 Request Entity Too Large", said.replace(b"Content Too Large", b"Request Entity Too Large")
        )
        self.assertIn(b"Connection: close", said)

    def test_a_chunked_body_is_cut_when_it_is_too_large(self) -> None:
        backend = self.backend()
        head = b"POST /b/chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as client:
            client.sendall(head + b"1f40\r\n%b\r\n" % bytes(8000))
            eventually(lambda: backend.bytes_in > 8000, what="the first chunk arrives")
            client.sendall(b"1f40\r\n%b\r\n" % bytes(8000))
            self.assertIn(b"413 ", recv_all(client))
        eventually(lambda: backend.open == 0, what="the backend is told")
        received = bytes(backend.conversations[0].received)
        self.assertNotIn(b"\r\n0\r\n", received)
        self.assertEqual(self.line("/b/chunks")["reason"], "body_too_large")
        # All in one piece, the backend need not hear of it at all.
        self.assertIn(
            b"413 ", self.post(b"/b/piece", b"Transfer-Encoding: chunked\r\n", b"2ee0\r\n" + bytes(12000))
        )
        self.assertEqual(backend.connections, 1)

    def test_heads_that_are_too_large(self) -> None:
        backend = self.backend(ok())
        cases = {
            b"GET /%b HTTP/1.1\r\n" % (b"x" * 3000): b"414 ",
            b"GET /%b" % (b"x" * 3000): b"414 ",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: %b\r\n\r\n" % (b"y" * 3000): b"431 ",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: %b" % (b"y" * 3000): b"431 ",
            b"GET / HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 10 + b"\r\n": b"431 ",
        }
        for data, status in cases.items():
            said = raw_exchange(self.port, data)
            self.assertTrue(said.startswith(b"HTTP/1.1 " + status), said[:100])
            self.assertIn(b"Connection: close", said)
        self.assertEqual(backend.connections, 0)

    def test_a_connection_serves_no_more_than_its_share(self) -> None:
        self.backend(ok())
        said = raw_exchange(self.port, b"GET /b/share HTTP/1.1\r\nHost: a\r\n\r\n" * 5)
        self.assertEqual(said.count(b"200 OK"), 3)
        self.assertEqual(said.count(b"Connection: close"), 1)
        self.assertLess(said.rfind(b"200 OK"), said.find(b"Connection: close"))

    def test_errors_come_in_the_form_that_is_asked_for(self) -> None:
        forms = {
            "application/json": "application/json",
            "text/html,application/xhtml+xml,*/*;q=0.8": "text/html",
            "*/*": "text/plain",
            "text/html;q=0.1, application/json": "application/json",
        }
        upload = self.gateway.folder / "upload"
        upload.write_bytes(bytes(LIMIT + 1))
        refusals = {
            404: ["/none"],
            413: ["-T", str(upload), "/b/x"],
            502: ["/b/nobody"],
        }
        for status, (*words, path) in refusals.items():
            for accept, form in forms.items():
                wanted = ["-H", f"Accept: {accept}", "-w", "\n%{http_code} %{content_type}"]
                body, _, seen = self.curl(*wanted, *words, self.url + path).rpartition(b"\n")
                self.assertEqual(seen.decode(), f"{status} {form}; charset=utf-8")
                if form == "application/json":
                    said = json.loads(body)
                    self.assertEqual((said["status"], bool(said["error"])), (status, True))
                elif form == "text/html":
                    self.assertTrue(body.startswith(b"<!doctype html>"))

    def test_the_backends_own_errors_are_left_alone(self) -> None:
        for status in (404, 413, 502, 503):

            def script(conversation: Conversation, status: int = status) -> None:
                conversation.read_request()
                conversation.send(b"HTTP/1.1 %d Mine\r\nContent-Length: 3\r\nX-Mine: yes\r\n\r\nown" % status)

            backend = self.backend(script)
            said = self.curl("-i", "-H", "Accept: application/json", f"{self.url}/b/{status}")
            self.assertTrue(said.startswith(b"HTTP/1.1 %d Mine\r\n" % status), said)
            self.assertTrue(said.endswith(b"\r\n\r\nown"))
            backend.close()
