"""The kernel is asked about real connections."""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from tests.loopback.sockets import eventually
from toron.net.socket_state import bytes_both_ways, bytes_taken, is_quiet


class Wrapped:
    """A socket as a transport shows it."""

    def __init__(self, handle: socket.socket) -> None:
        self.handle = handle

    def getHandle(self) -> socket.socket:
        return self.handle


class States(SynchronousTestCase):
    """A connection over loopback."""

    def setUp(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.peer = socket.create_connection(listening.getsockname())
            self.ours, _ = listening.accept()
        self.addCleanup(self.peer.close)
        self.addCleanup(self.ours.close)
        self.transport = Wrapped(self.ours)

    def test_bytes_taken(self) -> None:
        before = bytes_taken(self.transport)
        self.ours.send(bytes(1000))
        eventually(lambda: bytes_taken(self.transport) == before + 1000, what="1000 bytes are taken")

    def test_a_peer_that_takes_nothing(self) -> None:
        self.ours.setblocking(False)
        sent = 0
        try:
            while sent < 1 << 30:
                sent += self.ours.send(bytes(1 << 16))
        except BlockingIOError:
            self.assertGreater(sent, 0)
        taken = bytes_taken(self.transport)
        self.assertLess(taken, sent)
        self.assertEqual(bytes_taken(self.transport), taken)

    def test_bytes_both_ways(self) -> None:
        self.ours.send(bytes(1000))
        self.peer.send(bytes(300))
        eventually(
            lambda: bytes_both_ways(self.transport) == (300, bytes_taken(self.transport)), what="300 came"
        )
        eventually(lambda: (bytes_both_ways(self.transport)[1] or 0) >= 1000, what="1000 bytes are taken")

    def test_bytes_of_what_is_no_tcp(self) -> None:
        with socket.socket(socket.AF_UNIX) as sock:
            self.assertEqual(bytes_both_ways(Wrapped(sock)), (None, None))
        self.assertEqual(bytes_both_ways(object()), (None, None))

    def test_quiet(self) -> None:
        self.assertTrue(is_quiet(self.transport))
        self.peer.send(b"x")
        self.assertFalse(is_quiet(self.transport))
        self.ours.recv(1)
        self.assertTrue(is_quiet(self.transport))
        self.peer.close()
        self.assertFalse(is_quiet(self.transport))
