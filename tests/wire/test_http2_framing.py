"""Frames that may not be so end the connection, or their stream, with the code that the RFC names."""

from __future__ import annotations

from tests.wire.http2_conversations import (
    ACK,
    END,
    HELLO,
    PREFACE,
    Peer,
    asked,
    data,
    frame,
    headers,
    number,
    settings,
    window,
)
from tests.wire.test_http2_server import OK, Talks, head
from toron.wire.events import GoingAway, Malformed, ResponseHead
from toron.wire.headers import Headers
from toron.wire.http2 import Http2Limits, Http2ServerCodec

OPEN = headers(1, asked(method="PUT"))
"""A request whose body is still to come."""


class Greeting(Talks):
    def test_of_something_else(self) -> None:
        for wrong in (
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\r\n", b"PRI * HTTP/1.1",
            b"\x16\x03\x01", PREFACE + frame("PING", 0, bytes(8)), PREFACE + headers(1, asked()),
            PREFACE + frame("SETTINGS", 0, b"", ACK), PREFACE + frame(99, 0), PREFACE + PREFACE,
        ):  # fmt: skip
            codec = self.talk(
                Http2ServerCodec,
                ("do", "outgoing"),
                ("in", wrong, (0, Malformed("preface"))),
                ("out", ("GOAWAY", 0, "PROTOCOL_ERROR")),
                ("in", HELLO + headers(1, asked(), ends=True)),
                ("do", "drain"),
                ("do", "close"),
                ("out",),
            )
            self.assertTrue(codec.broken and codec.draining)

    def test_told_as_soon_as_it_is_seen(self) -> None:
        codec = Http2ServerCodec()
        self.assertEqual(codec.receive(b"PR"), [])
        self.assertEqual(len(codec.receive(b"O")), 1)

    def test_with_settings(self) -> None:
        self.talk(
            Http2ServerCodec,
            ("do", "outgoing"),
            ("in", PREFACE + settings({1: 0, 3: 0, 4: 1, 5: 16384, 6: 9, 99: 7})),
            ("out", ("SETTINGS", "ack")),
        )


class Connection(Talks):
    """What ends the connection."""

    def ends(self, error: str, word: str, wrong: bytes, before: bytes = OPEN, last: int = 1) -> None:
        def make() -> Http2ServerCodec:
            codec = Http2ServerCodec()
            codec.receive(HELLO + before)
            codec.outgoing()
            return codec

        codec = self.talk(
            make,
            ("in", wrong, (0, Malformed(word))),
            ("out", ("GOAWAY", last, error)),
            ("in", headers(9, asked(), ends=True)),
            ("out",),
        )
        self.assertTrue(codec.broken)
        self.assertEqual(codec.open, 0)
        # Whoever still has something to say about a stream need not know.
        codec.send(1, OK)
        codec.credit(1, 1)
        codec.reset(1, 8)
        self.assertEqual((codec.queued(1), codec.outgoing()), (0, b""))

    def test_sizes(self) -> None:
        for wrong in (
            frame("DATA", 1, bytes(16385)), frame(99, 0, bytes(16385)),
            b"\xff\xff\xff\x00",  # of the rest nothing has to be seen, but for the eight octets more
        ):  # fmt: skip
            self.ends("FRAME_SIZE_ERROR", "frame_size", wrong.ljust(9, b"\0"))
        for kind, stream, sizes in (
            ("RST_STREAM", 1, (0, 3, 5)), ("PING", 0, (0, 7, 9)), ("WINDOW_UPDATE", 1, (0, 3, 5)),
            ("WINDOW_UPDATE", 0, (0, 3, 5)), ("SETTINGS", 0, (1, 5, 7)), ("GOAWAY", 0, (0, 7)),
        ):  # fmt: skip
            for size in sizes:
                self.ends("FRAME_SIZE_ERROR", "frame_size", frame(kind, stream, bytes(size)))
        self.ends("FRAME_SIZE_ERROR", "frame_size", frame("SETTINGS", 0, bytes(6), ACK))
        self.ends("FRAME_SIZE_ERROR", "frame_size", frame("PRIORITY", 3, bytes(4)))
        self.ends("FRAME_SIZE_ERROR", "frame_size", frame("HEADERS", 3, bytes(4), 0x24))
        self.ends("FRAME_SIZE_ERROR", "frame_size", frame("DATA", 1, b"", 8))
        self.ends("FRAME_SIZE_ERROR", "frame_size", frame("HEADERS", 3, b"", 8))

    def test_streams_they_may_not_be_of(self) -> None:
        for wrong in (
            frame("SETTINGS", 1), frame("PING", 1, bytes(8)), frame("GOAWAY", 1, bytes(8)),
            headers(0, asked()), headers(2, asked()), frame("PRIORITY", 0, bytes(5)),
        ):  # fmt: skip
            self.ends("PROTOCOL_ERROR", "frame_malformed", wrong)
        for wrong in (
            data(0, b"x"), data(3, b"x"), data(2, b"x"), frame("RST_STREAM", 0, bytes(4)),
            frame("RST_STREAM", 3, bytes(4)), frame("RST_STREAM", 2, bytes(4)), window(3, 1), window(2, 1),
            frame("CONTINUATION", 0, b"", 4), frame("CONTINUATION", 1, b"", 4),
            frame("CONTINUATION", 3, b"", 4),
            frame("PUSH_PROMISE", 1, bytes(4), 4), frame("PUSH_PROMISE", 2, bytes(4), 4),
        ):  # fmt: skip
            self.ends("PROTOCOL_ERROR", "stream_state", wrong)

    def test_settings(self) -> None:
        for name, value, error, word in (
            (2, 2, "PROTOCOL_ERROR", "frame_malformed"),
            (4, 2**31, "FLOW_CONTROL_ERROR", "flow_control"),
            (5, 16383, "PROTOCOL_ERROR", "frame_malformed"),
        ):
            self.ends(error, word, settings({name: value}))

    def test_windows(self) -> None:
        self.ends("PROTOCOL_ERROR", "frame_malformed", window(0, 0))
        self.ends("FLOW_CONTROL_ERROR", "flow_control", window(0, 2**31 - 1))
        self.ends("FLOW_CONTROL_ERROR", "flow_control", settings({4: 2**31 - 1}), OPEN + window(1, 1))
        # The reserved bit means nothing (section 6.9).
        codec = Http2ServerCodec()
        codec.receive(HELLO + OPEN + frame("WINDOW_UPDATE", 1, number(2**31 + 1)))
        self.assertFalse(codec.broken)

    def test_within_a_head(self) -> None:
        begun = OPEN + frame("HEADERS", 3, b"\x82")
        for wrong in (
            data(1, b"x"), frame("PING", 0, bytes(8)), settings(), frame("CONTINUATION", 1),
            frame("HEADERS", 3), frame("CONTINUATION", 5), window(0, 1), frame("PRIORITY", 3, bytes(5)),
            frame(99, 3), frame("RST_STREAM", 3, bytes(4)), frame("GOAWAY", 0, bytes(8)),
        ):  # fmt: skip
            self.ends("PROTOCOL_ERROR", "stream_state", wrong, begun)

    def test_priority_of_itself_before_it_begins(self) -> None:
        self.ends("PROTOCOL_ERROR", "frame_malformed", frame("PRIORITY", 3, number(3) + b"\0"))

    def test_numbers_that_go_back(self) -> None:
        self.ends("PROTOCOL_ERROR", "stream_state", headers(3, asked()), headers(5, asked()), 5)
        over = headers(1, asked(), ends=True) + frame("RST_STREAM", 1, number(8))
        self.ends("STREAM_CLOSED", "stream_state", headers(1, asked()), over)
        self.ends("STREAM_CLOSED", "stream_state", data(1, b"x"), over)

    def test_compression(self) -> None:
        for wrong in (b"\x80", b"\xff", b"\x40", b"\xbe", b"\x82\x20", b"\x3f\xe2\x1f", b"\x40\x81\xff\x00"):
            self.ends("COMPRESSION_ERROR", "compression", frame("HEADERS", 3, wrong, 5))
            # Also in trailers, and on streams that are gone.
            self.ends("COMPRESSION_ERROR", "compression", frame("HEADERS", 1, wrong, 5))
            gone = headers(1, asked(("A", "b")))
            self.ends("COMPRESSION_ERROR", "compression", frame("HEADERS", 1, wrong, 5), gone)

    def test_padding(self) -> None:
        for wrong in (b"\x01", b"\x05abcde"[:5], b"\xff" + bytes(254)):
            self.ends("PROTOCOL_ERROR", "frame_malformed", frame("DATA", 1, wrong, 8))
            self.ends("PROTOCOL_ERROR", "frame_malformed", frame("HEADERS", 3, wrong, 12))


