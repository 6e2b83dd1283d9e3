"""Exchanges of the server's side: requests in, responses out, tunnels, windows, and the end."""

from __future__ import annotations

from typing import Any

from tests.wire.http2_conversations import (
    ACK,
    END,
    HELLO,
    WITH_PRIORITY,
    Conversations,
    Peer,
    asked,
    code,
    data,
    frame,
    headers,
    number,
    window,
)
from toron.wire.events import Data, End, Malformed, RequestHead, Reset, ResponseHead
from toron.wire.headers import Headers
from toron.wire.http2 import Http2Limits, Http2ServerCodec

GREETING = (
    ("SETTINGS", {3: 100, 4: 128 << 10, 6: 32 << 10, 8: 1, 9: 1}),
    ("WINDOW_UPDATE", 0, (16 << 20) - 65535),
)
OK = ResponseHead(200, Headers())
HOPS = [
    (b"Connection", b"close"), (b"Keep-Alive", b"x"), (b"Upgrade", b"h2c"),
    (b"Transfer-Encoding", b"chunked"),
]  # fmt: skip


def head(
    method: bytes = b"GET",
    target: bytes = b"/",
    length: int | None = 0,
    *more: tuple[bytes, bytes],
    **said: Any,
) -> RequestHead:
    fields = Headers([(b"Host", b"a"), *more])
    return RequestHead(method, target, fields, b"a", (2, 0), length, **said)


class Talks(Conversations):
    def serve(self, *steps: tuple[Any, ...], limits: Http2Limits | None = None) -> Http2ServerCodec:
        """A conversation after both have greeted each other."""
        hello = (("in", HELLO), ("do", "outgoing"), ("in", frame("SETTINGS", 0, b"", ACK)))

        def make() -> Http2ServerCodec:
            return Http2ServerCodec(limits or Http2Limits())

        codec: Http2ServerCodec = self.talk(make, *hello, *steps)
        return codec


