"""Bodies of any size flow through without being held, in both directions at once."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

from tests.loopback.conversation import Conversation
from tests.loopback.http_case import HttpCase, ok
from tests.loopback.peers import Nginx
from tests.loopback.sockets import eventually, raw_exchange, recv_all

BIG = 256 << 20
GROWTH = 30 << 20
PIECE = bytes(1 << 16)


class InOurPlace(Nginx):
    """nginx at the port of the backend."""

    def __init__(self, port: int) -> None:
        self._given = port
        super().__init__()

    def fill(self, text: str) -> str:
        self.ports["PORT"] = self._given
        return super().fill(text)


class Streaming(HttpCase):
    """A body limit above what is sent here."""

    CONFIG = """
listeners:
  - {protocol: http, address: 127.0.0.1, port: @PORT@, limits: {body: 1g}}
routes:
  - {match: {path: /}, backend: b}
  - {match: {path: /large}, respond: {body: "@LARGE@"}}
backends: {b: {servers: ["http://127.0.0.1:@BACKEND@"]}}
""".replace("@LARGE@", "0123456789" * 20_000)

    def grows(self, before: int) -> None:
        self.assertLess(self.gateway.rss() - before, GROWTH)

    def test_a_large_upload(self) -> None:
        sizes: list[int] = []

        def script(conversation: Conversation) -> None:
            conversation.read_until(b"\r\n\r\n")
            size = 0
            while size < BIG:
                size += len(conversation.read())
            sizes.append(size)
            conversation.send(ok())

        self.backend(script)
        big = self.gateway.folder / "big"
        with big.open("wb") as file:
            file.truncate(BIG)
        before = self.gateway.rss()
        self.curl("-T", str(big), f"{self.url}/up")
        self.grows(before)
        self.assertEqual(sizes, [BIG])
        self.assertEqual(self.line("/up")["bytes_in"], BIG)

    def test_a_large_download(self) -> None:
        def script(conversation: Conversation) -> None:
            conversation.read_request()
            conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BIG)
            for _ in range(BIG // len(PIECE)):
                conversation.send(PIECE)

        self.backend(script)
        before = self.gateway.rss()
        self.assertEqual(
            self.curl("-o", "/dev/null", "-w", "%{size_download}", f"{self.url}/down"), b"%d" % BIG
        )
        self.grows(before)
        self.assertEqual(self.line("/down")["bytes_out"], BIG)

    def test_nginx_gets_and_gives_what_was_sent(self) -> None:
        nginx = self.start(InOurPlace(self.gateway.ports["BACKEND"]))
        content = bytes(range(256)) * 8192
        (nginx.folder / "www" / "a.bin").write_bytes(content)
        self.assertEqual(self.curl(f"{self.url}/a.bin"), content)
        self.assertEqual(self.curl("-r", "100-199", f"{self.url}/a.bin"), content[100:200])
        self.assertEqual(self.curl("-w", "%{http_code}", "-d", "x", f"{self.url}/a.bin")[-3:], b"405")

    def test_a_slow_reader_is_not_held_for(self) -> None:
        sent = [0]

        def script(conversation: Conversation) -> None:
            conversation.read_request()
            conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % BIG)
            while sent[0] < BIG:
                conversation.send(PIECE)
                sent[0] += len(PIECE)

        self.backend(script)
        before = self.gateway.rss()
        with socket.create_connection(("127.0.0.1", self.port)) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            seen = [-1]

            def stands() -> bool:
                seen.append(sent[0])
                return seen[-1] == seen[-20 if len(seen) > 20 else 0]

            eventually(stands, what="the backend is held up")
            self.assertLess(sent[0], 32 << 20)
            self.grows(before)
            self.assertGreater(len(client.recv(1 << 20)), 0)

    def test_both_directions_at_once(self) -> None:
        def script(conversation: Conversation) -> None:
            conversation.read_until(b"\r\n\r\n")
            conversation.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                size = int(conversation.read_until(b"\r\n"), 16)
                data = conversation.read_exactly(size + 2)
                conversation.send(b"%x\r\n%b" % (size, data))
                if not size:
                    return

        self.backend(script)
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as client:
            client.sendall(
                b"POST /both HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            self.assertIn(b"200 OK", client.recv(1000))
            for word in (b"one", b"two"):
                chunk = b"3\r\n%b\r\n" % word
                client.sendall(chunk)
                self.assertEqual(client.recv(1000), chunk)
            client.sendall(b"0\r\n\r\n")
            self.assertEqual(recv_all(client), b"0\r\n\r\n")
        line = self.line("/both")
        self.assertEqual((line["bytes_in"], line["bytes_out"]), (6, 6))

    def test_an_answer_before_the_body_was_read_gets_through(self) -> None:
        def script(conversation: Conversation) -> None:
            conversation.read_until(b"\r\n\r\n")
            conversation.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\nwho?")

        self.backend(script)
        big = self.gateway.folder / "big"
        with big.open("wb") as file:
            file.truncate(16 << 20)
        for _ in range(20):
            said = self.curl("-H", "Expect:", "-T", str(big), "-w", "%{http_code}", f"{self.url}/early")
            self.assertEqual(said, b"who?401")
        for line in self.lines("/early", 20):
            self.assertEqual(line["status"], 401)

    def test_a_hundred_at_once(self) -> None:
        together = threading.Barrier(100)

        def script(conversation: Conversation) -> None:
            head, _ = conversation.read_request()
            together.wait(10)
            conversation.send(ok(head.split()[1]))

        backend = self.backend(script)

        def ask(number: int) -> bool:
            path = b"/%d" % number
            said = raw_exchange(self.port, b"GET %b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % path)
            return said.endswith(b"\r\n\r\n" + path)

        with ThreadPoolExecutor(100) as pool:
            self.assertEqual(list(pool.map(ask, range(100))), [True] * 100)
        self.assertEqual(backend.connections, 100)

    def test_pipelined_requests_whose_answers_nobody_takes(self) -> None:
        before = self.gateway.rss()
        request = b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self.port)) as client:
            client.settimeout(0.3)
            sent = 0
            try:
                while sent < 64 << 20:
                    sent += client.send(request * 2000)
            except TimeoutError:
                pass
            self.assertLess(sent, 64 << 20)
            self.grows(before)
            # All that was asked is answered, once somebody listens.
            client.settimeout(5)
            client.shutdown(socket.SHUT_WR)
            answered = client.recv(1 << 20).count(b"200 OK")
            self.assertGreater(answered, 0)
