"""The counting backend counts, keeps to its script, and fails the test when the script is wrong."""

from __future__ import annotations

import socket

from tests.loopback.backends import CountingBackend
from tests.loopback.case import LoopbackTestCase
from tests.loopback.conversation import Conversation
from tests.loopback.sockets import LOOPBACK, answers, eventually, raw_exchange

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"


class Backends(LoopbackTestCase):
    """CountingBackend."""

    def test_counts_what_it_drinks(self) -> None:
        backend = self.start(CountingBackend())
        self.assertEqual((backend.connections, backend.bytes_in), (0, 0))
        for _ in range(3):
            raw_exchange(backend.port, b"x" * 100_000, half_close=True)
        self.assertEqual((backend.connections, backend.bytes_in), (3, 300_000))
        eventually(lambda: backend.open == 0)

    def test_keeps_the_beginning_and_counts_the_rest(self) -> None:
        backend = self.start(CountingBackend())
        raw_exchange(backend.port, b"ab" * (1 << 20), half_close=True)
        self.assertEqual(backend.bytes_in, 2 << 20)
        self.assertEqual(bytes(backend.conversations[0].received), b"ab" * (1 << 19))

    def test_answers_requests_with_the_same_bytes(self) -> None:
        backend = self.start(CountingBackend(OK))
        plain = b"GET / HTTP/1.1\r\n\r\n"
        sized = b"POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc"
        chunked = (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nT: 1\r\n\r\n"
        )
        got = raw_exchange(backend.port, plain + sized + chunked + plain, half_close=True)
        self.assertEqual(got, OK * 4)

    def test_a_script_reads_a_request(self) -> None:
        requests: list[tuple[bytes, bytes]] = []

        def script(conversation: Conversation) -> None:
            requests.append(conversation.read_request())

        backend = self.start(CountingBackend(script))
        raw_exchange(
            backend.port, b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        )
        self.assertEqual(requests, [(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"abc")])

    def test_half_a_request_is_no_error(self) -> None:
        backend = self.start(CountingBackend(OK))
        self.assertEqual(raw_exchange(backend.port, b"GET / HT", half_close=True), b"")
        self.assertTrue(backend.conversations[0].ended)

    def test_finish_ends_one_direction(self) -> None:
        def script(conversation: Conversation) -> None:
            conversation.finish()
            conversation.read_all()

        backend = self.start(CountingBackend(script))
        with socket.create_connection((LOOPBACK, backend.port), timeout=5) as sock:
            self.assertEqual(sock.recv(1), b"")
            sock.sendall(b"still here")
        eventually(lambda: backend.bytes_in == 10)

    def test_close_ends_what_is_open(self) -> None:
        def script(conversation: Conversation) -> None:
            conversation.wait(60)

        backends = [self.start(CountingBackend()), self.start(CountingBackend(script))]
        for backend in backends:
            with socket.create_connection((LOOPBACK, backend.port), timeout=5) as sock:
                eventually(lambda backend=backend: backend.open == 1)  # type: ignore[misc]
                backend.close()
                self.assertEqual(sock.recv(1), b"")
            self.assertFalse(answers(backend.port))

    def test_the_same_port_again(self) -> None:
        first = self.start(CountingBackend(OK))
        raw_exchange(first.port, b"", half_close=True)
        first.close()
        second = self.start(CountingBackend(OK, port=first.port))
        self.assertEqual(second.port, first.port)
        self.assertTrue(answers(first.port))

    def test_a_wrong_script_fails_the_test(self) -> None:
        def script(conversation: Conversation) -> None:
            conversation.read()
            raise ValueError("wrong script")

        backend = CountingBackend(script)
        backend.start()
        raw_exchange(backend.port, b"x")
        failure = self.assertRaises(AssertionError, backend.close)
        self.assertIn("wrong script", str(failure))
