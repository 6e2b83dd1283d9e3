"""Conversations with the HTTP/3 codec: what comes, what that means, and what it costs the client."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.http3_below import (
    GET,
    GREASE,
    POST,
    WEBSOCKET,
    Below,
    CodecCase,
    data,
    head,
)
from toron.wire.events import Data, End, Event, Malformed, RequestHead, Reset
from toron.wire.headers import Headers
from toron.wire.http3_frames import (
    CANCEL_PUSH,
    CLOSED_CRITICAL_STREAM,
    EXCESSIVE_LOAD,
    FRAME_ERROR,
    FRAME_UNEXPECTED,
    GOAWAY,
    HEADERS,
    INTERNAL_ERROR,
    MAX_PUSH_ID,
    MESSAGE_ERROR,
    MISSING_SETTINGS,
    NO_ERROR,
    PUSH_PROMISE,
    QPACK_DECOMPRESSION_FAILED,
    REQUEST_CANCELLED,
    REQUEST_INCOMPLETE,
    SETTINGS,
    frame,
    varint,
)
from toron.wire.http3_requests import CONNECTION
from toron.wire.http3_server import Http3ServerCodec


class Requests(CodecCase):
    def test_settings_are_said_first(self) -> None:
        self.begin(head_most=1000, fields_most=10)
        expected = varint(6) + varint(1320) + varint(8) + varint(1)
        self.assertEqual(self.below.streams, {3: b"\x00" + frame(SETTINGS, expected)})

    def test_a_request_without_a_body(self) -> None:
        fields = [*GET, (b"accept", b"*/*"), (b"cookie", b"a=1"), (b"x", b"y"), (b"cookie", b"b=2")]
        request, end = self.hear(0, head(fields), True)
        expected = Headers(
            [(b"Host", b"a.example"), (b"accept", b"*/*"), (b"cookie", b"a=1; b=2"), (b"x", b"y")]
        )
        self.assertEqual(request, RequestHead(b"GET", b"/", expected, b"a.example", (3, 0), 0))
        self.assertEqual(end, End())

    def test_a_request_whose_end_comes_later(self) -> None:
        (request,) = self.hear(0, head(GET))
        assert isinstance(request, RequestHead)
        self.assertIsNone(request.length)
        self.assertEqual(self.hear(0, b"", True), [End()])

    def test_a_body_in_frames(self) -> None:
        said = head(POST) + data(b"abc") + frame(GREASE, b"x" * 9) + data(b"") + data(b"de")
        request, *rest = self.hear(0, said, True)
        assert isinstance(request, RequestHead)
        self.assertIsNone(request.length)
        self.assertEqual(rest, [Data(b"abc"), Data(b"de"), End()])

    def test_a_body_is_handed_on_as_it_comes(self) -> None:
        fields = [*POST, (b"content-length", b"6")]
        (request,) = self.hear(0, head(fields) + data(b"abcdef")[:4])[:1]
        assert isinstance(request, RequestHead)
        self.assertEqual(request.length, 6)
        self.assertEqual(self.hear(0, b"cd"), [Data(b"cd")])
        self.assertEqual(self.hear(0, b"ef", True), [Data(b"ef"), End()])

    def test_byte_by_byte(self) -> None:
        said = head(POST) + data(b"abc") + frame(GREASE, b"xy") + head([(b"x-t", b"1")])
        events: list[Event] = []
        for at in range(len(said)):
            events += self.hear(0, said[at : at + 1], at == len(said) - 1)
        self.assertIsInstance(events[0], RequestHead)
        self.assertEqual(events[1:], [Data(b"a"), Data(b"b"), Data(b"c"), End(Headers([(b"x-t", b"1")]))])

    def test_trailers(self) -> None:
        events = self.hear(0, head(POST) + data(b"a") + head([(b"x-t", b"1")]), True)
        self.assertEqual(events[-1], End(Headers([(b"x-t", b"1")])))
        self.assertEqual(self.hear(4, head(POST) + head([(b"x-t", b"1")])), [self.asked(POST, 8, False)])
        self.assertEqual(self.hear(4, frame(GREASE, b"")), [])
        self.assertEqual(self.hear(4, b"", True), [End(Headers([(b"x-t", b"1")]))])

    def test_streams_may_come_in_any_order(self) -> None:
        for stream in (8, 0, 4, 400):
            self.asked(stream=stream)
        self.assertEqual(self.codec.open, 4)

    def test_what_goes_on_between(self) -> None:
        self.assertEqual(self.hear(2, b"\x00" + frame(SETTINGS, b"")), [])
        self.assertEqual(self.hear(6, varint(GREASE) + b"x"), [])
        self.assertEqual(self.below.was_refused, [(6, NO_ERROR)])
        self.asked()

    def test_what_a_client_expects(self) -> None:
        fields = [*POST, (b"content-length", b"5"), (b"expect", b"100-continue"), (b"te", b"trailers")]
        request = self.asked(fields, fin=False)
        self.assertTrue(request.expects_continue)
        self.assertTrue(request.accepts_trailers)
        self.assertEqual(request.headers, Headers([(b"Host", b"a.example")]))


class Credit(CodecCase):
    def test_all_but_the_body_is_taken_here(self) -> None:
        said = head(POST) + data(b"x" * 100) + frame(GREASE, b"y" * 50)
        self.hear(0, said)
        self.assertEqual(self.below.credits, {0: len(said) - 100})
        self.codec.credit(0, 60)
        self.codec.credit(0, 40)
        self.assertEqual(self.below.credits, {0: len(said)})

    def test_what_is_not_whole_is_taken_as_it_comes(self) -> None:
        for at, octet in enumerate(head(POST)):
            self.hear(0, bytes((octet,)))
            self.assertEqual(self.below.credits, {0: at + 1})

    def test_what_comes_beside_requests_is_taken(self) -> None:
        self.hear(2, b"\x00" + frame(SETTINGS, b"") + b"\x40")
        self.hear(2, b"\x40\x00")
        self.assertEqual(self.below.credits, {2: 6})

    def test_streams_that_are_gone_get_none(self) -> None:
        self.hear(0, head(POST) + data(b"abc"))
        before = dict(self.below.credits)
        self.codec.reset(0, INTERNAL_ERROR)
        self.codec.credit(0, 3)
        self.codec.credit(4, 3)
        self.assertEqual(self.below.credits, before)


class StreamErrors(CodecCase):
    def test_heads_that_are_malformed(self) -> None:
        for word, fields in (
            ("pseudo_field", GET[1:]),
            ("pseudo_field", [*GET, GET[0]]),
            ("pseudo_field", [*GET[:3], (b"x", b"y"), GET[3]]),
            ("pseudo_field", [*GET, (b":other", b"")]),
            ("pseudo_field", [*GET[:3], (b":path", b"")]),
            ("bad_target", [*GET[:3], (b":path", b"no path")]),
            ("bad_host", [*GET[:2], GET[3]]),
            ("upper_case_name", [*GET, (b"X-A", b"b")]),
            ("bad_header", [*GET, (b"a b", b"c")]),
            ("bad_header", [*GET, (b"x", b"a\r\nb")]),
            ("connection_field", [*GET, (b"connection", b"close")]),
            ("connection_field", [*GET, (b"transfer-encoding", b"chunked")]),
            ("connection_field", [*GET, (b"te", b"gzip")]),
            ("bad_content_length", [*GET, (b"content-length", b"1"), (b"content-length", b"1")]),
            ("connect_refused", [(b":method", b"CONNECT"), (b":authority", b"a:1")]),
            ("bad_expectation", [*POST, (b"expect", b"more")]),
        ):
            self.refused(MESSAGE_ERROR, word, head(fields))

    def test_heads_that_are_too_large(self) -> None:
        self.refused(EXCESSIVE_LOAD, "too_many_fields", head([*GET, *[(b"x", b"y")] * 101]))
        self.refused(EXCESSIVE_LOAD, "head_too_large", head([*GET, (b"x", b"y" * (32 << 10))]))
        bomb = frame(HEADERS, b"\0\0" + b"\xff\x16" * 500)
        self.refused(EXCESSIVE_LOAD, "head_too_large", bomb)
        # What is announced is not waited for.
        self.refused(EXCESSIVE_LOAD, "head_too_large", varint(HEADERS) + varint(1 << 40))

    def test_bodies_of_another_length_than_announced(self) -> None:
        fields = [*POST, (b"content-length", b"3")]
        self.refused(MESSAGE_ERROR, "body_length", head(fields) + data(b"abcd"))
        self.refused(MESSAGE_ERROR, "body_length", head(fields) + data(b"ab"), True)
        self.refused(MESSAGE_ERROR, "body_length", head(fields), True)
        none = [*GET, (b"content-length", b"0")]
        self.refused(MESSAGE_ERROR, "body_length", head(none) + data(b"a"))

    def test_trailers_that_are_malformed(self) -> None:
        for fields in (
            [(b":path", b"/")],
            [(b"connection", b"x")],
            [(b"A", b"b")],
            [(b"content-length", b"1")],
        ):
            self.begin()
            (_, event) = self.hear(0, head(POST) + head(fields))
            self.assertIsInstance(event, Malformed)
            self.assertEqual(self.below.was_reset, [(0, MESSAGE_ERROR)])

    def test_a_stream_that_ends_before_a_head(self) -> None:
        self.assertIsInstance(self.hear(0, b"", True)[0], Malformed)
        self.assertEqual(self.below.was_reset, [(0, REQUEST_INCOMPLETE)])
        self.refused(REQUEST_INCOMPLETE, "truncated", frame(GREASE, b"x"), True)

    def test_nothing_of_a_bad_head_is_told(self) -> None:
        events = self.hear(0, head([*GET, (b"X", b"y")]) + data(b"abc"), True)
        self.assertEqual([type(event) for event in events], [Malformed])


class ConnectionErrors(CodecCase):
    def test_frames_out_of_order(self) -> None:
        self.broken(FRAME_UNEXPECTED, "stream_state", data(b"a"))
        self.broken(FRAME_UNEXPECTED, "stream_state", head(POST) + head([(b"x", b"y")]) + data(b"a"))
        self.broken(FRAME_UNEXPECTED, "stream_state", head(POST) + head([(b"x", b"y")]) * 2)

    def test_frames_that_have_no_place_in_a_request(self) -> None:
        for kind in (CANCEL_PUSH, SETTINGS, PUSH_PROMISE, GOAWAY, MAX_PUSH_ID, 2, 6, 8, 9):
            self.broken(FRAME_UNEXPECTED, "stream_state", frame(kind, b"\x00"))
            self.broken(FRAME_UNEXPECTED, "stream_state", head(POST) + frame(kind, b""))

    def test_a_stream_that_ends_within_a_frame(self) -> None:
        for whole in (head(GET), head(POST) + data(b"abc"), frame(GREASE, b"abc")):
            self.broken(FRAME_ERROR, "frame_malformed", whole[:-1], True)
        self.broken(FRAME_ERROR, "frame_malformed", head(POST) + b"\x40", True)

    def test_sections_that_can_not_be_read(self) -> None:
        for section in (b"", b"\x01\x00\x80", b"\x00\x00\x80", b"\x00\x00\xff\x24"):
            self.broken(QPACK_DECOMPRESSION_FAILED, "compression", frame(HEADERS, section))

    def test_what_control_streams_find(self) -> None:
        self.broken(MISSING_SETTINGS, "frame_malformed", b"\x00" + frame(GOAWAY, b"\x00"), stream=2)
        self.broken(CLOSED_CRITICAL_STREAM, "stream_state", b"\x02", True, stream=2)
        self.begin()
        self.hear(2, b"\x03")
        events = self.codec.receive_reset(2, 0.0)
        self.assertEqual([number for number, _ in events], [CONNECTION])
        self.begin()
        self.codec.receive_refusal(3, 0.0)
        self.assertEqual(self.below.closed, (CLOSED_CRITICAL_STREAM, "a critical stream was refused"))


class Floods(CodecCase):
    def test_streams_that_are_reset_as_soon_as_they_begin(self) -> None:
        for at in range(100):
            self.asked(stream=4 * at)
            self.assertEqual(self.codec.receive_reset(4 * at, 0.0)[-1][1], Reset(REQUEST_CANCELLED))
        self.asked(stream=400)
        events = self.codec.receive_reset(400, 0.0)
        self.assertEqual(events[-1], (CONNECTION, Malformed("rapid_reset")))
        self.assertEqual(self.below.closed, (EXCESSIVE_LOAD, ""))

    def test_a_client_may_change_its_mind_now_and_then(self) -> None:
        for at in range(1000):
            self.asked(stream=4 * at)
            self.codec.receive_reset(4 * at, at / 50)
        self.assertFalse(self.codec.broken)

    def test_streams_that_are_reset_before_they_begin(self) -> None:
        for at in range(101):
            self.codec.receive_reset(4 * at, 0.0)
        self.assertTrue(self.codec.broken)

    def test_heads_that_are_all_malformed(self) -> None:
        for at in range(101):
            self.hear_any(4 * at, head(GET[1:]))
        self.assertTrue(self.codec.broken)

    def test_frames_that_carry_nothing(self) -> None:
        for empty in (data(b""), frame(GREASE, b"")):
            self.begin()
            self.asked(POST, fin=False)
            self.hear_any(0, empty * 100)
            self.assertFalse(self.codec.broken)
            self.hear_any(0, data(b"x") + empty * 100)
            self.assertFalse(self.codec.broken)
            self.assertEqual(self.hear_any(0, empty), "empty_frames")
            self.assertTrue(self.codec.broken)

    def test_frames_that_nobody_knows(self) -> None:
        self.asked(POST, fin=False)
        self.assertEqual(self.hear_any(0, frame(GREASE, b"x") * 1001), "frame_flood")
        self.begin()
        flood = frame(SETTINGS, b"") + frame(GREASE, b"") * 1001
        self.assertEqual(self.hear_any(2, b"\x00" + flood), "frame_flood")

    def hear_any(self, stream: int, text: bytes) -> str:
        """The word of the fault that it ends with, if it does."""
        events = self.codec.receive(stream, text, False, 0.0)
        return events[-1][1].word if events and isinstance(events[-1][1], Malformed) else ""


SOME = st.one_of(
    st.sampled_from(
        [
            head(GET), head(POST), head(WEBSOCKET), data(b"x"), data(b""), frame(GREASE, b"y"), b"\x40",
            b"\x00",
            b"\x00" + frame(SETTINGS, b""), b"\x02", b"\x03", head([(b"x-t", b"1")]), head([(b"X", b"1")]),
        ]
    ),
    st.binary(max_size=12),
)  # fmt: skip


class Nonsense(SynchronousTestCase):
    @settings(max_examples=300)
    @given(st.lists(st.tuples(st.sampled_from([0, 4, 8, 2, 6]), SOME, st.integers(0, 9)), max_size=20))
    def test_nothing_is_ever_raised(self, said: list[tuple[int, bytes, int]]) -> None:
        below = Below()
        codec = Http3ServerCodec(below)
        over: set[int] = set()
        heads: set[int] = set()
        for stream, text, what in said:
            if stream in over:
                continue
            if what == 0:
                events = codec.receive_reset(stream, 0.0)
            elif what == 1:
                events = codec.receive_refusal(stream, 0.0)
            else:
                events = codec.receive(stream, text, what == 2, 0.0)
            if what in (0, 2):
                over.add(stream)
            for number, event in events:
                self.assertFalse(isinstance(event, RequestHead) and number in heads)
                if isinstance(event, RequestHead):
                    heads.add(number)
                elif not isinstance(event, Malformed):
                    self.assertIn(number, heads)
        self.assertEqual(codec.broken, below.closed is not None)
