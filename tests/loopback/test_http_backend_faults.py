"""Whatever is wrong with a server, the client is told, and half an answer never looks whole."""

from __future__ import annotations

import socket
import threading

from tests.loopback.backends import Script
from tests.loopback.conversation import Conversation
from tests.loopback.http_case import HttpCase, ok
from tests.loopback.sockets import raw_exchange

HALVES = {
    "sized": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    "closing": b"HTTP/1.1 200 OK\r\n\r\nhalf",
}

BAD = {
    "garbage": b"\x16\x03\x01 what is this\r\n\r\n",
    "http/2": b"HTTP/2 200 OK\r\n\r\n",
    "status": b"HTTP/1.1 20 OK\r\n\r\n",
    "both": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
    "folded": b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "blank": b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
    "nul": b"HTTP/1.1 200 OK\r\nA: \0\r\nContent-Length: 0\r\n\r\n",
    "split": b"HTTP/1.1 200 OK\r\nA: b\rC: d\r\nContent-Length: 0\r\n\r\n",
    "coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxx\r\n",
    "flood": b"HTTP/1.1 102 Processing\r\n\r\n" * 100,
    "head": b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100_000,
}


def then(how: str, answer: bytes) -> Script:
    """Answers one request, waits until that has arrived, and ends the connection."""

    def script(conversation: Conversation) -> None:
        conversation.read_request()
        conversation.send(answer)
        conversation.wait(0.05)
        if how == "reset":
            conversation.reset()
        elif how == "hang":
            conversation.read_all()

    return script


class Faults(HttpCase):
    """One server that may do what it likes, ejected after three failures where that is watched."""

    CONFIG = """
listeners:
  - {protocol: http, address: 127.0.0.1, port: @PORT@}
routes:
  - {match: {path: /}, backend: b}
  - {match: {path: /watched}, backend: watched}
  - {match: {path: /left}, backend: left}
backends:
  b: {servers: ["http://127.0.0.1:@BACKEND@"]}
  watched:
    servers: ["http://127.0.0.1:@BACKEND@", "http://127.0.0.1:@OTHER@"]
    passive_health: {failures: 3, base: 60s}
    retries: {attempts: 1}
  left:
    servers: ["http://127.0.0.1:@BACKEND@", "http://127.0.0.1:@OTHER@"]
    passive_health: {failures: 1}
"""

    def reason(self, path: str, status: int, *words: str) -> None:
        line = self.line(path)
        self.assertEqual(line["status"], status)
        self.assertIn(line.get("reason"), words)

    def test_refused(self) -> None:
        self.assertEqual(self.curl("-o", "/dev/null", "-w", "%{http_code}", f"{self.url}/refused"), b"502")
        self.reason("/refused", 502, "upstream_connect_refused")

    def test_closed_or_reset_before_or_in_the_head(self) -> None:
        words = {"close": "upstream_closed", "reset": "upstream_reset"}
        for how, word in words.items():
            for number, start in enumerate((b"", b"HTTP/1.1 200 OK\r\nConte")):
                backend = self.backend(then(how, start))
                path = f"/head/{how}/{number}"
                self.assertEqual(self.curl("-o", "/dev/null", "-w", "%{http_code}", self.url + path), b"502")
                self.reason(path, 502, word)
                backend.close()

    def test_a_body_that_breaks_off_never_looks_whole(self) -> None:
        words = {"close": "upstream_closed", "reset": "upstream_reset"}
        paths: dict[str, str] = {}
        for form, answer in HALVES.items():
            for how, word in words.items():
                if (form, how) == ("closing", "close"):
                    continue
                for version in ("--http1.1", "--http1.0"):
                    backend = self.backend(then(how, answer))
                    path = f"/body/{form}/{how}{version}"
                    whole = form == "sized" or version == "--http1.1"
                    # 18: fewer bytes than were promised; 56: the connection was reset.
                    said = self.curl(version, self.url + path, code=18 if whole else 56)
                    self.assertIn(said, (b"half", b""))
                    paths[path] = word
                    backend.close()
        for path, word in paths.items():
            self.reason(path, 200, word)

    def test_a_body_that_closing_ends_is_whole_then(self) -> None:
        self.backend(then("close", HALVES["closing"]))
        self.assertEqual(self.curl(f"{self.url}/whole"), b"half")
        self.assertNotIn("reason", self.line("/whole"))

    def test_a_bad_answer_is_no_answer(self) -> None:
        for number, (name, answer) in enumerate(BAD.items()):
            backend = self.backend(then("hang", answer))
            path = b"/bad/%d" % number
            said = raw_exchange(self.port, b"GET %b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % path)
            final = said[said.rindex(b"HTTP/1.1 ") :]
            self.assertTrue(final.startswith(b"HTTP/1.1 502 Bad Gateway"), f"{name}: {said!r}")
            backend.close()
        for number in range(len(BAD)):
            self.reason(f"/bad/{number}", 502, "upstream_bad_response")

    def test_a_chunk_that_goes_bad_later_cuts_the_answer(self) -> None:
        def script(conversation: Conversation) -> None:
            conversation.read_request()
            conversation.send(HALVES["chunked"])
            conversation.wait(0.1)
            conversation.send(b"-1\r\n")
            conversation.read_all()

        self.backend(script)
        self.assertEqual(self.curl(f"{self.url}/later", code=18), b"half")
        self.reason("/later", 200, "upstream_bad_response")

    def test_failures_are_counted_against_the_server(self) -> None:
        backend = self.backend(then("reset", HALVES["sized"]))
        other = self.backend(ok(b"fine"), "OTHER")
        for _ in range(12):
            raw_exchange(self.port, b"GET /watched HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        self.assertEqual(backend.connections, 3)
        self.assertGreaterEqual(other.connections, 1)
        broken = [line for line in self.lines("/watched", 12) if "reason" in line]
        self.assertEqual([line["reason"] for line in broken], ["upstream_reset"] * 3)
        self.assertIn("server watched/", self.gateway.log())

    def test_clients_that_leave_are_not_counted_against_the_server(self) -> None:
        arrived = threading.Semaphore(0)

        def script(conversation: Conversation) -> None:
            conversation.read_request()
            arrived.release()
            conversation.read_all()

        self.backend(script)
        self.backend(script, "OTHER")
        for _ in range(4):
            with socket.create_connection(("127.0.0.1", self.port)) as client:
                client.sendall(b"GET /left HTTP/1.1\r\nHost: a\r\n\r\n")
                self.assertTrue(arrived.acquire(timeout=5))
        self.lines("/left", 4)
        self.assertNotIn("server left/", self.gateway.log())
