"""Each timeout ends what it is for, with its own status and its own word in the log."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from functools import partial

from tests.loopback.conversation import Conversation
from tests.loopback.http_case import HttpCase, ok
from tests.loopback.process import run
from tests.loopback.sockets import raw_exchange, recv_all

REQUEST = b"GET %b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


class Timeouts(HttpCase):
    """A third of a second for each; `@FULL@` has a queue that is full, so it accepts nobody."""

    CONFIG = """
listeners:
  - protocol: http
    address: 127.0.0.1
    port: @PORT@
    timeouts: {head: 300ms, body: 300ms, keepalive: 300ms, write: 300ms}
routes:
  - {match: {path: /}, backend: b}
  - {match: {path: /full}, backend: full}
  - {match: {path: /total}, backend: total}
  - {match: {path: /total-full}, backend: total-full}
backends:
  b: {servers: ["http://127.0.0.1:@BACKEND@"], timeouts: {response: 300ms, idle: 300ms}}
  full: {servers: ["http://127.0.0.1:@FULL@"], timeouts: {connect: 300ms}}
  total: {servers: ["http://127.0.0.1:@BACKEND@"], timeouts: {total: 400ms}}
  total-full: {servers: ["http://127.0.0.1:@FULL@"], timeouts: {total: 300ms}}
"""

    def timed(self, action: Callable[[], bytes]) -> bytes:
        """Does it, which has to take about a third of a second."""
        start = time.monotonic()
        result = action()
        self.assertTrue(
            0.2 < time.monotonic() - start < 1.2, f"{time.monotonic() - start} s: {result[:200]!r}"
        )
        return result

    def reason(self, path: str, status: int, word: str) -> None:
        line = self.line(path)
        self.assertEqual((line["status"], line.get("reason")), (status, word), line)

    def test_a_head_that_does_not_end(self) -> None:
        def drip() -> bytes:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as client:
                for byte in b"GET /":
                    client.sendall(bytes((byte,)))
                    time.sleep(0.05)
                return recv_all(client)

        before = len(self.gateway.access())
        said = self.timed(drip)
        self.assertIn(b"408 Request Timeout", said)
        self.assertIn(b"Connection: close", said)
        (line,) = self.gateway.access(before + 1)[before:]
        self.assertEqual((line["status"], line["reason"]), (408, "head_timeout"))

    def test_a_connection_that_says_nothing(self) -> None:
        before = len(self.gateway.access())
        self.assertEqual(self.timed(lambda: raw_exchange(self.port, b"")), b"")
        (line,) = self.gateway.access(before + 1)[before:]
        self.assertEqual((line["kind"], line["reason"]), ("connection", "head_timeout"))

    def test_a_connection_without_a_further_request(self) -> None:
        self.backend(ok())
        said = self.timed(lambda: raw_exchange(self.port, b"GET /kept HTTP/1.1\r\nHost: a\r\n\r\n"))
        self.assertTrue(said.endswith(b"\r\n\r\nok"))
        self.assertNotIn("reason", self.line("/kept"))

    def test_a_request_body_that_stops(self) -> None:
        self.backend()
        head = b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"
        said = self.timed(lambda: raw_exchange(self.port, head + b"half"))
        self.assertIn(b"408 Request Timeout", said)
        self.reason("/body", 408, "body_timeout")

    def test_a_slow_body_is_in_time(self) -> None:
        self.backend(ok())
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as client:
            client.sendall(
                b"POST /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 6\r\n\r\n"
            )
            for _ in range(6):
                client.sendall(b"x")
                time.sleep(0.1)
            self.assertIn(b"200 OK", recv_all(client))

    def test_a_server_that_does_not_accept(self) -> None:
        with socket.create_server(("127.0.0.1", self.gateway.ports["FULL"]), backlog=0):
            waiting = []
            for _ in range(4):
                filler = socket.socket()
                self.addCleanup(filler.close)
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", self.gateway.ports["FULL"]))
                waiting.append(filler)
            time.sleep(0.1)
            said = self.timed(lambda: raw_exchange(self.port, REQUEST % b"/full"))
            self.assertIn(b"504 Gateway Timeout", said)
            self.reason("/full", 504, "upstream_connect_timeout")
            said = self.timed(lambda: raw_exchange(self.port, REQUEST % b"/total-full"))
            self.assertIn(b"504 Gateway Timeout", said)
            self.reason("/total-full", 504, "upstream_total_timeout")

    def test_a_server_that_does_not_answer(self) -> None:
        self.backend()
        said = self.timed(lambda: raw_exchange(self.port, REQUEST % b"/hangs"))
        self.assertIn(b"504 Gateway Timeout", said)
        self.reason("/hangs", 504, "upstream_response_timeout")

    def test_a_server_that_does_not_say_continue(self) -> None:
        self.backend()
        head = b"PUT /mute HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n"
        self.assertIn(b"504 Gateway Timeout", self.timed(lambda: raw_exchange(self.port, head)))
        self.reason("/mute", 504, "upstream_response_timeout")

    def test_a_server_that_stops_in_its_answer(self) -> None:
        framings = {
            "/sized": (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", 18),
            "/chunked": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", 18),
            "/closing": (b"HTTP/1.1 200 OK\r\n\r\nhalf", 18),
        }
        for path, (answer, code) in framings.items():

            def script(conversation: Conversation, answer: bytes = answer) -> None:
                conversation.read_request()
                conversation.send(answer)
                conversation.read_all()

            backend = self.backend(script)
            self.assertEqual(self.timed(partial(self.curl, self.url + path, code=code)), b"half")
            self.reason(path, 200, "upstream_idle_timeout")
            backend.close()

    def test_an_exchange_that_takes_too_long_altogether(self) -> None:
        def script(conversation: Conversation) -> None:
            conversation.read_request()
            conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
            for _ in range(20):
                conversation.send(b"x")
                conversation.wait(0.1)

        self.backend(script)
        self.timed(lambda: self.curl(f"{self.url}/total", code=18))
        self.reason("/total", 200, "upstream_total_timeout")

    def test_a_total_is_not_spent_by_exchanges_before(self) -> None:
        self.backend(ok())
        for _ in range(4):
            self.assertIn(b"200 OK", raw_exchange(self.port, REQUEST % b"/total?again"))
            time.sleep(0.15)
        for line in self.lines("/total?again", 4):
            self.assertNotIn("reason", line)

    def large(self, conversation: Conversation) -> None:
        conversation.read_request()
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n")
        for _ in range(50):
            conversation.send(bytes(1_000_000))

    def test_a_client_that_takes_nothing(self) -> None:
        self.backend(self.large)
        with socket.create_connection(("127.0.0.1", self.port)) as client:
            client.sendall(REQUEST % b"/deaf")
            self.reason("/deaf", 200, "client_stalled")

    def test_a_client_that_takes_little_is_not_stalled(self) -> None:
        self.backend(self.large)
        done = run("curl", "-sS", "-o", "/dev/null", "--limit-rate", "40M", f"{self.url}/little")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("reason", self.line("/little"))
