"""What a parent has made is what its worker gets."""

from __future__ import annotations

import os
import socket

from twisted.trial.unittest import SynchronousTestCase

from toron.net.inheritance import Inheritance, Inherited
from toron.net.sockets import CannotListen


class InheritanceTests(SynchronousTestCase):
    def test_values(self) -> None:
        parent = Inheritance(4)
        self.assertEqual(parent.once(("a", 1), lambda: b"made"), b"made")
        worker = Inherited(4, 1, parent.values, {}, {})
        self.assertEqual((worker.seats, worker.seat, parent.seat), (4, 1, 0))
        self.assertEqual(worker.once(("a", 1), lambda: b"made again"), b"made")
        self.assertRaises(KeyError, worker.once, ("a", 2), lambda: b"never asked for")

    def test_memory(self) -> None:
        parent = Inheritance(4)
        theirs = parent.memory("m", 32)
        self.addCleanup(os.close, theirs.fd)
        fd = os.dup(theirs.fd)
        self.addCleanup(os.close, fd)
        worker = Inherited(4, 1, {}, {"m": fd}, {})
        ours = worker.memory("m", 32)
        theirs.view[:2] = b"hi"
        self.assertEqual((bytes(ours.view[:3]), len(ours.view)), (b"hi\0", 32))
        self.assertRaises(KeyError, worker.memory, "m", 32)

    def test_sockets(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as opened:
            worker = Inherited(4, 1, {}, {}, {"web": os.dup(opened.fileno())})
            with worker.opened("web", None, 0, backlog=5) as got:
                self.assertEqual(got.getsockname(), opened.getsockname())
        self.assertRaisesRegex(CannotListen, "'web' was given no socket", worker.opened, "web", None, 0)
