"""The UDP backend answers each client, counts, and fails the test when its answer is wrong."""

from __future__ import annotations

import socket

from tests.loopback.case import LoopbackTestCase
from tests.loopback.sockets import LOOPBACK, eventually
from tests.loopback.udp_echo import UdpEcho


class UdpEchoes(LoopbackTestCase):
    """UdpEcho."""

    def client(self) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(5)
        self.addCleanup(sock.close)
        return sock

    def test_each_client_hears_its_own(self) -> None:
        backend = self.start(UdpEcho())
        clients = [self.client() for _ in range(3)]
        for number, client in enumerate(clients):
            client.sendto(b"%d" % number, (LOOPBACK, backend.port))
        self.assertEqual([client.recv(10) for client in clients], [b"0", b"1", b"2"])
        self.assertEqual(len(backend.clients), 3)
        self.assertEqual(sorted(backend.datagrams), [b"0", b"1", b"2"])

    def test_several_answers_or_none(self) -> None:
        backend = self.start(UdpEcho(lambda datagram: [datagram] * int(datagram)))
        client = self.client()
        client.sendto(b"0", (LOOPBACK, backend.port))
        client.sendto(b"2", (LOOPBACK, backend.port))
        self.assertEqual([client.recv(10), client.recv(10)], [b"2", b"2"])

    def test_a_wrong_answer_fails_the_test(self) -> None:
        backend = UdpEcho(lambda datagram: [datagram] * int(datagram))
        backend.start()
        self.client().sendto(b"two", (LOOPBACK, backend.port))
        eventually(lambda: backend.errors)
        self.assertRaises(AssertionError, backend.close)
