"""Bulk takes the shortcut, small messages do not, and nobody outside can tell the difference."""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import Any

from tests.net.turning import TurningCase
from toron.core.wait import Task
from toron.net import splice
from toron.net.connection import NOBODY
from toron.net.relay import Relay
from toron.net.splice import Pipes
from toron.net.stream import Stream
from toron.net.sweep import NEVER, Sweep

MIB = 1 << 20
PATTERN = os.urandom(MIB + 1)
"""Not a whole number of pages, so that a piece that is lost or out of order shows."""


class Shortened(TurningCase):
    """A relay between two real connections; the test has the far ends of both."""

    websocket = False

    def setUp(self) -> None:
        super().setUp()
        self.calls = 0
        self.pipes = Pipes(most=4, spare=0)
        self.patch(splice.Splicer.__init__, "__defaults__", (None, self.pipes))
        genuine = os.splice

        def counted(*arguments: Any, **more: Any) -> int:
            self.calls += 1
            return genuine(*arguments, **more)

        self.patch(os, "splice", counted)
        self.sweep = Sweep(self.reactor)
        self.relay = Relay(self.sweep, 10.0, websocket=self.websocket)
        self.client, near_client = self.sockets()
        self.server, near_server = self.sockets()
        for each in (self.client, self.server):
            each.setblocking(False)
        self.streams = [
            Stream(near, NOBODY, ("127.0.0.1", 5), self.reactor) for near in (near_client, near_server)
        ]
        self.over = False

        async def wait() -> None:
            await self.relay.ended
            self.over = True

        Task(wait(), lambda _, error: None).start()
        self.relay.join(*self.streams)
        self.addCleanup(self._end)

    def _end(self) -> None:
        for stream in self.streams:
            if stream.connected:
                stream.abortConnection()
        self.turn()
        self.assertTrue(self.over)
        self.assertEqual(self.pipes._made, 0, "every pipe was given back")

    def send(self, sock: socket.socket, data: memoryview) -> memoryview:
        """Send what goes; returns what is left."""
        try:
            return data[sock.send(data[:MIB]) :]
        except BlockingIOError:
            return data

    def receive(self, sock: socket.socket, into: bytearray, most: int = MIB) -> bool:
        """Take what has come; False at the end of the stream."""
        try:
            data = sock.recv(most)
        except BlockingIOError:
            return True
        into += data
        return bool(data)

    def carry(self, source: socket.socket, destination: socket.socket, size: int) -> None:
        """So many bytes get there as they were sent."""
        whole = (PATTERN * (size // len(PATTERN) + 1))[:size]
        left, got = memoryview(whole), bytearray()

        def there() -> bool:
            nonlocal left
            left = self.send(source, left) if left else left
            self.receive(destination, got)
            return len(got) >= size

        self.turn_until(there)
        self.assertEqual(bytes(got) == whole, True, "byte for byte")

    def stuff(self) -> int:
        """Send from the client until the server, which reads nothing, holds it all up: how much."""
        sent, quiet = 0, 0
        while quiet < 20:
            left = memoryview(PATTERN)
            more = len(left) - len(self.send(self.client, left))
            quiet = 0 if more else quiet + 1
            sent += more
            self.turn()
        return sent

    def reset(self, sock: socket.socket) -> None:
        """Drop a connection with a RST."""
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()


class Bulk(Shortened):
    """What is large goes inside the kernel."""

    def test_both_ways(self) -> None:
        self.carry(self.client, self.server, 100 * MIB)
        there = self.calls
        self.assertGreater(there, 200)
        self.carry(self.server, self.client, 100 * MIB)
        self.assertGreater(self.calls - there, 200)
        relay = self.relay
        self.assertEqual((relay.client.received, relay.server.received), (100 * MIB, 100 * MIB))
        self.assertEqual(self.pipes._made, 0, "none is held while nothing is held up")

    def test_small_messages_stay(self) -> None:
        for size in (1, 100, 15_000) * 10:
            self.carry(self.client, self.server, size)
        self.assertEqual(self.calls, 0)

    def test_it_is_left_when_messages_are_small_again(self) -> None:
        self.carry(self.client, self.server, 2 * MIB)
        self.assertIsNotNone(self.streams[0].detour)
        for _ in range(4):
            self.carry(self.client, self.server, 100)
        self.assertIsNone(self.streams[0].detour)
        before = self.calls
        self.carry(self.client, self.server, 100)
        self.assertEqual(self.calls, before)
        self.carry(self.client, self.server, 2 * MIB)
        self.assertGreater(self.calls, before)

    def test_a_server_that_is_slow(self) -> None:
        sent = self.stuff()
        self.assertIsNotNone(self.streams[1].pending)
        self.assertEqual(self.pipes._made, 1)
        self.assertNotIn(self.streams[0], self.reactor.getReaders())
        self.assertLess(self.relay.client.received, sent)
        calls = self.calls
        for _ in range(50):
            self.turn()
        self.assertEqual(self.calls, calls, "it waits until it is told")
        self.carry(self.server, self.client, 3 * MIB)
        got = bytearray()
        self.client.shutdown(socket.SHUT_WR)
        self.turn_until(lambda: not self.receive(self.server, got, 1 << 16))
        self.assertEqual((len(got), self.relay.client.received), (sent, sent))
        self.assertIsNone(self.streams[1].pending)
        self.carry(self.server, self.client, 3 * MIB)
        self.assertFalse(self.over, "the other half goes on")
        self.server.close()
        self.turn_until(lambda: self.over)
        self.assertIsNone(self.relay.reason)

    def test_the_end_comes_after_what_was_held_up(self) -> None:
        sent = self.stuff()
        self.relay.client.readConnectionLost()
        got = bytearray()
        self.turn_until(lambda: not self.receive(self.server, got))
        self.assertEqual(len(got), self.relay.client.received)
        self.assertLessEqual(len(got), sent)

    def test_what_is_written_meanwhile_comes_after_it(self) -> None:
        self.stuff()
        self.streams[1].write(b"the end")
        self.streams[1].loseConnection()  # type: ignore[no-untyped-call]
        got = bytearray()
        self.turn_until(lambda: not self.receive(self.server, got))
        self.assertEqual(bytes(got[-7:]), b"the end")
        self.assertEqual(len(got), self.relay.client.received + 7)
        self.turn_until(lambda: self.over)

    def test_time_passes_only_while_nothing_moves(self) -> None:
        self.stuff()
        self.sweep.now += 9.0
        before = self.relay.deadline
        got = bytearray()
        self.turn_until(lambda: self.receive(self.server, got) and self.relay.deadline > before)
        self.assertIsNone(self.relay.reason)
        self.relay.expired(self.sweep.now + 11)
        self.turn_until(lambda: self.over)
        assert self.relay.reason is not None
        self.assertEqual(self.relay.reason.word, "idle_timeout")


class Broken(Shortened):
    """Connections that break in the middle."""

    def word(self) -> str:
        """Why it ended, once it has."""
        self.turn_until(lambda: self.over)
        assert self.relay.reason is not None
        return self.relay.reason.word

    def test_the_source(self) -> None:
        self.carry(self.client, self.server, 8 * MIB)
        self.reset(self.client)
        self.assertEqual(self.word(), "reset")
        self.assertRaises(ConnectionResetError, self.server.recv, 1)

    def test_the_source_while_it_is_held_up(self) -> None:
        self.stuff()
        self.reset(self.client)
        self.assertIn(self.relay.client, self.sweep.stalled._ends)
        self.sweep.stalled.look(NEVER)
        self.assertEqual(self.word(), "reset")

    def test_the_destination(self) -> None:
        self.carry(self.client, self.server, 8 * MIB)
        self.reset(self.server)
        self.client.send(PATTERN)
        self.assertEqual(self.word(), "upstream_reset")

    def test_the_destination_while_it_holds_up(self) -> None:
        self.stuff()
        self.reset(self.server)
        self.assertEqual(self.word(), "upstream_reset")

    def test_last_words(self) -> None:
        """A server that does not want the rest of an upload says so, and closes."""
        self.carry(self.client, self.server, 8 * MIB)
        self.client.send(PATTERN)
        self.server.send(b"too large")
        self.server.close()
        got = bytearray()

        def ended() -> bool:
            try:
                return not self.receive(self.client, got)
            except ConnectionResetError:
                return True

        self.turn_until(ended)
        self.assertEqual(bytes(got), b"too large")


class Refused(Shortened):
    """Where it can not be had, all goes as before."""

    def upload(self) -> None:
        """The same as ever."""
        self.carry(self.client, self.server, 8 * MIB)
        self.client.shutdown(socket.SHUT_WR)
        got = bytearray()
        self.turn_until(lambda: not self.receive(self.server, got))
        self.carry(self.server, self.client, 8 * MIB)
        self.assertEqual(
            (bytes(got), self.relay.client.received, self.relay.server.received), (b"", 8 * MIB, 8 * MIB)
        )

    def test_by_the_system(self) -> None:
        asked: list[int] = []

        def refuse(source: int, *_: Any, **__: Any) -> int:
            asked.append(source)
            raise OSError(errno.EINVAL, "not these")

        self.patch(os, "splice", refuse)
        self.upload()
        self.assertEqual(len(asked), 2, "once for each direction")

    def test_by_python(self) -> None:
        splice_ = os.splice
        self.addCleanup(setattr, os, "splice", splice_)
        del os.splice
        self.upload()
        self.assertEqual(self.calls, 0)

    def test_while_there_are_no_descriptors(self) -> None:
        pipe2 = os.pipe2

        def none(flags: int) -> None:
            raise OSError(errno.EMFILE, "too many")

        self.patch(os, "pipe2", none)
        self.carry(self.client, self.server, 8 * MIB)
        self.assertEqual(self.calls, 0)
        self.patch(os, "pipe2", pipe2)
        self.upload_more()

    def upload_more(self) -> None:
        """It is there again."""
        self.carry(self.client, self.server, 8 * MIB)
        self.assertGreater(self.calls, 0)


class WebSocket(Shortened):
    """The server's frames are counted, so they are looked at."""

    websocket = True

    def test_only_one_way(self) -> None:
        self.carry(self.server, self.client, 8 * MIB)
        self.assertEqual(self.calls, 0)
        self.carry(self.client, self.server, 8 * MIB)
        self.assertGreater(self.calls, 0)
