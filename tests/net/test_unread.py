"""Clients that go away are noticed although nobody reads from them."""

from __future__ import annotations

import socket
import struct

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from toron.net.sweep import Sweep
from toron.net.unread import UnreadConnections


class Held:
    """A connection over real sockets, and what it was told."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.peer = socket.create_connection(listening.getsockname())
            self.ours, _ = listening.accept()
        self.transport = self
        self.told: list[str] = []

    def getHandle(self) -> socket.socket:
        return self.ours

    def client_ended(self) -> None:
        self.told.append("ended")

    def client_reset(self) -> None:
        self.told.append("reset")

    def reset(self) -> None:
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.peer.close()

    def close(self) -> None:
        self.peer.close()
        self.ours.close()


class Unread(SynchronousTestCase):
    """Looked at with every sweep."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.sweep = Sweep(self.clock)
        self.unread = UnreadConnections(self.sweep)
        self.one, self.two = Held(), Held()
        self.addCleanup(self.one.close)
        self.addCleanup(self.two.close)

    def look(self) -> list[list[str]]:
        self.clock.advance(0.2)
        self.sweep.look()
        return [self.one.told, self.two.told]

    def test_the_living_are_left_alone(self) -> None:
        self.unread.add(self.one)
        self.one.peer.send(b"more")
        self.assertEqual([self.look() for _ in range(3)], [[[], []]] * 3)

    def test_an_end_and_a_reset(self) -> None:
        self.unread.add(self.one)
        self.unread.add(self.two)
        self.one.peer.send(b"last words")
        self.one.peer.shutdown(socket.SHUT_WR)
        self.assertEqual(self.look(), [["ended"], []])
        self.two.reset()
        self.assertEqual(self.look(), [["ended"], ["reset"]])
        self.assertEqual(self.look(), [["ended"], ["reset"]], "once is enough")

    def test_removed_and_added_again(self) -> None:
        descriptor = self.unread.add(self.one)
        self.unread.remove(descriptor)
        self.unread.remove(descriptor)
        self.one.reset()
        self.assertEqual(self.look(), [[], []])
        self.unread.add(self.one)
        self.assertEqual(self.look(), [["reset"], []])

    def test_one_that_removes_another(self) -> None:
        self.unread.add(self.one)
        other = self.unread.add(self.two)
        self.one.client_reset = lambda: self.unread.remove(other)  # type: ignore[method-assign]
        self.one.reset()
        self.two.reset()
        self.look()
        self.assertIn(self.two.told, ([], ["reset"]))
        self.assertEqual(self.sweep._timed, set())
