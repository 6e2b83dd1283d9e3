"""HTTP/1.1 messages come through as they were meant, whatever their form."""

from __future__ import annotations

import socket
import subprocess

from tests.loopback.conversation import Conversation
from tests.loopback.http_case import HttpCase, ok
from tests.loopback.process import find_program
from tests.loopback.sockets import raw_exchange

GET = b"GET %b HTTP/1.1\r\nHost: a.example\r\n%b\r\n"
CLOSE = b"Connection: close\r\n"


class Messages(HttpCase):
    """One route, one backend."""

    CONFIG = """
listeners:
  - {protocol: http, address: 127.0.0.1, port: @PORT@}
routes:
  - {match: {path: /}, backend: b}
  - {match: {path: /respond}, respond: {status: 200, body: "from here"}}
  - {match: {path: /empty}, respond: {status: 204}}
  - {match: {path: /echo}, echo: {}}
backends: {b: {servers: ["http://127.0.0.1:@BACKEND@"]}}
"""

    def test_head_has_the_length_and_no_body(self) -> None:
        self.backend(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nX-From: there\r\n\r\n")
        said = self.curl("-I", f"{self.url}/head")
        self.assertIn(b"HTTP/1.1 200 OK\r\n", said)
        self.assertIn(b"Content-Length: 7\r\n", said)
        self.assertIn(b"X-From: there\r\n", said)
        self.assertEqual(self.line("/head")["bytes_out"], 0)
        self.assertIn(b"Content-Length: 9\r\n", self.curl("-I", f"{self.url}/respond"))

    def test_statuses_without_a_body(self) -> None:
        for status, fields in ((b"204 No Content", b""), (b"304 Not Modified", b"Content-Length: 5\r\n")):
            answer = b"HTTP/1.1 %b\r\n%bETag: x\r\n\r\n" % (status, fields)
            backend = self.backend(answer)
            data = GET % (b"/bare", b"") + GET % (b"/bare", CLOSE)
            said = raw_exchange(self.port, data)
            self.assertEqual(said.count(b"HTTP/1.1 " + status), 2, said)
            self.assertNotIn(b"Transfer-Encoding", said)
            self.assertEqual(said.count(b"Content-Length: 5"), 2 if fields else 0)
            self.assertTrue(said.endswith(b"\r\n\r\n"))
            backend.close()
        self.assertNotIn(b"Content-Length", raw_exchange(self.port, GET % (b"/empty", CLOSE)))

    def test_interim_responses_are_relayed(self) -> None:
        def script(conversation: Conversation) -> None:
            conversation.read_request()
            conversation.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
            conversation.send(b"HTTP/1.1 102 Processing\r\n\r\n" + ok())

        self.backend(script)
        said = raw_exchange(self.port, GET % (b"/", CLOSE))
        self.assertTrue(said.startswith(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"), said)
        self.assertIn(b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK", said)
        # HTTP/1.0 has no interim responses.
        said = raw_exchange(self.port, b"GET / HTTP/1.0\r\n\r\n")
        self.assertTrue(said.startswith(b"HTTP/1.1 200 OK"), said)

    def test_the_absolute_form_becomes_the_origin_form(self) -> None:
        backend = self.backend(ok())
        self.curl("-x", self.url, "http://b.example/there?x=1")
        (conversation,) = backend.conversations
        self.assertTrue(conversation.received.startswith(b"GET /there?x=1 HTTP/1.1\r\nHost: b.example\r\n"))
        self.assertNotIn(b"proxy-connection", conversation.received.lower())

    def test_http_1_0_closes_unless_asked_to_stay(self) -> None:
        self.backend(ok())
        said = raw_exchange(self.port, b"GET / HTTP/1.0\r\nHost: a\r\n\r\n" * 2)
        self.assertEqual(said.count(b"200 OK"), 1)
        self.assertIn(b"Connection: close", said)
        kept = b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"
        said = raw_exchange(self.port, kept + b"GET / HTTP/1.0\r\n\r\n")
        self.assertEqual(said.count(b"200 OK"), 2)
        self.assertIn(b"Connection: keep-alive", said)

    def test_http_1_0_gets_chunks_as_a_body_that_closing_ends(self) -> None:
        self.backend(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhi\r\n1\r\n!\r\n0\r\n\r\n"
        )
        said = raw_exchange(self.port, b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        self.assertTrue(said.endswith(b"Connection: close\r\n\r\nhi!"), said)
        said = raw_exchange(self.port, GET % (b"/", CLOSE))
        self.assertNotIn(b"x=y", said)

    def test_an_old_backend_ends_its_body_by_closing(self) -> None:
        def script(conversation: Conversation) -> None:
            conversation.read_request()
            conversation.send(b"HTTP/1.0 200 OK\r\n\r\nall of it")

        self.backend(script)
        self.assertEqual(self.curl(f"{self.url}/old"), b"all of it")
        self.assertEqual(self.line("/old")["bytes_out"], 9)

    def test_pipelined_requests_are_answered_in_order(self) -> None:
        def script(conversation: Conversation) -> None:
            while True:
                head, _ = conversation.read_request()
                path = head.split()[1]
                conversation.wait(0.3 if path == b"/slow" else 0)
                conversation.send(ok(path))

        self.backend(script)
        data = (
            GET % (b"/slow", b"")
            + GET % (b"/quick", b"")
            + GET % (b"/respond", b"")
            + GET % (b"/last", CLOSE)
        )
        for options in ([], ["-N"]):
            nc = [find_program("nc"), *options, "-w", "5", "127.0.0.1", str(self.port)]
            said = subprocess.run(nc, input=data, capture_output=True, timeout=10, check=False).stdout
            places = [
                said.find(body)
                for body in (b"\r\n\r\n/slow", b"\r\n\r\n/quick", b"from here", b"\r\n\r\n/last")
            ]
            self.assertEqual(places, sorted(places), said)
            self.assertGreater(places[0], 0, said)

    def test_trailers_travel_both_ways(self) -> None:
        heads: list[bytes] = []

        def script(conversation: Conversation) -> None:
            head = conversation.read_until(b"\r\n\r\n")
            heads.append(head + conversation.read_until(b"0\r\n") + conversation.read_until(b"\r\n\r\n"))
            conversation.send(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                b"2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n"
            )

        self.backend(script)
        sent = (
            b"POST /trailers HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: close, TE\r\n"
            b"Trailer: X-Up\r\nTransfer-Encoding: chunked\r\n\r\n3;ext\r\nabc\r\n0\r\nX-Up: 9\r\n\r\n"
        )
        said = raw_exchange(self.port, sent)
        self.assertTrue(said.endswith(b"2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n"), said)
        self.assertIn(b"TE: trailers\r\n", heads[0])
        self.assertTrue(heads[0].endswith(b"3\r\nabc\r\n0\r\nX-Up: 9\r\n\r\n"), heads[0])
        line = self.line("/trailers")
        self.assertEqual((line["bytes_in"], line["bytes_out"]), (3, 2))

    def test_expect_is_the_backends_to_answer(self) -> None:
        order: list[bytes] = []

        def script(conversation: Conversation) -> None:
            head = conversation.read_until(b"\r\n\r\n")
            order.append(head)
            conversation.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            order.append(conversation.read_exactly(5))
            conversation.send(ok())

        self.backend(script)
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as client:
            client.sendall(b"PUT /e HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
            self.assertEqual(client.recv(1000), b"HTTP/1.1 100 Continue\r\n\r\n")
            client.sendall(b"hello")
            self.assertIn(b"200 OK", client.recv(1000))
        self.assertIn(b"Expect: 100-continue\r\n", order[0])
        self.assertEqual(order[1], b"hello")

    def test_a_backend_that_rejects_gets_nothing_of_the_body(self) -> None:
        def script(conversation: Conversation) -> None:
            conversation.read_until(b"\r\n\r\n")
            conversation.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
            conversation.read_all()

        backend = self.backend(script)
        big = self.gateway.folder / "big"
        big.write_bytes(bytes(8 << 20))
        expect = ("-H", "Expect: 100-continue")
        said = self.curl(*expect, "-T", str(big), "-w", "%{size_upload}", f"{self.url}/no")
        self.assertEqual(said, b"no0")
        self.assertEqual(self.line("/no")["bytes_in"], 0)
        (conversation,) = backend.conversations
        self.assertTrue(conversation.received.endswith(b"Expect: 100-continue\r\n\r\n"))

    def test_the_gateways_own_echo_says_continue(self) -> None:
        expect = ("-H", "Expect: 100-continue", "--expect100-timeout", "9")
        said = self.curl(*expect, "-d", "x" * 10, f"{self.url}/echo")
        self.assertIn(b'"body": "xxxxxxxxxx"', said)
        self.assertLess(self.line("/echo")["duration_ms"], 5000)