class Exchanges(Talks):
    def test_greeting(self) -> None:
        self.talk(
            Http2ServerCodec,
            ("out", *GREETING),
            ("in", HELLO),
            ("out", ("SETTINGS", "ack")),
        )

    def test_get(self) -> None:
        codec = self.serve(
            (
                "in",
                headers(1, asked(("x-a", "b")), ends=True),
                (1, head(b"GET", b"/", 0, (b"x-a", b"b"))),
                (1, END),
            ),
            ("say", 1, ResponseHead(200, Headers([(b"X-B", b"c")]), length=2), Data(b"ok"), END),
            (
                "out",
                ("HEADERS", 1, [(b":status", b"200"), (b"x-b", b"c"), (b"content-length", b"2")]),
                ("DATA", 1, b"ok", "end"),
            ),
        )
        self.assertEqual((codec.open, codec.broken), (0, False))

    def test_post_of_known_length_and_trailers_both_ways(self) -> None:
        self.serve(
            (
                "in",
                headers(1, asked(("content-length", "5"), ("te", "trailers"), method="POST"))
                + data(1, b"he") + data(1, b"llo") + headers(1, [("x-sum", "7")], ends=True),
                (1, head(b"POST", b"/", 5, accepts_trailers=True)), (1, Data(b"hello")),
                (1, End(Headers([(b"x-sum", b"7")]))),
            ),
            ("say", 1, OK, Data(b"a"), Data(b"b"), End(Headers([(b"Grpc-Status", b"0")]))),
            (
                "out", ("HEADERS", 1, [(b":status", b"200")]), ("DATA", 1, b"a"), ("DATA", 1, b"b"),
                ("HEADERS", 1, [(b"grpc-status", b"0")], "end"),
            ),
        )  # fmt: skip

    def test_a_response_without_anything_behind_its_head(self) -> None:
        get = headers(1, asked(), ends=True)
        only = ("HEADERS", 1, [(b":status", b"200")], "end")
        self.serve(("in", get, (1, head()), (1, END)), ("say", 1, OK, END), ("out", only))
        self.serve(
            ("in", get, (1, head()), (1, END)),
            ("say", 1, OK),
            ("out", only[:3]),
            ("say", 1, END),
            ("out", ("DATA", 1, b"", "end")),
        )
        self.serve(
            ("in", get, (1, head()), (1, END)),
            ("say", 1, OK, Data(b"")),
            ("say", 1, End(Headers())),
            ("out", only),
        )

    def test_the_end_rides_on_what_has_not_left(self) -> None:
        """Also where another stream has said something since."""
        get = headers(1, asked(), ends=True) + headers(3, asked(), ends=True)
        self.serve(
            ("in", get, (1, head()), (1, END), (3, head()), (3, END)),
            ("say", 1, OK, Data(b"x")),
            ("say", 3, OK),
            ("say", 1, END),
            ("say", 3, END),
            (
                "out", ("HEADERS", 1, [(b":status", b"200")]), ("DATA", 1, b"x", "end"),
                ("HEADERS", 3, [(b":status", b"200")], "end"),
            ),
        )  # fmt: skip

    def test_bodiless(self) -> None:
        for method, status, length, said in (
            ("HEAD", 200, 7, [(b"content-length", b"7")]),
            ("HEAD", 200, 0, [(b"content-length", b"0")]),
            ("HEAD", 200, None, []),
            ("GET", 204, 0, []),
            ("GET", 204, None, []),
            ("GET", 304, 0, []),
            ("GET", 304, 9, []),
        ):
            self.serve(
                ("in", headers(1, asked(method=method), ends=True), (1, head(method.encode())), (1, END)),
                ("say", 1, ResponseHead(status, Headers(), length=length), Data(b"left out"), END),
                ("out", ("HEADERS", 1, [(b":status", b"%d" % status), *said], "end")),
            )

    def test_interim(self) -> None:
        self.serve(
            (
                "in", headers(1, asked(("expect", "100-continue"), method="PUT")),
                (1, head(b"PUT", b"/", None, expects_continue=True)),
            ),
            ("say", 1, ResponseHead(100, Headers()), ResponseHead(103, Headers([(b"Link", b"x")])), OK),
            (
                "out", ("HEADERS", 1, [(b":status", b"100")]),
                ("HEADERS", 1, [(b":status", b"103"), (b"link", b"x")]),
                ("HEADERS", 1, [(b":status", b"200")]),
            ),
        )  # fmt: skip

    def test_an_early_response_and_the_rest_of_the_request(self) -> None:
        codec = self.serve(
            ("in", headers(1, asked(method="PUT")), (1, head(b"PUT", b"/", None))),
            ("say", 1, OK, END),
            ("out", ("HEADERS", 1, [(b":status", b"200")], "end")),
            ("in", data(1, b"abc"), (1, Data(b"abc"))),
            ("do", "reset", 1, code("NO_ERROR")),
            ("do", "reset", 1, code("NO_ERROR")),
            ("out", ("RST_STREAM", 1, "NO_ERROR")),
            ("in", data(1, b"abc") + headers(1, [("x", "y")], ends=True) + window(1, 9)),
        )
        self.assertFalse(codec.open or codec.broken)

    def test_an_early_response_that_waits_for_windows(self) -> None:
        """It arrives whole before the request is given up (RFC 9113 section 8.1)."""
        early = (
            ("in", headers(1, asked(method="PUT")), (1, head(b"PUT", b"/", None))),
            ("say", 1, OK, Data(b"x" * 65536), END),
            ("do", "reset", 1, code("NO_ERROR")),
            (
                "out",
                ("HEADERS", 1, [(b":status", b"200")]),
                *[("DATA", 1, b"x" * 16384)] * 3,
                ("DATA", 1, b"x" * 16383),
            ),
        )
        codec = self.serve(
            *early,
            ("in", data(1, b"abc") + headers(3, asked(), ends=True), (3, head()), (3, END)),
            ("do", "credit", 1, 3),
            ("in", window(1, 9) + window(0, 9)),
            ("out", ("DATA", 1, b"x", "end"), ("RST_STREAM", 1, "NO_ERROR")),
            ("in", data(1, b"abc") + frame("RST_STREAM", 1, number(0))),
        )
        self.assertEqual((codec.open, codec.broken), (1, False))
        for last in (data(1, b"", ends=True), headers(1, [("x", "y")], ends=True)):
            codec = self.serve(
                *early,
                ("in", last),
                ("in", window(1, 9) + window(0, 9)),
                ("out", ("DATA", 1, b"x", "end")),
            )
            self.assertFalse(codec.open or codec.broken)
        for wrong, said in (
            (frame("RST_STREAM", 1, number(8)), ()),
            (window(1, 0), (("RST_STREAM", 1, "PROTOCOL_ERROR"),)),
        ):
            codec = self.serve(*early, ("in", wrong), ("in", window(0, 9)), ("out", *said))
            self.assertFalse(codec.open or codec.broken)

    def test_what_may_not_be_said(self) -> None:
        codec = Http2ServerCodec()
        codec.receive(HELLO + headers(1, asked(), ends=True))
        switched = ResponseHead(101, Headers(), upgrade=b"websocket")
        for wrong in (Data(b"x"), END, switched, ResponseHead(99, Headers()), head(), Malformed("x")):
            self.assertRaises(ValueError, codec.send, 1, wrong)
        for stream in (0, 2, 3):
            self.assertRaises(ValueError, codec.send, stream, OK)
        for name, value in (
            (b"a b", b""),
            (b"", b""),
            (b"a", b"b\r\nc: d"),
            (b"a", b"\0"),
            (b":status", b"200"),
        ):
            self.assertRaises(ValueError, codec.send, 1, ResponseHead(200, Headers([(name, value)])))
        codec.send(1, ResponseHead(200, Headers(), length=2))
        self.assertRaises(ValueError, codec.send, 1, OK)
        self.assertRaises(ValueError, codec.send, 1, END)
        self.assertRaises(ValueError, codec.send, 1, Data(b"abc"))
        codec.send(1, Data(b"ab"))
        codec.send(1, END)
        # It is over on both sides, and forgotten.
        codec.send(1, Data(b"ab"))
        self.assertEqual(Peer().read(codec.outgoing())[-1], ("DATA", 1, b"ab", "end"))

    def test_fields_of_the_connection_are_left_out(self) -> None:
        self.serve(
            ("in", headers(1, asked(), ends=True), (1, head()), (1, END)),
            ("say", 1, ResponseHead(200, Headers([*HOPS, (b"Server", b" x ")])), END),
            ("out", ("HEADERS", 1, [(b":status", b"200"), (b"server", b"x")], "end")),
        )  # fmt: skip

    def test_large_heads(self) -> None:
        """In CONTINUATION frames both ways."""
        long = b"x" * 20000
        whole = headers(1, asked(("x-long", long)), ends=True)[9:]
        cut = (
            frame("HEADERS", 1, whole[:5], 1) + frame("CONTINUATION", 1, whole[5:9000])
            + frame("CONTINUATION", 1, whole[9000:], 4)
        )  # fmt: skip
        self.serve(
            ("in", cut, (1, head(b"GET", b"/", 0, (b"x-long", long))), (1, END)),
            ("say", 1, ResponseHead(200, Headers([(b"x-long", long)])), END),
            ("out", ("HEADERS", 1, [(b":status", b"200"), (b"x-long", long)], "end")),
        )


