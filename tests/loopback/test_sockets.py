"""Raw exchanges see every way a server can end a connection."""

from __future__ import annotations

import socket
import subprocess
import sys

from tests.loopback.backends import CountingBackend
from tests.loopback.case import LoopbackTestCase
from tests.loopback.conversation import Conversation
from tests.loopback.gateway import ROOT
from tests.loopback.sockets import LOOPBACK, answers, eventually, free_port, raw_exchange


class Sockets(LoopbackTestCase):
    """What a test does with raw sockets."""

    def test_free_ports_are_free_and_never_the_same(self) -> None:
        ports = [free_port() for _ in range(50)]
        self.assertEqual(len(set(ports)), 50)
        with socket.create_server((LOOPBACK, ports[0])):
            self.assertTrue(answers(ports[0]))
        self.assertFalse(answers(ports[0]))

    def test_a_taken_port_is_not_free(self) -> None:
        with socket.create_server((LOOPBACK, 0)) as taken:
            port = taken.getsockname()[1]
            self.patch(__import__("tests.loopback.sockets", fromlist=["PORTS"]), "PORTS", [port] * 5000)
            self.assertRaises(AssertionError, free_port, "tcp")
            self.assertEqual(free_port("udp"), port)

    def test_two_processes_never_get_the_same(self) -> None:
        program = "from tests.loopback.sockets import free_port; print([free_port() for _ in range(200)])"
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
        )
        theirs = set(map(int, done.stdout.strip(" []\n").split(",")))
        self.assertEqual(len(theirs), 200)
        self.assertEqual(theirs & {free_port() for _ in range(200)}, set())

    def test_until_the_end(self) -> None:
        backend = self.start(CountingBackend(lambda conversation: conversation.send(b"one" * 100_000)))
        self.assertEqual(raw_exchange(backend.port, b""), b"one" * 100_000)

    def test_until_a_mark(self) -> None:
        def script(conversation: Conversation) -> None:
            conversation.send(b"head\r\n\r\n")
            conversation.read_all()

        backend = self.start(CountingBackend(script))
        self.assertEqual(raw_exchange(backend.port, b"", until=b"\r\n\r\n"), b"head\r\n\r\n")

    def test_half_close_is_seen(self) -> None:
        def script(conversation: Conversation) -> None:
            conversation.read_all()
            conversation.send(b"after your end")

        backend = self.start(CountingBackend(script))
        self.assertEqual(raw_exchange(backend.port, b"x", half_close=True), b"after your end")

    def test_a_reset_is_an_end(self) -> None:
        def script(conversation: Conversation) -> None:
            conversation.read()
            conversation.reset()

        backend = self.start(CountingBackend(script))
        self.assertEqual(raw_exchange(backend.port, b"x"), b"")

    def test_silence_is_not_an_end(self) -> None:
        backend = self.start(CountingBackend())
        self.assertRaises(TimeoutError, raw_exchange, backend.port, b"x", 0.2)

    def test_eventually(self) -> None:
        answers_in_turn = iter([0, 0, 7])
        self.assertEqual(eventually(lambda: next(answers_in_turn)), 7)
        failure = self.assertRaises(AssertionError, eventually, lambda: "", 0.05, "rain")
        self.assertEqual(str(failure), "rain did not happen within 0.05 s: ''")
