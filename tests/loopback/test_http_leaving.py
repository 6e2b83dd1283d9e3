"""Events arrive as they happen, and when the client leaves its server is told within a second."""

from __future__ import annotations

import socket
import struct
import subprocess
import time
from functools import partial

from tests.loopback.conversation import Conversation
from tests.loopback.http_case import HttpCase, ok
from tests.loopback.process import find_program
from tests.loopback.sockets import eventually, recv_all


def drink(conversation: Conversation, told: list[float]) -> None:
    """Reads to the end, however that comes, and notes when it was."""
    try:
        conversation.read_all()
    finally:
        told.append(time.monotonic())


REQUEST = b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n"


class Leaving(HttpCase):
    """Ordinary timeouts: none of them may play a part here."""

    CONFIG = """
listeners:
  - {protocol: http, address: 127.0.0.1, port: @PORT@}
routes:
  - {match: {path: /}, backend: b}
backends: {b: {servers: ["http://127.0.0.1:@BACKEND@"]}}
"""

    def connect(self, data: bytes) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        self.addCleanup(client.close)
        client.sendall(data)
        return client

    def reset(self, client: socket.socket) -> None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

    def test_server_sent_events_tick(self) -> None:
        ended: list[float] = []

        def script(conversation: Conversation) -> None:
            conversation.read_request()
            conversation.send(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            for number in range(4):
                data = b"data: %d\n\n" % number
                conversation.send(b"%x\r\n%b\r\n" % (len(data), data))
                conversation.wait(0.2)
            drink(conversation, ended)

        self.backend(script)
        curl = subprocess.Popen(
            [find_program("curl"), "-sN", f"{self.url}/events"], stdout=subprocess.PIPE, bufsize=0
        )
        assert curl.stdout is not None
        times = []
        for _ in range(8):
            curl.stdout.readline()
            times.append(time.monotonic())
        for sooner, later in zip(times[0:6:2], times[2:8:2], strict=True):
            self.assertTrue(0.1 < later - sooner < 0.4, times)
        curl.kill()
        killed = time.monotonic()
        curl.communicate()
        eventually(lambda: ended, what="the backend is told")
        self.assertLess(ended[0] - killed, 1.0)
        line = self.line("/events")
        self.assertEqual((line["status"], line["reason"]), (200, "client_gone"))

    def silent(self, path: str, leave: str) -> None:
        """The client leaves before a byte of the answer has come."""
        told: list[float] = []

        def script(conversation: Conversation) -> None:
            conversation.read_request()
            drink(conversation, told)

        backend = self.backend(script)
        client = self.connect(REQUEST % path.encode())
        eventually(lambda: backend.bytes_in, what="the request arrives")
        left = time.monotonic()
        if leave == "reset":
            self.reset(client)
        elif leave == "close":
            client.close()
        else:
            client.shutdown(socket.SHUT_WR)
        eventually(lambda: told, what="the backend is told")
        self.assertLess(told[0] - left, 1.0)
        line = self.line(path)
        self.assertEqual((line["status"], line["reason"]), (499, "client_gone"))

    def test_close_while_the_backend_is_silent(self) -> None:
        self.silent("/close", "close")

    def test_reset_while_the_backend_is_silent(self) -> None:
        self.silent("/reset", "reset")

    def test_half_close_while_the_backend_is_silent(self) -> None:
        self.silent("/half", "half")

    def test_half_close_is_no_goodbye_to_a_prompt_backend(self) -> None:
        def script(conversation: Conversation) -> None:
            conversation.read_request()
            conversation.wait(0.1)
            conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
            for _ in range(6):
                # Whoever takes bytes lives, however long it lasts.
                conversation.send(b"x")
                conversation.wait(0.3)

        self.backend(script)
        client = self.connect(REQUEST % b"/drip")
        client.shutdown(socket.SHUT_WR)
        self.assertTrue(recv_all(client).endswith(b"\r\n\r\nxxxxxx"))
        self.assertNotIn("reason", self.line("/drip"))

    def test_reset_in_the_middle_of_a_head(self) -> None:
        backend = self.backend(ok())
        self.reset(self.connect(b"GET / HTTP/1.1\r\nHos"))
        client = self.connect(b"GET / HTTP/1.1\r\nHos")
        client.shutdown(socket.SHUT_WR)
        self.assertIn(b"400 Bad Request", recv_all(client))
        self.assertEqual(backend.connections, 0)

    def test_leaving_in_the_middle_of_an_upload(self) -> None:
        for leave in ("close", "reset"):
            told: list[float] = []

            def script(conversation: Conversation, told: list[float] = told) -> None:
                conversation.read_until(b"\r\n\r\n")
                drink(conversation, told)

            backend = self.backend(script)
            head = b"POST /cut HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n"
            client = self.connect(head + b"part")
            eventually(partial(getattr, backend, "bytes_in"), what="the request arrives")
            if leave == "reset":
                self.reset(client)
            else:
                client.close()
            eventually(partial(list, told), timeout=1.0, what="the backend is told")
            backend.close()
        for line in self.lines("/cut", 2):
            self.assertEqual((line["status"], line["reason"], line["bytes_in"]), (499, "client_gone", 4))

    def test_leaving_an_upload_that_the_backend_does_not_read(self) -> None:
        def script(conversation: Conversation) -> None:
            conversation.read_until(b"\r\n\r\n")
            conversation.wait(10)

        self.backend(script)
        client = self.connect(b"POST /deaf HTTP/1.1\r\nHost: a\r\nContent-Length: 200000000\r\n\r\n")
        client.settimeout(0.3)
        sent = 0
        try:
            while sent < 200_000_000:
                sent += client.send(bytes(1 << 16))
        except TimeoutError:
            self.assertLess(sent, 64 << 20, "the backend holds the client up")
        self.assertEqual(self.in_flight(), [1.0])
        left = time.monotonic()
        self.reset(client)
        eventually(lambda: self.in_flight() == [0.0], what="the exchange is over")
        self.assertLess(time.monotonic() - left, 1.0)
        self.assertEqual(self.line("/deaf")["reason"], "client_gone")