class Tunnels(Talks):
    CONNECT = (
        (":method", "CONNECT"), (":protocol", "WebSocket"), (":scheme", "https"), (":path", "/chat"),
        (":authority", "a"), ("sec-websocket-version", "13"),
    )  # fmt: skip
    HEAD = head(b"GET", b"/chat", 0, (b"sec-websocket-version", b"13"), upgrade=b"websocket")

    def test_opened(self) -> None:
        switched = ResponseHead(
            101,
            Headers([(b"Sec-WebSocket-Accept", b"x"), (b"Sec-WebSocket-Protocol", b"p")]),
            upgrade=b"websocket",
        )
        codec = self.serve(
            ("in", headers(1, self.CONNECT), (1, self.HEAD)),
            ("say", 1, switched, Data(b"hi")),
            (
                "out",
                ("HEADERS", 1, [(b":status", b"200"), (b"sec-websocket-protocol", b"p")]),
                ("DATA", 1, b"hi"),
            ),
            ("in", data(1, b"there"), (1, Data(b"there"))),
            ("in", data(1, b"", ends=True), (1, END)),
            ("say", 1, Data(b"bye"), END),
            ("out", ("DATA", 1, b"bye", "end")),
        )
        self.assertFalse(codec.open)

    def test_not_opened(self) -> None:
        for status, said in ((403, b"403"), (200, b"502"), (204, b"502")):
            self.serve(
                ("in", headers(1, self.CONNECT), (1, self.HEAD)),
                ("say", 1, ResponseHead(status, Headers(), length=2), Data(b"no"), END),
                (
                    "out", ("HEADERS", 1, [(b":status", said), (b"content-length", b"2")]),
                    ("DATA", 1, b"no", "end"),
                ),
            )  # fmt: skip

    def test_only_to_what_was_asked(self) -> None:
        codec = Http2ServerCodec()
        codec.receive(HELLO + headers(1, self.CONNECT))
        for upgrade in (b"", b"other"):
            self.assertRaises(ValueError, codec.send, 1, ResponseHead(101, Headers(), upgrade=upgrade))

    def test_no_section_in_a_tunnel(self) -> None:
        self.serve(
            ("in", headers(1, self.CONNECT), (1, self.HEAD)),
            ("in", headers(1, [("x", "y")], ends=True), (1, Malformed("stream_state"))),
            ("out", ("RST_STREAM", 1, "PROTOCOL_ERROR")),
        )