class Told(Talks):
    def test_unknown_types_are_left_out(self) -> None:
        self.serve(
            ("in", frame(10, 0, b"x") + frame(255, 7, bytes(100), 255) + frame(99, 2)),
            ("in", headers(1, asked(), ends=True), (1, head()), (1, END)),
            ("out",),
        )

    def test_ping(self) -> None:
        self.serve(
            ("in", frame("PING", 0, b"12345678")),
            ("out", ("PING", b"12345678", "ack")),
            ("in", frame("PING", 0, b"12345678", ACK)),
            ("out",),
        )

    def test_goaway(self) -> None:
        codec = self.serve(
            ("in", frame("GOAWAY", 0, number(0) + number(2) + b"bye"), (0, GoingAway(2, b"bye"))),
            ("in", headers(1, asked(), ends=True), (1, head()), (1, END)),
        )
        self.assertFalse(codec.broken)

    def test_settings_are_followed(self) -> None:
        fields = Headers([(b"x-a", b"b")])
        codec = Http2ServerCodec()
        codec.receive(HELLO)
        peer = Peer()
        for stream, table in ((1, None), (3, 0), (5, 4096)):
            if table is not None:
                codec.receive(settings({1: table}))
                peer.hpack.max_allowed_table_size = table
            codec.receive(headers(stream, asked(), ends=True))
            codec.send(stream, ResponseHead(200, fields))
            self.assertIn(
                ("HEADERS", stream, [(b":status", b"200"), (b"x-a", b"b")]), peer.read(codec.outgoing())
            )
            self.assertEqual(peer.hpack.header_table_size, 4096 if table is None else table)

    def test_reserved_bits_of_a_stream(self) -> None:
        wrong = bytearray(headers(1, asked(), ends=True))
        wrong[5] |= 0x80
        self.serve(("in", bytes(wrong), (1, head()), (1, END)))

    def test_limits_are_its_own(self) -> None:
        self.talk(
            lambda: Http2ServerCodec(Http2Limits(streams=7, window=99, head_most=5, connection_window=9)),
            ("out", ("SETTINGS", {3: 7, 4: 99, 6: 5, 8: 1, 9: 1})),
        )
