"""A UDP session ends when it is idle or has its answers, and there are never too many."""

from __future__ import annotations

import socket
import time

from tests.loopback.peers import Gateway, UdpEcho, eventually
from tests.loopback.udp_clients import UdpTestCase, config


class Sessions(UdpTestCase):
    """The end of sessions."""

    def test_idle(self) -> None:
        echo = self.start(UdpEcho())
        gateway = self.start(Gateway(config(echo.port, more=", address: 127.0.0.1, idle: 500ms")))
        client = self.client(gateway.port)
        for _ in range(4):
            self.assertEqual(self.ask(client, b"x"), b"x")
            time.sleep(0.25)
        self.assertEqual(len(echo.clients), 1, "what is used does not end")
        self.assertEqual(self.sessions(gateway), 1)
        eventually(lambda: self.sessions(gateway) == 0, what="the end of the session")
        self.assertEqual(self.ask(client, b"y"), b"y")
        self.assertEqual(len(echo.clients), 2)
        line = gateway.ended(1)[0]
        self.assertEqual((line["packets_in"], line["packets_out"]), (4, 4))
        self.assertGreater(line["duration_ms"], 1000)

    def test_descriptors_are_given_back(self) -> None:
        echo = self.start(UdpEcho())
        gateway = self.start(Gateway(config(echo.port, more=", address: 127.0.0.1, idle: 400ms")))
        self.ask(self.client(gateway.port), b"x")
        eventually(lambda: self.sessions(gateway) == 0)
        before = self.descriptors(gateway)
        for _ in range(100):
            self.ask(self.client(gateway.port), b"x")
        self.assertGreaterEqual(self.descriptors(gateway), before + 50)
        # The admin connection that was asked for the sessions may have been open still.
        eventually(lambda: self.descriptors(gateway) <= before, what="the end of the sockets")

    def test_at_most(self) -> None:
        echo = self.start(UdpEcho())
        more = ", address: 127.0.0.1, idle: 400ms, sessions: 3"
        gateway = self.start(Gateway(config(echo.port, more=more)))
        clients = [self.client(gateway.port) for _ in range(3)]
        for client in clients:
            self.ask(client, b"x")
        fourth = self.client(gateway.port)
        fourth.settimeout(0.2)
        fourth.send(b"x")
        self.assertRaises(TimeoutError, fourth.recv, 10)
        self.assertEqual(self.ask(clients[0], b"still"), b"still")
        self.assertEqual(gateway.ended(1)[0]["reason"], "too_many_sessions")
        eventually(lambda: self.sessions(gateway) == 0)

        def answered() -> bytes:
            fourth.send(b"z")
            try:
                return fourth.recv(10)
            except TimeoutError:
                return b""

        self.assertEqual(eventually(answered), b"z")

    def test_after_so_many_answers(self) -> None:
        echo = self.start(UdpEcho(lambda datagram: [datagram, datagram, datagram]))
        more = ", address: 127.0.0.1, responses: 2"
        gateway = self.start(Gateway(config(echo.port, more=more)))
        client = self.client(gateway.port)
        client.send(b"x")
        self.assertEqual([client.recv(10), client.recv(10)], [b"x", b"x"])
        client.settimeout(0.2)
        self.assertRaises(TimeoutError, client.recv, 10)
        self.assertEqual(self.sessions(gateway), 0)
        self.assertEqual(gateway.ended(1)[0]["packets_out"], 2)

    def test_two_questions_at_once_get_both_answers(self) -> None:
        """A resolver asks for A and AAAA from one port; `responses` counts for each question."""
        held: list[bytes] = []

        def answer(datagram: bytes) -> list[bytes]:
            held.append(datagram)
            return held if len(held) == 2 else []

        echo = self.start(UdpEcho(answer))
        gateway = self.start(Gateway(config(echo.port, more=", address: 127.0.0.1, responses: 1")))
        client = self.client(gateway.port)
        client.send(b"A")
        client.send(b"AAAA")
        self.assertEqual([client.recv(10), client.recv(10)], [b"A", b"AAAA"])
        line = gateway.ended(1)[0]
        self.assertEqual((line["packets_in"], line["packets_out"]), (2, 2))

    def test_an_answer_that_comes_too_late_goes_nowhere(self) -> None:
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(server.close)
        server.bind(("127.0.0.1", 0))
        server.settimeout(2)
        more = ", address: 127.0.0.1, idle: 200ms"
        gateway = self.start(Gateway(config(server.getsockname()[1], more=more)))
        client = self.client(gateway.port)
        client.send(b"x")
        _, session = server.recvfrom(100)
        eventually(lambda: self.sessions(gateway) == 0)
        server.sendto(b"late", session)
        client.settimeout(0.2)
        self.assertRaises(TimeoutError, client.recv, 10)
        client.settimeout(2)
        client.send(b"again")
        _, another = server.recvfrom(100)
        server.sendto(b"answer", another)
        self.assertEqual(client.recv(100), b"answer")
