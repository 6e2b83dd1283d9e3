"""Frames are built as the RFC draws them, and settings read."""

from __future__ import annotations

from hyperframe import frame as other
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.http2_conversations import CODES, KINDS
from toron.wire import http2_frames as frames


class Built(SynchronousTestCase):
    def test_as_another_library_builds_them(self) -> None:
        for ours, theirs in (
            (frames.rst_stream(5, 8), other.RstStreamFrame(5, 8)),
            (frames.window_update(2**31 - 1, 2**31 - 1), other.WindowUpdateFrame(2**31 - 1, 2**31 - 1)),
            (frames.goaway(7, 11, b"why"), other.GoAwayFrame(0, 7, 11, b"why")),
            (frames.ping(b"12345678"), other.PingFrame(0, b"12345678")),
            (frames.ping(b"12345678", True), other.PingFrame(0, b"12345678", flags=["ACK"])),
            (frames.settings({3: 100, 4: 65536}), other.SettingsFrame(0, {3: 100, 4: 65536})),
            (frames.SETTINGS_ACK, other.SettingsFrame(0, flags=["ACK"])),
            (
                frames.frame_header(70000, 0, 1, 9) + bytes(70000),
                other.DataFrame(9, bytes(70000), flags=["END_STREAM"]),
            ),
        ):  # fmt: skip
            self.assertEqual(ours, theirs.serialize())

    def test_numbers(self) -> None:
        self.assertEqual([getattr(frames, name) for name in KINDS], list(range(10)))
        self.assertEqual([getattr(frames, name) for name in CODES], list(range(14)))


class Settings(SynchronousTestCase):
    def read(self, *pairs: tuple[int, int]) -> dict[int, int]:
        payload = b"".join(name.to_bytes(2, "big") + value.to_bytes(4, "big") for name, value in pairs)
        return frames.read_settings(payload)

    def test_read(self) -> None:
        self.assertEqual(self.read(), {})
        # The last value of each, and those nobody knows (section 6.5.2).
        self.assertEqual(self.read((4, 0), (4, 2**31 - 1), (99, 2**32 - 1)), {4: 2**31 - 1, 99: 2**32 - 1})
        for good in (
            (2, 0),
            (2, 1),
            (5, 16384),
            (5, 2**24 - 1),
            (8, 0),
            (8, 1),
            (3, 0),
            (1, 2**32 - 1),
            (6, 0),
        ):
            self.assertEqual(self.read(good), dict([good]))

    def test_values_that_may_not_be(self) -> None:
        """Also where a good one follows."""
        for name, value, code, word in (
            (2, 2, 1, "frame_malformed"),
            (4, 2**31, 3, "flow_control"),
            (5, 16383, 1, "frame_malformed"),
            (5, 2**24, 1, "frame_malformed"),
            (8, 2, 1, "frame_malformed"),
            (9, 2, 1, "frame_malformed"),
        ):
            for more in ((), ((name, 16384 if name == 5 else 1),)):
                fault = self.assertRaises(frames.ConnectionFault, self.read, (name, value), *more)
                self.assertEqual((fault.code, fault.word), (code, word))

    def test_half_a_setting(self) -> None:
        for size in (1, 5, 7):
            fault = self.assertRaises(frames.ConnectionFault, frames.read_settings, bytes(size))
            self.assertEqual((fault.code, fault.word), (frames.FRAME_SIZE_ERROR, "frame_size"))
