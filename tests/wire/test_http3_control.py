"""Tests of the streams of a client that carry no requests: what is taken, and what ends the connection."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.wire.http3_control import Broken, ControlStreams
from toron.wire.http3_frames import (
    CANCEL_PUSH,
    CLOSED_CRITICAL_STREAM,
    DATA,
    EXCESSIVE_LOAD,
    FRAME_ERROR,
    FRAME_UNEXPECTED,
    GOAWAY,
    HEADERS,
    ID_ERROR,
    MAX_PUSH_ID,
    MISSING_SETTINGS,
    PUSH_PROMISE,
    QPACK_DECODER_STREAM_ERROR,
    QPACK_ENCODER_STREAM_ERROR,
    SETTINGS,
    SETTINGS_ERROR,
    STREAM_CREATION_ERROR,
    frame,
    varint,
)

NO_SETTINGS = frame(SETTINGS, b"")
PRIORITY_UPDATE = 0xF0700


def settings(*pairs: int) -> bytes:
    return frame(SETTINGS, b"".join(map(varint, pairs)))


class Case(SynchronousTestCase):
    def broken(self, code: int, *said: tuple[int, bytes]) -> None:
        """The last of what is said breaks the connection, and nothing before it."""
        for cut in (1 << 20, 1):
            with self.subTest(cut=cut):
                streams = ControlStreams()
                *good, (stream, bad) = said
                for each, text in good:
                    streams.receive(each, text, False)

                pieces = [bad[at : at + cut] for at in range(0, len(bad), cut)]
                with self.assertRaises(Broken) as caught:
                    for piece in pieces:
                        streams.receive(stream, piece, False)
                self.assertEqual(caught.exception.code, code)


class Types(Case):
    def test_what_a_browser_opens(self) -> None:
        streams = ControlStreams()
        self.assertTrue(streams.receive(2, b"\x00" + settings(1, 65536, 7, 100, 0x33, 1, 8, 1), False))
        self.assertTrue(streams.receive(6, b"\x02", False))
        self.assertTrue(streams.receive(10, b"\x03", False))
        self.assertEqual(streams.frames, 1)

    def test_a_stream_nobody_knows_is_not_wanted(self) -> None:
        streams = ControlStreams()
        self.assertFalse(streams.receive(2, varint(0x21 + 0x1F * 9) + b"grease", False))
        self.assertFalse(streams.receive(2, b"more", False))
        self.assertFalse(streams.receive(2, b"", True))
        self.assertFalse(streams.receive(6, varint(0x54), False))
        streams.reset(6)

    def test_an_empty_stream(self) -> None:
        streams = ControlStreams()
        self.assertTrue(streams.receive(2, b"", True))
        self.assertTrue(streams.receive(6, b"\x40", True))

    def test_only_one_of_each(self) -> None:
        for kind in (b"\x00", b"\x02", b"\x03"):
            self.broken(STREAM_CREATION_ERROR, (2, kind), (6, kind))

    def test_clients_do_not_push(self) -> None:
        self.broken(STREAM_CREATION_ERROR, (2, b"\x01"))

    def test_they_are_there_to_stay(self) -> None:
        for kind in (b"\x00" + NO_SETTINGS, b"\x02", b"\x03"):
            streams = ControlStreams()
            streams.receive(2, kind, False)
            self.assertEqual(
                self.assertRaises(Broken, streams.receive, 2, b"", True).code, CLOSED_CRITICAL_STREAM
            )
            streams = ControlStreams()
            streams.receive(2, kind, False)
            self.assertEqual(self.assertRaises(Broken, streams.reset, 2).code, CLOSED_CRITICAL_STREAM)


class Control(Case):
    def test_settings_come_first(self) -> None:
        for kind in (GOAWAY, MAX_PUSH_ID, 0x21):
            self.broken(MISSING_SETTINGS, (2, b"\x00" + frame(kind, b"\x00")))

    def test_settings_come_once(self) -> None:
        self.broken(FRAME_UNEXPECTED, (2, b"\x00" + NO_SETTINGS), (2, NO_SETTINGS))

    def test_settings_that_must_not_be(self) -> None:
        for bad in (settings(2, 0), settings(0, 1), settings(5, 5), settings(6, 1, 6, 1), settings(8, 2)):
            self.broken(SETTINGS_ERROR, (2, b"\x00" + bad))
        for cut in (varint(6), varint(6) + b"\x40", b"\x40"):
            self.broken(FRAME_ERROR, (2, b"\x00" + frame(SETTINGS, cut)))

    def test_settings_nobody_knows(self) -> None:
        streams = ControlStreams()
        text = settings(0x21, 7, 0x2B603742, 1, 1 << 61, 1 << 61)
        self.assertTrue(streams.receive(2, b"\x00" + text, False))
        self.assertEqual(streams.frames, 1)

    def test_frames_of_requests_have_no_place_here(self) -> None:
        for kind in (DATA, HEADERS, PUSH_PROMISE, 2, 6, 8, 9):
            self.broken(FRAME_UNEXPECTED, (2, b"\x00" + NO_SETTINGS), (2, frame(kind, b"")))

    def test_frames_that_mean_nothing_to_us(self) -> None:
        streams = ControlStreams()
        streams.receive(2, b"\x00" + NO_SETTINGS, False)
        for text in (frame(PRIORITY_UPDATE, b"\x00u=1"), frame(0x40, b"grease"), frame(0x21, b"")):
            self.assertTrue(streams.receive(2, text, False))
        self.assertEqual(streams.frames, 4)

    def test_numbers(self) -> None:
        streams = ControlStreams()
        streams.receive(2, b"\x00" + NO_SETTINGS, False)
        for kind, number in ((MAX_PUSH_ID, 0), (MAX_PUSH_ID, 8), (GOAWAY, 9), (GOAWAY, 9), (GOAWAY, 0)):
            self.assertTrue(streams.receive(2, frame(kind, varint(number)), False))
        self.assertEqual(streams.frames, 6)

    def test_numbers_that_go_the_wrong_way(self) -> None:
        begun = (2, b"\x00" + NO_SETTINGS)
        self.broken(ID_ERROR, begun, (2, frame(MAX_PUSH_ID, b"\x08")), (2, frame(MAX_PUSH_ID, b"\x07")))
        self.broken(ID_ERROR, begun, (2, frame(GOAWAY, b"\x08")), (2, frame(GOAWAY, b"\x09")))
        self.broken(ID_ERROR, begun, (2, frame(CANCEL_PUSH, b"\x00")))

    def test_numbers_that_are_none(self) -> None:
        for kind in (CANCEL_PUSH, GOAWAY, MAX_PUSH_ID):
            for bad in (b"", b"\x40", b"\x00\x00"):
                self.broken(FRAME_ERROR, (2, b"\x00" + NO_SETTINGS), (2, frame(kind, bad)))

    def test_a_frame_too_large_is_not_waited_for(self) -> None:
        for kind in (0x21, SETTINGS):
            begun = b"\x00" + (NO_SETTINGS if kind == 0x21 else b"")
            self.broken(EXCESSIVE_LOAD, (2, begun + varint(kind) + varint(1 << 20)))


class Qpack(Case):
    def test_a_table_of_no_size_stays_so(self) -> None:
        streams = ControlStreams()
        self.assertTrue(streams.receive(2, b"\x02\x20", False))
        self.assertTrue(streams.receive(2, b"\x20\x20", False))

    def test_anything_for_the_table_is_an_error(self) -> None:
        for text in (b"\x3f\xe1\x1f", b"\x21", b"\xc0\x00", b"\x41\x61\x00", b"\x00"):
            self.broken(QPACK_ENCODER_STREAM_ERROR, (2, b"\x02"), (2, text))

    def test_sections_may_be_given_up(self) -> None:
        streams = ControlStreams()
        for text in (b"\x03\x44", b"\x40\x7f", b"\x80", b"\x01\x41"):
            self.assertTrue(streams.receive(2, text, False))

    def test_nothing_was_added_that_could_be_acknowledged(self) -> None:
        for text in (b"\x80", b"\x01", b"\x00", b"\x7f" + b"\x80" * 20):
            self.broken(QPACK_DECODER_STREAM_ERROR, (2, b"\x03"), (2, text))


class Nonsense(SynchronousTestCase):
    @given(
        st.lists(
            st.tuples(
                st.sampled_from([2, 6, 10]),
                st.one_of(
                    st.binary(max_size=20), st.sampled_from([b"\0", b"\0" + NO_SETTINGS, b"\2", b"\3"])
                ),
                st.booleans(),
            )
        )
    )
    def test_nothing_else_is_ever_raised(self, said: list[tuple[int, bytes, bool]]) -> None:
        streams = ControlStreams()
        try:
            for stream, text, fin in said:
                streams.receive(stream, text, fin)
        except Broken as error:
            self.assertTrue(error.word and error.code)
