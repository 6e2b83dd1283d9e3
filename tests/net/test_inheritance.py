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
        self.assertEqual(parent.once("a", lambda: b"made"), b"made")
        self.assertEqual(parent.once("a", lambda: b"more"), b"more")
        worker = Inherited(4, 1, parent.values, {}, {}, {})
        self.assertEqual((worker.seats, worker.seat, parent.seat), (4, 1, 0))
        self.assertEqual(worker.once("a", lambda: b"made again"), b"made")
        self.assertEqual(worker.once("a", lambda: b"made again"), b"more")
        self.assertRaises(KeyError, worker.once, "b", lambda: b"never asked for")

    def test_what_goes_on_to_the_next_composition(self) -> None:
        first = Inheritance(4)
        for piece in ("kept", "new", "gone"):
            first.once(piece, lambda: b"first")
        memory = first.memory("kept", 32)
        second = Inheritance(4, first)
        second.begin("new")
        second.once("new", lambda: b"second")
        second.keep(lambda piece: piece != "gone")
        self.assertEqual(second.values, {"kept": [b"first"], "new": [b"second"]})
        self.assertIs(second.memories["kept"][0], memory)
        self.assertEqual(first.values["new"], [b"first"], "as long as the first serves")

    def test_memory(self) -> None:
        parent = Inheritance(4)
        theirs = parent.memory("m", 32)
        worker = Inherited(4, 1, {}, {"m": [os.dup(theirs.fd)]}, {}, {})
        ours = worker.memory("m", 32)
        theirs.view[:2] = b"hi"
        self.assertEqual((bytes(ours.view[:3]), len(ours.view)), (b"hi\0", 32))
        self.assertRaises(StopIteration, worker.memory, "m", 32)

    def test_memory_that_nobody_has_any_more(self) -> None:
        parent = Inheritance(4)
        fd = parent.memory("m", 32).fd
        parent.keep(lambda piece: False)
        self.assertRaises(OSError, os.fstat, fd)

    def test_memory_that_the_next_one_does_not_need(self) -> None:
        first = Inheritance(4)
        kept, gone = first.memory("kept", 32), first.memory("gone", 32)
        second = Inheritance(4, first)
        second.keep(lambda piece: piece == "kept")
        first.close(second)
        os.fstat(kept.fd)
        self.assertRaises(OSError, os.fstat, gone.fd)

    def test_sockets(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as opened:
            worker = Inherited(4, 1, {}, {}, {"web": os.dup(opened.fileno())}, {})
            with worker.opened("web", None, 0, backlog=5) as got:
                self.assertEqual(got.getsockname(), opened.getsockname())
        self.assertRaisesRegex(CannotListen, "'web' was given no socket", worker.opened, "web", None, 0)

    def test_what_nobody_asks_for_is_closed(self) -> None:
        opened = [socket.create_server(("127.0.0.1", 0)).detach() for _ in range(2)]
        theirs = Inheritance(4).memory("m", 32)
        memories = [os.dup(theirs.fd) for _ in range(2)]
        worker = Inherited(4, 1, {}, {"m": memories}, dict(zip(("web", "more"), opened, strict=True)), {})
        memory = worker.memory("m", 32)
        with worker.opened("web", None, 0):
            worker.let_go()
            worker.let_go()
            for each in (opened[0], memory.fd):
                os.fstat(each)
            for each in (opened[1], memories[1]):
                self.assertRaises(OSError, os.fstat, each)
        self.assertFalse(worker.opens("more"))
