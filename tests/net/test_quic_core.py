"""Tests of what qh3's connection does here beyond what it does by itself: windows, and its own pace."""

from __future__ import annotations

from typing import Any

from aioquic.quic import events
from twisted.trial.unittest import SynchronousTestCase

from tests.net.quic_fakes import Client, QuicWorld, Taker
from toron.net.quic_core import CONNECTION_WINDOW, STREAM_WINDOW, ServerCore
from toron.net.quic_session import QuicSession

FLOW_CONTROL_ERROR = 0x03


class Case(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = QuicWorld()
        self.client: Client = self.world.client()
        self.session: QuicSession = self.world.sessions[0]
        self.taker: Taker = self.world.taken[0]

    @property
    def core(self) -> ServerCore:
        assert self.session._quic is not None
        return self.session._quic

    def came(self, stream: int = 0) -> int:
        return len(self.taker.data.get(stream, b""))


class Windows(Case):
    def test_a_stream_that_nobody_takes_from_stands_still(self) -> None:
        self.client.say(bytes(3 * STREAM_WINDOW))
        self.world.run(5, 0.05)
        self.assertEqual(self.came(), STREAM_WINDOW)
        # Others go on, for as much as they like.
        for stream in (4, 8):
            self.client.say(bytes(STREAM_WINDOW), True, stream)
        self.world.run(5, 0.05)
        self.assertEqual((self.came(), self.came(4), self.came(8)), (STREAM_WINDOW,) * 3)

    def test_it_goes_on_as_it_is_taken(self) -> None:
        self.client.say(bytes(3 * STREAM_WINDOW), True)
        self.world.run(3, 0.05)
        self.session.credit(0, STREAM_WINDOW // 4)
        self.world.run(2, 0.05)
        self.assertEqual(self.came(), STREAM_WINDOW)
        self.session.credit(0, STREAM_WINDOW // 4)
        self.world.run(2, 0.05)
        self.assertEqual(self.came(), STREAM_WINDOW * 3 // 2)
        while ("end", 0) not in self.taker.told:
            before = self.came()
            self.session.credit(0, STREAM_WINDOW // 2)
            self.world.run(1, 0.05)
            self.assertGreater(self.came(), before)
        self.assertEqual(self.came(), 3 * STREAM_WINDOW)
        self.assertFalse(self.core.windows.pending)

    def test_all_of_a_connection_is_credited_as_it_comes(self) -> None:
        for stream in range(0, 80, 4):
            self.client.say(bytes(STREAM_WINDOW), True, stream)
        self.world.run(20, 0.05)
        total = sum(len(data) for data in self.taker.data.values())
        self.assertEqual(total, 20 * STREAM_WINDOW)
        self.assertGreater(total, CONNECTION_WINDOW)

    def test_word_of_a_window_may_be_lost(self) -> None:
        self.client.say(bytes(2 * STREAM_WINDOW), True)
        self.world.run(3, 0.05)
        self.session.credit(0, STREAM_WINDOW)
        lost = len(self.world.socket.sent)
        self.world.socket.sent.clear()
        self.assertGreater(lost, 0)
        self.world.run(3, 0.05)
        self.assertEqual(self.came(), 2 * STREAM_WINDOW)

    def test_a_client_that_was_never_told_asks(self) -> None:
        self.client.say(bytes(2 * STREAM_WINDOW), True)
        self.world.run(3, 0.05)
        self.core.windows.take(0, STREAM_WINDOW)
        self.core.windows.known()
        self.world.run(1, 0.05)
        self.assertEqual(self.came(), STREAM_WINDOW)
        buffer = b"\x15\x00" + (STREAM_WINDOW | 0x8000_0000).to_bytes(4, "big")
        self.say_frame(buffer)
        self.world.run(1, 0.05)
        self.assertEqual(self.came(), 2 * STREAM_WINDOW)

    def say_frame(self, frame: bytes) -> None:
        """Have the client say a frame that it would not say by itself."""
        write = self.client.quic._write_connection_limits

        def also(builder: Any, space: Any) -> None:
            builder.start_frame(frame[0], capacity=16).push_bytes(frame[1:])
            self.client.quic._write_connection_limits = write  # type: ignore[method-assign]
            write(builder=builder, space=space)

        self.client.quic._write_connection_limits = also  # type: ignore[method-assign,assignment]
        self.client.quic.send_ping(1)

    def test_a_client_that_sends_more_than_it_may(self) -> None:
        self.client.say(b"x")
        self.world.run()
        self.client.quic._streams[0].max_stream_data_remote = 1 << 40
        self.client.say(bytes(2 * STREAM_WINDOW))
        self.world.run(3, 0.05)
        self.assertEqual(self.client.close_code, FLOW_CONTROL_ERROR)
        self.assertIsNotNone(self.taker.lost)
        self.assertLessEqual(self.came(), STREAM_WINDOW + 70_000)

    def test_a_client_that_leaves_holes(self) -> None:
        """What does not follow on what is there waits in qh3: the connection's window bounds it."""
        self.client.say(b"x")
        self.world.run()
        stream = self.client.quic._streams[0]
        stream.max_stream_data_remote = 1 << 60
        self.client.quic._remote_max_data = 1 << 60
        stream.sender._buffer_start = stream.sender._buffer_stop = 2 * CONNECTION_WINDOW
        stream.sender.highest_offset = 2 * CONNECTION_WINDOW
        self.client.say(b"far away")
        self.world.run()
        self.assertEqual(self.client.close_code, FLOW_CONTROL_ERROR)

    def test_keys_that_are_updated_in_between(self) -> None:
        self.client.say(bytes(3 * STREAM_WINDOW), True)
        self.world.run(3, 0.05)
        for _ in range(2):
            self.client.quic.request_key_update()
            self.client.quic.send_ping(7)
            self.world.run(2, 0.05)
            self.session.credit(0, STREAM_WINDOW)
            self.world.run(3, 0.05)
        self.assertEqual(self.came(), 3 * STREAM_WINDOW)


class Finished(Case):
    def test_streams_that_are_over_are_forgotten(self) -> None:
        for stream in range(0, 400, 4):
            self.client.say(b"ask", True, stream)
            self.world.run(0.05)
            self.session.say(stream, b"answer", True)
            self.session.flush()
            self.world.run(0.05)
        self.world.run(1)
        self.assertEqual(len(self.client.data), 100)
        self.assertFalse(self.session.unfinished)
        windows = self.core.windows
        self.assertEqual((windows._received, windows._taken, windows._granted), ({}, {}, {}))

    def test_they_are_not_over_before_the_client_has_all(self) -> None:
        self.client.say(b"ask", True)
        self.world.run()
        self.session.say(0, b"answer", True)
        self.session.send()
        lost, self.world.socket.sent = self.world.socket.sent, []
        self.assertTrue(lost)
        self.assertTrue(self.session.unfinished)
        self.assertNotIn(("finished",), self.taker.told)
        self.world.run(3)
        self.assertEqual(self.client.data, {0: b"answer"})
        self.assertFalse(self.session.unfinished)
        self.assertIn(("finished",), self.taker.told)


class Endings(Case):
    def test_a_client_that_closes(self) -> None:
        self.client.quic.close(0x100, reason_phrase="enough")
        self.assertIsNone(self.core.over)
        self.world.deliver()
        self.assertEqual((self.core.over.error_code, self.core.over.reason_phrase), (0x100, "enough"))
        self.world.run(1)
        self.assertEqual(len(self.client.heard_of(events.ConnectionTerminated)), 1)

    def test_a_client_that_breaks_the_protocol(self) -> None:
        Windows.say_frame(self, b"\x1e")  # type: ignore[arg-type]
        self.world.run(1)
        self.assertEqual(self.client.close_code, 0x0A)
        self.assertIsNotNone(self.taker.lost)
