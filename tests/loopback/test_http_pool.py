"""Connections to servers are used again, and one that has gone stale harms no request."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tests.loopback.conversation import Conversation
from tests.loopback.http_case import HttpCase, ok
from tests.loopback.sockets import eventually, raw_exchange


def get(path: bytes, method: bytes = b"GET", body: bytes = b"") -> bytes:
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return b"%b %b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%b\r\n%b" % (method, path, length, body)


class Pooling(HttpCase):
    """Two idle connections are kept, for a second."""

    CONFIG = """
listeners:
  - {protocol: http, address: 127.0.0.1, port: @PORT@}
routes:
  - {match: {path: /}, backend: b}
backends:
  b:
    servers: ["http://127.0.0.1:@BACKEND@"]
    pool: {size: 2, idle: 1s}
    passive_health: {failures: 1}
"""

    def test_one_connection_serves_many_requests(self) -> None:
        backend = self.backend(ok())
        for _ in range(20):
            self.assertIn(b"200 OK", raw_exchange(self.port, get(b"/")))
        self.assertIn(b"200 OK", raw_exchange(self.port, get(b"/", b"POST", b"body")))
        self.assertEqual(backend.connections, 1)

    def test_no_more_are_kept_than_allowed_nor_for_longer(self) -> None:
        gate = threading.Barrier(5)

        def script(conversation: Conversation) -> None:
            conversation.read_request()
            gate.wait(5)
            conversation.send(ok())
            conversation.read_request()

        backend = self.backend(script)
        clients = [threading.Thread(target=raw_exchange, args=(self.port, get(b"/"))) for _ in range(5)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        self.assertEqual(backend.connections, 5)
        eventually(lambda: backend.open == 2, what="three connections closed")
        eventually(lambda: backend.open == 0, timeout=2.5, what="idle connections closed")

    def test_a_backend_that_says_close_is_believed(self) -> None:
        backend = self.backend(ok(fields=b"Connection: close\r\n"))
        for _ in range(3):
            self.assertIn(b"200 OK", raw_exchange(self.port, get(b"/")))
        self.assertEqual(backend.connections, 3)

    def closing(self, how: Callable[[Conversation], None]) -> Callable[[Conversation], None]:
        """A backend that ends each connection when its second request arrives, without a word."""

        def script(conversation: Conversation) -> None:
            conversation.read_request()
            conversation.send(ok())
            conversation.read_request()
            how(conversation)

        return script

    def test_a_stale_connection_is_replaced(self) -> None:
        for how in (Conversation.close, Conversation.reset):
            backend = self.backend(self.closing(how))
            for _ in range(4):
                self.assertIn(b"200 OK", raw_exchange(self.port, get(b"/stale")))
            self.assertGreater(backend.connections, 2)
            backend.close()
        for line in self.lines("/stale", 8):
            self.assertEqual(line["status"], 200)
            self.assertNotIn("reason", line)

    def test_a_post_is_never_sent_twice(self) -> None:
        backend = self.backend(self.closing(Conversation.close))
        self.assertIn(b"200 OK", raw_exchange(self.port, get(b"/post", b"POST", b"pay")))
        self.assertIn(b"502 Bad Gateway", raw_exchange(self.port, get(b"/post", b"POST", b"pay")))
        self.assertEqual(backend.connections, 1)
        self.assertEqual(self.lines("/post", 2)[1]["reason"], "upstream_closed")

    def test_a_post_is_not_sent_on_a_connection_known_to_be_closed(self) -> None:
        closed = threading.Event()

        def script(conversation: Conversation) -> None:
            conversation.read_request()
            conversation.send(ok())
            conversation.close()
            closed.set()

        self.backend(script)
        for _ in range(20):
            self.assertIn(b"200 OK", raw_exchange(self.port, get(b"/", b"POST", b"pay")))
            self.assertTrue(closed.wait(5))
            closed.clear()

    def test_words_nobody_asked_for_answer_nobody(self) -> None:
        def script(conversation: Conversation) -> None:
            conversation.read_request()
            conversation.send(ok(b"mine"))
            conversation.wait(0.1)
            conversation.send(ok(b"evil"))
            conversation.read_all()

        backend = self.backend(script)
        for _ in range(2):
            self.assertIn(b"mine", raw_exchange(self.port, get(b"/")))
            eventually(lambda: backend.open == 0, what="the connection closed")
        # In one piece with the answer.
        backend.close()
        backend = self.backend(ok(b"mine") + ok(b"evil"))
        for _ in range(3):
            self.assertIn(b"mine", raw_exchange(self.port, get(b"/")))
        self.assertEqual(backend.connections, 3)
