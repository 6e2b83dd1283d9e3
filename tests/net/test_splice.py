"""Bytes go from socket to socket through a pipe that is held only while something is in it."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from toron.net import splice
from toron.net.splice import SIZE, Pipe, Pipes, Splicer


def descriptors() -> int:
    """How many are open."""
    return len(os.listdir("/proc/self/fd"))


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection; neither blocks."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        far = socket.create_connection(listening.getsockname())
        near, _ = listening.accept()
    far.setblocking(False)
    near.setblocking(False)
    return far, near


class Pooled(SynchronousTestCase):
    """Pipes that are used again."""

    def setUp(self) -> None:
        self.before = descriptors()
        self.pipes = Pipes(most=3, spare=2)

    def take(self) -> Pipe:
        pipe = self.pipes.take()
        assert pipe is not None
        return pipe

    def test_an_empty_one_is_used_again(self) -> None:
        first = self.take()
        self.pipes.give_back(first, empty=True)
        self.assertIs(self.take(), first)
        self.pipes.give_back(first, empty=False)

    def test_one_that_is_not_empty_is_not(self) -> None:
        first = self.take()
        self.pipes.give_back(first, empty=False)
        self.assertEqual(descriptors(), self.before)
        second = self.take()
        self.assertIsNot(second, first)
        self.pipes.give_back(second, empty=False)

    def test_there_is_a_bound(self) -> None:
        taken = [self.take() for _ in range(3)]
        self.assertIsNone(self.pipes.take())
        for pipe in taken:
            self.pipes.give_back(pipe, empty=True)
        self.assertEqual(descriptors(), self.before + 4, "two are kept")
        self.assertIsNot(self.take(), self.take())
        for pipe in taken[:2]:
            pipe.close()

    def test_no_descriptor_is_left(self) -> None:
        def none(flags: int) -> None:
            raise OSError(errno.EMFILE, "too many")

        self.patch(os, "pipe2", none)
        self.assertIsNone(self.pipes.take())

    def test_its_size(self) -> None:
        pipe = self.take()
        self.assertGreaterEqual(fcntl.fcntl(pipe.read_end, fcntl.F_GETPIPE_SZ), SIZE)
        for end in (pipe.read_end, pipe.write_end):
            self.assertFalse(os.get_blocking(end) or os.get_inheritable(end))
        pipe.close()

    def test_the_usual_size_where_more_is_refused(self) -> None:
        for size, usable in ((65536, True), (8192, False)):
            self.patch(splice, "fcntl", Stingy(size))
            pipe = self.pipes.take()
            self.assertEqual(pipe is not None, usable)
            if pipe is not None:
                pipe.close()
        self.assertEqual(descriptors(), self.before)


class Stingy:
    """A system whose pipes have one size."""

    F_SETPIPE_SZ, F_GETPIPE_SZ = fcntl.F_SETPIPE_SZ, fcntl.F_GETPIPE_SZ

    def __init__(self, size: int) -> None:
        self.size = size

    def fcntl(self, descriptor: int, operation: int, value: int = 0) -> int:
        if operation == self.F_SETPIPE_SZ:
            raise PermissionError(errno.EPERM, "too much")
        return self.size


class Moving(SynchronousTestCase):
    """From one connection to another."""

    def setUp(self) -> None:
        self.far_source, self.source = pair()
        self.far_destination, self.destination = pair()
        for each in (self.far_source, self.source, self.far_destination, self.destination):
            self.addCleanup(each.close)
        self.pipes = Pipes(most=1, spare=1)
        self.splicer = Splicer(self.source, self.destination, pipes=self.pipes)

    def test_there_and_through(self) -> None:
        self.far_source.send(b"some bytes")
        self.assertEqual(self.splicer.fill(), 10)
        self.assertEqual((self.splicer.held, self.pipes.take()), (10, None), "it holds the pipe")
        self.assertEqual(self.splicer.drain(), 10)
        self.assertEqual(self.splicer.held, 0)
        self.assertEqual(self.far_destination.recv(100), b"some bytes")
        pipe = self.pipes.take()
        assert pipe is not None
        self.pipes.give_back(pipe, empty=True)

    def test_nothing_has_come(self) -> None:
        self.assertRaises(BlockingIOError, self.splicer.fill)
        self.assertEqual(self.splicer.held, 0)
        self.assertIsNotNone(self.pipes.take())

    def test_the_end(self) -> None:
        self.far_source.shutdown(socket.SHUT_WR)
        self.assertEqual(self.splicer.fill(), 0)
        self.assertIsNotNone(self.pipes.take())

    def test_no_pipe(self) -> None:
        self.assertIsNotNone(self.pipes.take())
        self.far_source.send(b"x")
        self.assertIsNone(self.splicer.fill())
        self.assertEqual(self.source.recv(9), b"x")

    def test_no_more_than_is_wanted(self) -> None:
        splicer = Splicer(self.source, self.destination, 6, self.pipes)
        self.far_source.send(b"onetwothree")
        self.assertEqual((splicer.fill(), splicer.left), (6, 0))
        splicer.drain()
        self.assertEqual(splicer.fill(), 0)
        self.assertEqual(self.far_destination.recv(100), b"onetwo")
        self.assertEqual(self.source.recv(100), b"three")

    def fill_destination(self) -> bytes:
        """Move, until the destination takes no more; returns what was sent."""
        sent = bytearray()
        piece = bytes(range(256)) * 64
        while True:
            sent += piece[: self.far_source.send(piece)]
            self.splicer.fill()
            try:
                while self.splicer.held:
                    self.splicer.drain()
            except BlockingIOError:
                return bytes(sent)

    def test_a_destination_that_is_full(self) -> None:
        sent = self.fill_destination()
        got = bytearray()
        while len(got) < len(sent):
            try:
                got += self.far_destination.recv(1 << 20)
            except BlockingIOError:
                self.splicer.drain()
        self.assertEqual(bytes(got), sent)

    def test_what_is_given_up_is_nobody_elses(self) -> None:
        before = descriptors()
        self.fill_destination()
        self.splicer.drop()
        self.splicer.drop()
        self.assertEqual((self.splicer.held, descriptors()), (0, before))
        self.assertIsNotNone(self.pipes.take(), "there is room for another")

    def test_what_cannot_be_spliced(self) -> None:
        def refuse(*_: Any, **__: Any) -> None:
            raise OSError(errno.EINVAL, "not these")

        self.patch(os, "splice", refuse)
        error = self.assertRaises(OSError, self.splicer.fill)
        self.assertIn(error.errno, splice.REFUSALS)
        self.assertIsNotNone(self.pipes.take())
