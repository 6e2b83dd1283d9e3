"""One process reads a UDP socket, and another gets what is not for the first, in order and whole."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.interfaces import IReadDescriptor, IReadWriteDescriptor
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.net.turns import Turns
from toron.net.detour import MOST, Detoured, PassingOn

HERE, THERE = ("192.0.2.1", 5), ("2001:db8::1", 6, 0, 2)


class Listener:
    """Takes all there is, at most `batch` at a time."""

    batch = 64

    def __init__(self, source: Any) -> None:
        self.source = source
        self.got: list[Any] = []

    def doRead(self) -> None:
        for _ in range(self.batch):
            try:
                data, ancillary, _, address = self.source.recvmsg(100, 100)
            except BlockingIOError:
                return
            self.got.append((data, address, ancillary[0][2] if ancillary else b""))

    def fileno(self) -> int:
        return int(self.source.fileno())


class DetourCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = Turns()
        self.lost: list[int] = []
        ours, self.theirs = socket.socketpair()
        self.passing = PassingOn(self.reactor, ours, lambda: self.lost.append(1))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp.setblocking(False)
        self.source = Detoured(self.udp, self.theirs)
        self.listener = Listener(self.source)
        self.addCleanup(self.passing.close)
        self.addCleanup(self.source.close)

    def until(self, count: int) -> list[Any]:
        self.reactor.until(lambda: len(self.listener.got) >= count)
        return self.listener.got


class Detours(DetourCase):
    def test_datagrams_come_as_they_were(self) -> None:
        self.source.follow(self.reactor, self.listener)
        for passed in ((b"one", HERE, b""), (b"", THERE, b"via"), (b"x" * 65507, HERE, b"v")):
            self.assertTrue(self.passing.send(*passed))
        self.assertEqual(
            self.until(3), [(b"one", HERE, b""), (b"", THERE, b"via"), (b"x" * 65507, HERE, b"v")]
        )

    def test_without_where_it_came_to(self) -> None:
        self.passing.send(b"one", HERE, b"via")
        self.assertEqual(self.source.recvfrom(100), (b"one", HERE))
        self.assertRaises(BlockingIOError, self.source.recvfrom, 100)

    def test_byte_by_byte(self) -> None:
        self.source.follow(self.reactor, self.listener)
        left, right = socket.socketpair()
        self.addCleanup(left.close)
        self.addCleanup(right.close)
        collected = PassingOn(self.reactor, left, list)
        self.addCleanup(collected.close)
        collected.send(b"one", HERE, b"via")
        collected.send(b"two", THERE, b"")
        for byte in right.recv(1000):
            self.passing._socket.send(bytes([byte]))
            self.reactor.turn()
        self.assertEqual(self.until(2), [(b"one", HERE, b"via"), (b"two", THERE, b"")])

    def test_others_get_their_turn(self) -> None:
        self.listener.batch = 2
        self.source.follow(self.reactor, self.listener)
        for number in range(9):
            self.passing.send(b"%d" % number, HERE, b"")
        assert self.source._follower is not None
        self.source._follower.doRead()
        self.assertEqual((len(self.listener.got), self.source.more), (2, True))
        self.until(9)
        self.assertEqual([data for data, _, _ in self.listener.got], [b"%d" % number for number in range(9)])

    def test_what_waits_is_bounded(self) -> None:
        data = bytes(60_000)
        sent = 0
        while self.passing.send(data, HERE, b""):
            sent += 1
        self.assertLess(len(self.passing._waiting), MOST + 61_000)
        self.source.follow(self.reactor, self.listener)
        self.assertEqual(len(self.until(sent)), sent, "what was taken comes")
        self.assertEqual(self.reactor.writers, set())

    def test_the_one_that_reads_ends(self) -> None:
        self.source.follow(self.reactor, self.listener)
        self.passing.send(b"the last", HERE, b"")
        self.passing.close()
        self.udp.sendto(b"the first", self.udp.getsockname())
        got = self.until(2)
        self.assertEqual([data for data, _, _ in got], [b"the last", b"the first"])
        self.assertEqual(self.reactor.readers, {self.listener})
        self.udp.sendto(b"x", self.udp.getsockname())
        self.reactor.turn()
        self.assertFalse(self.passing.send(b"x", HERE, b""))
        self.source.leave(self.reactor, self.listener)
        self.assertEqual(self.reactor.readers, set())

    def test_it_had_ended_before(self) -> None:
        self.passing.close()
        self.assertRaises(BlockingIOError, self.source.recvfrom, 100)
        self.source.follow(self.reactor, self.listener)
        self.assertEqual(self.reactor.readers, {self.listener})
        self.udp.sendto(b"x", self.udp.getsockname())
        self.assertEqual(self.source.recvfrom(100), (b"x", self.udp.getsockname()))

    def test_a_pause(self) -> None:
        self.source.follow(self.reactor, self.listener)
        self.source.leave(self.reactor, self.listener)
        self.passing.send(b"x", HERE, b"")
        self.reactor.turn()
        self.assertEqual((self.reactor.readers - {self.passing}, self.listener.got), (set(), []))
        self.source.follow(self.reactor, self.listener)
        self.assertEqual(len(self.until(1)), 1)

    def test_nobody_is_at_the_other_end(self) -> None:
        self.source.close()
        self.reactor.until(lambda: self.lost)
        self.assertEqual((self.passing.fileno(), self.passing.send(b"x", HERE, b"")), (-1, False))
        self.passing.doWrite()
        self.passing.doRead()
        self.assertEqual(self.lost, [1])

    def test_it_is_found_out_by_sending(self) -> None:
        self.source.close()
        self.passing.send(b"x", HERE, b"")
        self.assertEqual((self.lost, self.reactor.writers), ([1], set()))

    def test_the_reactor_sees_an_error(self) -> None:
        self.passing.connectionLost(Failure(ConnectionResetError()))
        self.assertEqual(self.lost, [1])
        self.source.follow(self.reactor, self.listener)
        follower = self.source._follower
        assert follower is not None
        follower.connectionLost(Failure(ConnectionResetError()))
        self.assertEqual(self.reactor.readers, {self.listener})

    def test_what_reactors_want(self) -> None:
        verifyObject(IReadWriteDescriptor, self.passing)
        self.source.follow(self.reactor, self.listener)
        verifyObject(IReadDescriptor, self.source._follower)
        self.assertEqual((self.passing.logPrefix(), self.source._follower.logPrefix()), ("detour", "detour"))  # type: ignore[union-attr]

    def test_all_else_is_the_socket(self) -> None:
        self.assertEqual((self.source.fileno(), self.source.family), (self.udp.fileno(), socket.AF_INET))
        self.source.sendto(b"x", self.udp.getsockname())
        self.assertEqual(self.udp.recv(10), b"x")
