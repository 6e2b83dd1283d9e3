"""What is said keeps to the other side's windows, and streams take turns."""

from __future__ import annotations

from tests.wire.http2_conversations import END, HELLO, Peer, asked, data, frame, headers, settings, window
from tests.wire.test_http2_server import OK, Talks, head
from toron.wire.events import Data, End, Room
from toron.wire.headers import Headers
from toron.wire.http2 import Http2Limits, Http2ServerCodec


class Windows(Talks):
    def test_what_came_is_credited(self) -> None:
        """The connection's window by the codec itself, a stream's when its user has taken the data."""
        part = b"x" * 16384
        codec = Http2ServerCodec(Http2Limits(window=65536, connection_window=200_000))
        codec.receive(HELLO + headers(1, asked(method="PUT")))
        codec.outgoing()
        for _ in range(4):
            codec.receive(data(1, part))
        self.assertEqual(codec.outgoing(), b"")
        codec.credit(1, 32767)
        self.assertEqual(codec.outgoing(), b"")
        codec.credit(1, 1)
        self.assertEqual(codec.outgoing(), window(1, 32768))
        codec.receive(data(1, part) + data(1, part))
        self.assertEqual(codec.outgoing(), b"")
        codec.receive(data(1, b"x"))
        self.assertEqual(Peer().read(codec.outgoing())[-1], ("RST_STREAM", 1, "FLOW_CONTROL_ERROR"))
        codec.receive(data(1, part))
        self.assertEqual(codec.outgoing(), window(0, 7 * 16384 + 1))

    def test_credit_for_more_than_came(self) -> None:
        codec = Http2ServerCodec(Http2Limits(window=65536))
        codec.receive(HELLO + headers(1, asked(method="PUT")) + data(1, b"x" * 10))
        codec.outgoing()
        codec.credit(1, 1 << 40)
        codec.credit(3, 1)
        self.assertEqual(codec.outgoing(), b"")

    def test_padding_counts(self) -> None:
        """And is credited at once, since nobody takes it."""
        codec = Http2ServerCodec(Http2Limits(window=65536))
        codec.receive(HELLO + headers(1, asked(method="PUT")))
        codec.outgoing()
        padded = frame("DATA", 1, b"\xff" + b"x" + bytes(255), 8)
        for _ in range(127):
            self.assertEqual(codec.receive(padded), [(1, Data(b"x"))])
        self.assertEqual(codec.outgoing(), b"")
        codec.receive(padded)
        self.assertEqual(codec.outgoing(), window(1, 128 * 256))

    def test_never_more_than_the_windows(self) -> None:
        get = headers(1, asked(), ends=True)
        codec = self.serve(
            ("in", settings({4: 10}), ),
            ("out", ("SETTINGS", "ack")),
            ("in", get, (1, head()), (1, END)),
            ("say", 1, OK, Data(b"0123456789abcdef"), END),
            ("out", ("HEADERS", 1, [(b":status", b"200")]), ("DATA", 1, b"0123456789")),
            # Smaller for open streams too, so below nothing (RFC 9113 section 6.9.2).
            ("in", settings({4: 5})),
            ("in", window(1, 5)),
            ("out", ("SETTINGS", "ack")),
            ("in", window(1, 1)),
            ("out", ("DATA", 1, b"a")),
            ("in", settings({4: 65535})),
            ("out", ("SETTINGS", "ack"), ("DATA", 1, b"bcdef", "end")),
        )  # fmt: skip
        self.assertFalse(codec.open)

    def test_trailers_wait_their_turn(self) -> None:
        self.serve(
            ("in", settings({4: 2})),
            ("out", ("SETTINGS", "ack")),
            ("in", headers(1, asked(), ends=True), (1, head()), (1, END)),
            ("say", 1, OK, Data(b"abc"), End(Headers([(b"x", b"y")]))),
            ("out", ("HEADERS", 1, [(b":status", b"200")]), ("DATA", 1, b"ab")),
            ("in", window(1, 5)),
            ("out", ("DATA", 1, b"c"), ("HEADERS", 1, [(b"x", b"y")], "end")),
        )

    def test_frames_no_larger_than_the_client_takes(self) -> None:
        for largest in (None, 20000):
            codec = Http2ServerCodec()
            codec.receive(
                HELLO + settings({4: 1 << 20} | ({5: largest} if largest else {})) + window(0, 1 << 20)
            )
            codec.receive(headers(1, asked(), ends=True))
            codec.outgoing()
            codec.send(1, OK)
            codec.send(1, Data(b"x" * 100_000))
            peer = Peer()
            self.assertEqual(b"".join(each[2] for each in peer.read(codec.outgoing())[1:]), b"x" * 100_000)
            self.assertEqual(max(peer.sizes), largest or 16384)

    def test_streams_take_turns(self) -> None:
        codec = Http2ServerCodec()
        codec.receive(HELLO + settings({4: 1 << 20}))
        for stream in (1, 3, 5):
            codec.receive(headers(stream, asked(), ends=True))
            codec.send(stream, OK)
        codec.send(1, Data(b"x" * 65535))
        codec.outgoing()
        codec.send(1, Data(b"a" * 40000))
        codec.send(3, Data(b"b" * 20000))
        codec.send(5, Data(b"c" * 10))
        self.assertEqual(codec.outgoing(), b"")
        codec.receive(window(0, 1 << 20))
        seen = [each[1] for each in Peer().read(codec.outgoing())]
        self.assertEqual(seen, [1, 3, 5, 1, 3, 1])

    def test_turns_go_on_where_the_window_ended(self) -> None:
        codec = Http2ServerCodec()
        codec.receive(HELLO + settings({4: 1 << 20}))
        for stream in (1, 3, 5):
            codec.receive(headers(stream, asked(), ends=True))
            codec.send(stream, OK)
        codec.send(1, Data(b"x" * 65535))
        codec.outgoing()
        for stream in (1, 3, 5):
            codec.send(stream, Data(b"a" * 99999))
        order = []
        for _ in range(6):
            codec.receive(window(0, 16384))
            order += [each[1] for each in Peer().read(codec.outgoing())]
        self.assertEqual(order, [1, 3, 5, 1, 3, 5])

    def test_room(self) -> None:
        get = headers(1, asked(), ends=True)
        codec = self.serve(
            ("in", get, (1, head()), (1, END)),
            ("say", 1, OK, Data(b"x" * 65535)),
            ("do", "outgoing"),
            ("say", 1, Data(b"x" * 65536)),
            ("in", window(0, 1 << 20) + window(1, 40000)),
            ("say", 1, Data(b"x" * 40001)),
            ("in", window(1, 32769)),
            ("in", window(1, 1), (1, Room())),
            ("in", window(1, 1)),
        )
        self.assertEqual(codec.queued(1), 65536 + 40001 - 40000 - 32769 - 2)

    def test_room_for_who_says_more_than_it_should(self) -> None:
        self.serve(
            ("in", headers(1, asked(), ends=True), (1, head()), (1, END)),
            ("say", 1, OK, Data(b"x" * (65535 + 70_000))),
            ("in", window(0, 1 << 20) + window(1, 20_000)),
            ("say", 1, Data(b"x")),
            ("in", window(1, 20_000), (1, Room())),
        )

    def test_room_after_a_change_of_settings(self) -> None:
        self.serve(
            ("in", headers(1, asked(), ends=True), (1, head()), (1, END)),
            ("say", 1, OK, Data(b"x" * 200_000)),
            ("in", window(0, 1 << 20)),
            ("in", settings({4: 1 << 20}), (1, Room())),
        )