class Resets(Talks):
    def test_by_the_client(self) -> None:
        codec = self.serve(
            ("in", headers(1, asked(), ends=True), (1, head()), (1, END)),
            ("in", frame("RST_STREAM", 1, number(8)), (1, Reset(8))),
            ("say", 1, OK, Data(b"nobody"), END),
            ("do", "credit", 1, 9),
            ("out",),
            ("in", frame("RST_STREAM", 1, number(8)) + window(1, 1)),
        )
        self.assertEqual((codec.open, codec.queued(1)), (0, 0))

    def test_what_waited_is_dropped(self) -> None:
        codec = self.serve(
            ("in", headers(1, asked(), ends=True), (1, head()), (1, END)),
            ("say", 1, OK, Data(b"x" * 70000), END),
            ("do", "reset", 1, code("CANCEL")),
            ("in", window(0, 99999) + window(1, 99999)),
        )
        self.assertEqual(codec.queued(1), 0)
        said = Peer().read(codec.outgoing())
        self.assertEqual(sum(len(each[2]) for each in said if each[0] == "DATA"), 65535)
        self.assertEqual(said[-1], ("RST_STREAM", 1, "CANCEL"))

    def test_rapid(self) -> None:
        """CVE-2023-44487: begun and given up, again and again."""
        limits = Http2Limits(resets=10, resets_per_second=5)
        codec = Http2ServerCodec(limits)
        codec.receive(HELLO)
        stream = 1

        def churn(times: int, now: float) -> bool:
            nonlocal stream
            for _ in range(times):
                given_up = frame("RST_STREAM", stream, number(8))
                codec.receive(headers(stream, asked(), ends=True) + given_up, now)
                stream += 2
            return codec.broken

        self.assertFalse(churn(10, 1.0))
        self.assertFalse(churn(5, 2.0))
        self.assertTrue(churn(1, 2.0))
        self.assertEqual(Peer().read(codec.outgoing())[-1], ("GOAWAY", 31, "ENHANCE_YOUR_CALM"))

    def test_rapid_by_faults(self) -> None:
        """Those that we have to reset cost the client as much."""
        codec = Http2ServerCodec(Http2Limits(resets=10, resets_per_second=5))
        codec.receive(HELLO)
        for stream in range(1, 21, 2):
            codec.receive(headers(stream, asked(("A", "b"))))
        self.assertFalse(codec.broken)
        last = codec.receive(headers(21, asked()) + window(21, 0))[-1]
        self.assertEqual(last, (0, Malformed("rapid_reset")))

    def test_answered_ones_may_be_given_up(self) -> None:
        codec = Http2ServerCodec(Http2Limits(resets=3))
        codec.receive(HELLO)
        for stream in range(1, 41, 2):
            codec.receive(headers(stream, asked(method="PUT")))
            codec.send(stream, OK)
            codec.send(stream, END)
            codec.receive(frame("RST_STREAM", stream, number(0)))
        self.assertFalse(codec.broken)


