"""Messages that may not be so end their stream alone, and what comes behind them is left out."""

from __future__ import annotations

from tests.wire.http2_conversations import (
    ACK,
    END,
    HELLO,
    PADDED,
    WITH_PRIORITY,
    Pair,
    Peer,
    asked,
    block,
    data,
    frame,
    headers,
    number,
    window,
)
from tests.wire.test_http2_server import OK, Talks, head
from toron.wire.events import Data, End, Malformed
from toron.wire.headers import Headers
from toron.wire.http2 import Http2Limits, Http2ServerCodec
from toron.wire.http2_flow import StreamEvent

PUT = (1, head(b"PUT", b"/", None))
OPEN = headers(1, asked(method="PUT"))
NEXT = headers(3, asked(), ends=True)


class Faults(Talks):
    def fault(
        self, error: str, word: str, before: bytes, wrong: bytes, *events: StreamEvent, stream: int = 1
    ) -> None:
        """The stream ends with this code; the connection goes on, also with more of that stream."""

        def make() -> Http2ServerCodec:
            codec = Http2ServerCodec(Http2Limits(window=65536))
            codec.receive(HELLO + before)
            codec.outgoing()
            return codec

        late = data(stream, b"late") + window(stream, 1) + frame("RST_STREAM", stream, number(8))
        codec = self.talk(
            make,
            ("in", wrong, *events, (stream, Malformed(word))),
            ("out", ("RST_STREAM", stream, error)),
            ("say", stream, OK, END),
            ("in", late + headers(stream, [("x", "y")], ends=True)),
            ("out",),
            ("in", headers(stream + 2, asked(), ends=True), (stream + 2, head()), (stream + 2, END)),
        )
        self.assertEqual((codec.open, codec.broken), (1, False))

    def test_heads(self) -> None:
        lists: list[tuple[str, list[Pair]]] = [
            ("upper_case_name", asked(("X-A", "b"))),
            ("connection_field", asked(("connection", "close"))),
            ("connection_field", asked(("transfer-encoding", "chunked"))),
            ("connection_field", asked(("te", "gzip"))),
            ("pseudo_field", [("x", "y"), *asked()]),
            ("pseudo_field", asked((":path", "/"))),
            ("pseudo_field", asked()[1:]),
            ("bad_header", asked(("x", "a\r\nGET / HTTP/1.1"))),
            ("bad_target", asked(path="/ HTTP/1.1\r\nx: y")),
            ("bad_host", asked(authority="u@a")),
            ("host_mismatch", asked(("host", "b"))),
            ("bad_content_length", asked(("content-length", "+1"))),
            ("bad_content_length", asked(("content-length", "1"), ("content-length", "1"))),
            ("connect_refused", asked(method="CONNECT")),
        ]
        for word, fields in lists:
            for ends in (False, True):
                self.fault("PROTOCOL_ERROR", word, b"", headers(1, fields, ends=ends))
        self.fault("ENHANCE_YOUR_CALM", "too_many_fields", b"", headers(1, asked(*[("x", "y")] * 101)))
        self.fault(
            "PROTOCOL_ERROR", "body_length", b"", headers(1, asked(("content-length", "1")), ends=True)
        )

    def test_lengths(self) -> None:
        sized = headers(1, asked(("content-length", "3"), method="PUT"))
        self.fault("PROTOCOL_ERROR", "body_length", sized, data(1, b"abcd"))
        self.fault("PROTOCOL_ERROR", "body_length", sized, data(1, b"ab", ends=True), (1, Data(b"ab")))
        self.fault("PROTOCOL_ERROR", "body_length", sized, data(1, b"", ends=True))
        self.fault("PROTOCOL_ERROR", "body_length", sized, headers(1, [("x", "y")], ends=True))

    def test_trailers(self) -> None:
        for word, fields in (
            ("pseudo_field", [(":path", "/")]),
            ("pseudo_field", [("x", "y"), (":status", "200")]),
            ("connection_field", [("transfer-encoding", "chunked")]),
            ("bad_trailer", [("content-length", "1")]),
            ("upper_case_name", [("X", "y")]),
            ("bad_header", [("x", "\n")]),
        ):
            self.fault("PROTOCOL_ERROR", word, OPEN, headers(1, fields, ends=True))  # type: ignore[arg-type]
        self.fault("PROTOCOL_ERROR", "stream_state", OPEN, headers(1, [("x", "y")]))
        self.fault("PROTOCOL_ERROR", "stream_state", OPEN, headers(1, asked()))
        self.fault("ENHANCE_YOUR_CALM", "too_many_fields", OPEN, headers(1, [("x", "y")] * 101, ends=True))

    def test_behind_the_end(self) -> None:
        whole = headers(1, asked(), ends=True)
        self.fault("STREAM_CLOSED", "stream_state", whole, data(1, b"x"))
        self.fault("STREAM_CLOSED", "stream_state", whole, data(1, b"", ends=True))
        self.fault("STREAM_CLOSED", "stream_state", whole, headers(1, [("x", "y")], ends=True))
        self.fault("STREAM_CLOSED", "stream_state", whole, headers(1, asked()))

    def test_windows(self) -> None:
        self.fault("PROTOCOL_ERROR", "frame_malformed", OPEN, window(1, 0))
        self.fault("FLOW_CONTROL_ERROR", "flow_control", OPEN, window(1, 2**31 - 1))
        filled = OPEN + data(1, bytes(16384)) * 4
        self.fault("FLOW_CONTROL_ERROR", "flow_control", filled, data(1, b"x"))
        self.fault("FLOW_CONTROL_ERROR", "flow_control", filled, frame("DATA", 1, b"\0", PADDED))

    def test_a_small_window_before_it_is_known(self) -> None:
        """Until the client has seen our settings it may send what every window begins with."""
        codec = Http2ServerCodec(Http2Limits(window=1000))
        part = data(1, bytes(13107))
        codec.receive(HELLO + OPEN + part * 5)
        codec.outgoing()
        codec.credit(1, 65535)
        self.assertEqual(codec.outgoing(), window(1, 65535))
        over = (1, Malformed("flow_control", "the stream's window"))
        [came] = codec.receive(frame("SETTINGS", 0, b"", ACK) + data(1, bytes(1000)))
        self.assertEqual(came, (1, Data(bytes(1000))))
        self.assertEqual(codec.receive(data(1, b"x")), [over])
        unsettled = Http2ServerCodec(Http2Limits(window=1000))
        self.assertEqual(unsettled.receive(HELLO + OPEN + part * 5)[-1], (1, Data(bytes(13107))))
        self.assertEqual(unsettled.receive(data(1, b"x")), [over])

    def test_a_stream_that_depends_on_itself(self) -> None:
        selfish = number(2**31 + 1) + b"\0"
        self.fault("PROTOCOL_ERROR", "frame_malformed", OPEN, frame("PRIORITY", 1, selfish))
        self.fault("FRAME_SIZE_ERROR", "frame_size", OPEN, frame("PRIORITY", 1, bytes(6)))
        self.fault(
            "PROTOCOL_ERROR",
            "frame_malformed",
            b"",
            frame("HEADERS", 1, selfish + block(*asked()), 4 | WITH_PRIORITY),
        )

    def test_the_connections_window(self) -> None:
        """It is opened by the codec itself, so only who pays no attention goes beyond it."""
        codec = Http2ServerCodec(Http2Limits(window=1 << 20, connection_window=65535))
        codec.receive(HELLO + OPEN)
        codec.outgoing()
        for _ in range(50):
            codec.receive(data(1, bytes(16384)))
        self.assertFalse(codec.broken)
        opened = [each[2] for each in Peer().read(codec.outgoing())]
        self.assertEqual(65535 - 50 * 16384 + sum(opened), codec._left)

    def test_the_connections_window_too_small_for_a_frame(self) -> None:
        codec = Http2ServerCodec(Http2Limits(window=1 << 20))
        codec._left = 100
        codec.receive(HELLO + OPEN)
        codec.outgoing()
        self.assertEqual(
            codec.receive(data(1, bytes(101)))[-1], (0, Malformed("flow_control", "the connection's window"))
        )
        self.assertEqual(Peer().read(codec.outgoing()), [("GOAWAY", 1, "FLOW_CONTROL_ERROR")])


