"""Connections that nobody reads from: a reset is noticed, an end is left for later."""

from __future__ import annotations

import socket
import struct

from twisted.trial.unittest import SynchronousTestCase

from toron.net.stalled import Stalled


class End:
    """One side, with a socket of its own."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.told = 0

    def fileno(self) -> int:
        return self.sock.fileno()

    def broken(self) -> None:
        self.told += 1


class Stalls(SynchronousTestCase):
    """A connection, and who looks at it."""

    def setUp(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        self.client = socket.create_connection(listener.getsockname())
        self.addCleanup(self.client.close)
        accepted, _ = listener.accept()
        self.addCleanup(accepted.close)
        self.end = End(accepted)
        self.stalled = Stalled()
        self.stalled.add(self.end)
        self.stalled.add(self.end)

    def reset(self) -> None:
        """The client drops its connection."""
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.client.close()

    def test_a_reset(self) -> None:
        self.client.sendall(b"unread")
        self.reset()
        self.stalled.look(10.0)
        self.assertEqual(self.end.told, 1)

    def test_an_end_is_none(self) -> None:
        self.client.sendall(b"unread")
        self.client.close()
        self.end.sock.shutdown(socket.SHUT_WR)
        self.stalled.look(10.0)
        self.assertEqual(self.end.told, 0)

    def test_it_looks_once_a_second(self) -> None:
        self.stalled.look(10.0)
        self.reset()
        self.stalled.look(10.9)
        self.assertEqual(self.end.told, 0)
        self.stalled.look(11.0)
        self.assertEqual(self.end.told, 1)

    def test_who_is_read_again_is_not_looked_at(self) -> None:
        self.reset()
        self.stalled.discard(self.end)
        self.stalled.discard(self.end)
        self.stalled.look(10.0)
        self.assertEqual(self.end.told, 0)