class Ends(Talks):
    def test_drain(self) -> None:
        """Told at once; streams that the client began before it knew are answered, later ones refused."""
        ping = ("PING", b"draining")
        codec = self.serve(
            ("in", headers(1, asked(), ends=True), (1, head()), (1, END)),
            ("do", "drain"),
            ("out", ("GOAWAY", 2**31 - 1, "NO_ERROR"), ping),
            ("in", headers(3, asked(), ends=True), (3, head()), (3, END)),
            ("in", frame("PING", 0, b"draining", ACK)),
            ("out", ("GOAWAY", 3, "NO_ERROR")),
            ("in", headers(5, asked(), ends=True)),
            ("out", ("RST_STREAM", 5, "REFUSED_STREAM")),
            ("say", 1, OK, END),
            ("say", 3, OK, END),
            (
                "out",
                ("HEADERS", 1, [(b":status", b"200")], "end"),
                ("HEADERS", 3, [(b":status", b"200")], "end"),
            ),
            ("in", frame("PING", 0, b"draining", ACK)),
            ("out",),
        )
        self.assertTrue(codec.draining)
        self.assertFalse(codec.open or codec.broken)

    def test_drain_without_waiting(self) -> None:
        self.serve(
            ("do", "drain"),
            ("do", "drain"),
            ("out", ("GOAWAY", 2**31 - 1, "NO_ERROR"), ("PING", b"draining"), ("GOAWAY", 0, "NO_ERROR")),
            ("do", "drain"),
            ("out",),
        )

    def test_close(self) -> None:
        self.serve(
            ("in", headers(1, asked(), ends=True), (1, head()), (1, END)),
            ("do", "close", code("ENHANCE_YOUR_CALM"), b"enough"),
            ("out", ("GOAWAY", 1, "ENHANCE_YOUR_CALM", b"enough")),
            ("in", headers(3, asked(), ends=True)),
            ("out", ("RST_STREAM", 3, "REFUSED_STREAM")),
        )

    def test_too_many_streams(self) -> None:
        codec = self.serve(
            ("in", headers(1, asked()), (1, head(length=None))),
            ("in", headers(3, asked()), (3, head(length=None))),
            ("in", headers(5, asked()) + data(5, b"x", ends=True)),
            ("out", ("RST_STREAM", 5, "REFUSED_STREAM")),
            ("say", 1, OK, END),
            ("in", data(1, b"", ends=True), (1, END)),
            ("in", headers(7, asked()), (7, head(length=None))),
            limits=Http2Limits(streams=2),
        )
        self.assertEqual(codec.open, 2)

    def test_priorities_are_left(self) -> None:
        block = headers(1, asked())[9:]
        self.serve(
            ("in", frame("PRIORITY", 1, number(3) + b"\x00") + frame("PRIORITY", 9, number(0) + b"\xff")),
            (
                "in",
                frame("HEADERS", 1, number(0x80000000) + b"\x10" + block, 5 | WITH_PRIORITY),
                (1, head()), (1, END),
            ),
            ("in", frame("PRIORITY", 1, number(3) + b"\x00")),
        )  # fmt: skip