class Sections(Talks):
    def test_padded(self) -> None:
        body = block(*asked(method="PUT"))
        self.serve(
            ("in", frame("HEADERS", 1, b"\x03" + body + bytes(3), 4 | PADDED), PUT),
            (
                "in",
                frame("DATA", 1, b"\x00abc", PADDED) + frame("DATA", 1, b"\x02def\0\0", PADDED),
                (1, Data(b"abcdef")),
            ),
            ("in", frame("DATA", 1, b"\x01\0", PADDED | 1), (1, END)),
        )

    def test_padded_and_with_a_priority(self) -> None:
        payload = b"\x02" + number(3) + b"\x10" + block(*asked()) + bytes(2)
        self.serve(("in", frame("HEADERS", 1, payload, 5 | PADDED | WITH_PRIORITY), (1, head()), (1, END)))

    def test_in_pieces(self) -> None:
        body = block(*asked())
        for at in range(len(body) + 1):
            pieces = (
                frame("HEADERS", 1, body[:at], 1)
                + frame("CONTINUATION", 1)
                + frame("CONTINUATION", 1, body[at:], 4)
            )
            self.serve(("in", pieces + NEXT, (1, head()), (1, END), (3, head()), (3, END)))

    def test_trailers_without_fields(self) -> None:
        self.serve(("in", OPEN + headers(1, [], ends=True), PUT, (1, END)))

    def test_trailers_of_two_streams(self) -> None:
        self.serve(
            ("in", OPEN + headers(3, asked(method="PUT")), PUT, (3, PUT[1])),
            ("in", headers(3, [("x", "3")], ends=True), (3, End(Headers([(b"x", b"3")])))),
            (
                "in",
                data(1, b"x") + headers(1, [("x", "1")], ends=True),
                (1, Data(b"x")),
                (1, End(Headers([(b"x", b"1")]))),
            ),
        )

    def test_tables_follow_what_is_refused(self) -> None:
        """A block that is thrown away changes the table for those that come after it."""
        entry = b"\x40\x03x-a\x01b"
        codec = Http2ServerCodec(Http2Limits(streams=1))
        codec.receive(HELLO + OPEN)
        for refused in (
            frame("HEADERS", 3, block(*asked()) + entry, 5),
            frame("HEADERS", 5, entry + block(*asked()), 5),
            frame("HEADERS", 3, entry, 5),
        ):
            self.assertEqual(codec.receive(refused), [])
        codec.reset(1, 0)
        events = codec.receive(frame("HEADERS", 7, block(*asked()) + b"\xbe\xbf\xc0", 5))
        self.assertEqual(events[0], (7, head(b"GET", b"/", 0, *[(b"x-a", b"b")] * 3)))
