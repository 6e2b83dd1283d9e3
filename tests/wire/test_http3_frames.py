"""Tests of numbers and frames as QUIC and HTTP/3 write them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.wire.http3_frames import DATA, SETTINGS, frame, pull_varint, varint

EXAMPLES = (
    # RFC 9000 appendix A.1.
    ("c2197c5eff14e88c", 151288809941952652),
    ("9d7f3e7d", 494878333),
    ("7bbd", 15293),
    ("25", 37),
)


class Numbers(SynchronousTestCase):
    def test_the_examples_of_the_rfc(self) -> None:
        for text, number in EXAMPLES:
            self.assertEqual(varint(number), bytes.fromhex(text))
            self.assertEqual(pull_varint(bytes.fromhex(text), 0), (number, len(text) // 2))

    def test_a_number_may_take_more_bytes_than_it_needs(self) -> None:
        self.assertEqual(pull_varint(bytes.fromhex("4025"), 0), (37, 2))

    def test_the_smallest_form_is_said(self) -> None:
        for number, size in ((0, 1), (63, 1), (64, 2), (16383, 2), (16384, 4), (2**30 - 1, 4), (2**30, 8)):
            self.assertEqual(len(varint(number)), size, number)

    def test_a_number_that_is_cut_is_waited_for(self) -> None:
        for text, _ in EXAMPLES:
            whole = b"x" + bytes.fromhex(text)
            for end in range(1, len(whole)):
                self.assertEqual(pull_varint(whole[:end], 1), (-1, 1))

    @given(st.integers(0, 2**62 - 1), st.binary(max_size=3), st.binary(max_size=3))
    def test_what_is_said_is_read(self, number: int, before: bytes, after: bytes) -> None:
        said = varint(number)
        end = len(before) + len(said)
        self.assertEqual(pull_varint(before + said + after, len(before)), (number, end))


class Frames(SynchronousTestCase):
    def test_a_frame(self) -> None:
        self.assertEqual(frame(DATA, b"abc"), b"\x00\x03abc")
        self.assertEqual(frame(SETTINGS, b""), b"\x04\x00")
        self.assertEqual(frame(0x21 + 0x1F * 7, b"x" * 64)[:4], b"\x40\xfa\x40\x40")
