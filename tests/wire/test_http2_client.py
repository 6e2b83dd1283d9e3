"""Exchanges of the client's side: requests out, responses in, refusals, and the end."""

from __future__ import annotations

from typing import Any

from tests.wire.http2_conversations import (
    ACK,
    END,
    PREFACE,
    Conversations,
    Pair,
    Peer,
    code,
    data,
    frame,
    headers,
    number,
    settings,
    window,
)
from toron.wire.events import Data, End, GoingAway, Malformed, RequestHead, Reset, ResponseHead, Room
from toron.wire.headers import Headers
from toron.wire.http2 import Http2ClientCodec, Http2Limits

GET = RequestHead(b"GET", b"/", Headers([(b"Host", b"a")]), b"a")
PUT = RequestHead(b"PUT", b"/", Headers([(b"Host", b"a")]), b"a", length=None)
SAID = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"a"), (b":path", b"/")]
PUT_SAID = [(b":method", b"PUT"), *SAID[1:]]


def ok(*more: Pair, status: int = 200) -> list[Pair]:
    return [(":status", str(status)), *more]


def head(
    status: int = 200, length: int | None = None, *more: tuple[bytes, bytes], **said: Any
) -> ResponseHead:
    return ResponseHead(status, Headers(list(more)), b"", (2, 0), length, **said)


class Talks(Conversations):
    def ask(
        self,
        *steps: tuple[Any, ...],
        limits: Http2Limits | None = None,
        values: dict[int, int] | None = None,
        scheme: bytes = b"https",
    ) -> Http2ClientCodec:
        """A conversation after both have greeted each other."""
        hello = (
            ("do", "outgoing"),
            ("in", settings(values) + frame("SETTINGS", 0, b"", ACK)),
            ("do", "outgoing"),
        )

        def make() -> Http2ClientCodec:
            return Http2ClientCodec(limits or Http2Limits(), scheme)

        codec: Http2ClientCodec = self.talk(make, *hello, *steps)
        return codec


class Exchanges(Talks):
    def test_greeting(self) -> None:
        codec = Http2ClientCodec()
        self.assertTrue(codec.outgoing().startswith(PREFACE + frame("SETTINGS", 0, b"")[:2]))
        self.talk(
            Http2ClientCodec,
            (
                "out",
                ("SETTINGS", {2: 0, 4: 128 << 10, 6: 32 << 10}),
                ("WINDOW_UPDATE", 0, (16 << 20) - 65535),
            ),
            ("in", settings()),
            ("out", ("SETTINGS", "ack")),
        )

    def test_get(self) -> None:
        codec = self.ask(
            ("ask", 1, GET),
            ("say", 1, END),
            ("out", ("HEADERS", 1, SAID, "end")),
            ("in", headers(1, ok(("x-a", "b"), ("content-length", "2"))), (1, head(200, 2, (b"x-a", b"b")))),
            ("in", data(1, b"ok", ends=True), (1, Data(b"ok")), (1, END)),
            ("ask", 3, GET),
        )
        self.assertEqual((codec.open, codec.broken), (1, False))

    def test_the_end_in_a_frame_of_its_own(self) -> None:
        self.ask(
            ("ask", 1, GET),
            ("out", ("HEADERS", 1, SAID)),
            ("say", 1, END),
            ("out", ("DATA", 1, b"", "end")),
        )

    def test_what_a_head_says(self) -> None:
        for request, said in (
            (RequestHead(b"POST", b"/x?y", Headers([(b"Host", b"h:1"), (b"X-A", b"b")]), length=0),
             [(b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"h:1"), (b":path", b"/x?y"),
              (b"x-a", b"b"), (b"content-length", b"0")]),
            (RequestHead(b"OPTIONS", b"*", Headers(), b"h", accepts_trailers=True),
             [(b":method", b"OPTIONS"), (b":scheme", b"http"), (b":authority", b"h"), (b":path", b"*"),
              (b"te", b"trailers")]),
            (RequestHead(b"PUT", b"/", Headers([(b"Connection", b"x"), (b"Upgrade", b"h2c")]), b"", (1, 0), 5,
                         expects_continue=True),
             [(b":method", b"PUT"), (b":scheme", b"http"), (b":path", b"/"), (b"content-length", b"5"),
              (b"expect", b"100-continue")]),
        ):  # fmt: skip
            self.ask(("ask", 1, request), ("out", ("HEADERS", 1, said)), scheme=b"http")

    def test_body_and_trailers_both_ways(self) -> None:
        codec = self.ask(
            ("ask", 1, PUT),
            ("say", 1, Data(b"ab"), End(Headers([(b"X-Sum", b"1")]))),
            ("out", ("HEADERS", 1, PUT_SAID), ("DATA", 1, b"ab"), ("HEADERS", 1, [(b"x-sum", b"1")], "end")),
            (
                "in", headers(1, ok()) + data(1, b"cd") + headers(1, [("grpc-status", "0")], ends=True),
                (1, head()), (1, Data(b"cd")), (1, End(Headers([(b"grpc-status", b"0")]))),
            ),
        )  # fmt: skip
        self.assertEqual(codec.open, 0)

    def test_a_response_that_is_a_head_only(self) -> None:
        """What it says of a length depends on the method and the status."""
        for method, fields, length in (
            (b"GET", ok(), 0),
            (b"GET", ok(("content-length", "0")), 0),
            (b"HEAD", ok(), None),
            (b"HEAD", ok(("content-length", "7")), 7),
            (b"GET", ok(status=204), None),
            (b"GET", ok(("content-length", "7"), status=304), 7),
        ):
            request = RequestHead(method, b"/", GET.headers)
            status = int(fields[0][1])
            self.ask(
                ("ask", 1, request),
                ("say", 1, END),
                ("in", headers(1, fields, ends=True), (1, head(status, length)), (1, END)),
            )

    def test_a_body_where_there_is_none(self) -> None:
        for method, status in ((b"HEAD", 200), (b"GET", 204), (b"GET", 304)):
            self.ask(
                ("ask", 1, RequestHead(method, b"/", GET.headers)),
                ("do", "outgoing"),
                ("in", headers(1, ok(status=status)), (1, head(status))),
                ("in", data(1, b"x"), (1, Malformed("body_length"))),
                ("out", ("RST_STREAM", 1, "PROTOCOL_ERROR")),
            )

    def test_interim(self) -> None:
        early = headers(1, ok(("link", "x"), status=103))
        self.ask(
            ("ask", 1, GET),
            ("in", early * 16, *[(1, head(103, None, (b"link", b"x")))] * 16),
            ("in", headers(1, ok(), ends=True), (1, head(200, 0)), (1, END)),
        )
        for wrong, word in (
            (early * 17, "interim_flood"),
            (headers(1, ok(status=100), ends=True), "stream_state"),
            (headers(1, ok(status=101)), "switch_not_asked"),
        ):
            codec = Http2ClientCodec()
            codec.request(GET)
            codec.receive(settings())
            self.assertEqual(codec.receive(wrong)[-1][1].word, word)  # type: ignore[union-attr]
            self.assertEqual(Peer().read(codec.outgoing())[-1], ("RST_STREAM", 1, "PROTOCOL_ERROR"))

    def test_lengths_that_do_not_match(self) -> None:
        for wrong, events in (
            (headers(1, ok(("content-length", "3")), ends=True), []),
            (headers(1, ok(("content-length", "3"))) + data(1, b"abcd"), [(1, head(200, 3))]),
            (headers(1, ok(("content-length", "3"))) + data(1, b"ab", ends=True),
             [(1, head(200, 3)), (1, Data(b"ab"))]),
            (headers(1, ok(("content-length", "3"))) + headers(1, [("a", "b")], ends=True),
             [(1, head(200, 3))]),
        ):  # fmt: skip
            codec = self.ask(
                ("ask", 1, GET),
                ("do", "outgoing"),
                ("in", wrong, *events, (1, Malformed("body_length"))),
                ("out", ("RST_STREAM", 1, "PROTOCOL_ERROR")),
            )
            self.assertEqual((codec.open, codec.broken), (0, False))

    def test_what_may_not_be_said(self) -> None:
        codec = Http2ClientCodec()
        for wrong in (
            RequestHead(b"GET", b"/ x", Headers()), RequestHead(b"GET", b"x", Headers()),
            RequestHead(b"G T", b"/", Headers()), RequestHead(b"", b"/", Headers()),
            RequestHead(b"GET", b"/", Headers([(b"Host", b"a b")])),
            RequestHead(b"GET", b"/", Headers([(b"a:", b"")])),
            RequestHead(b"GET", b"/", Headers(), upgrade=b"websocket"),
        ):  # fmt: skip
            self.assertRaises(ValueError, codec.request, wrong)
        for stream in (0, 1, 2):
            self.assertRaises(ValueError, codec.send, stream, END)
        self.assertEqual(codec.request(RequestHead(b"PUT", b"/", Headers(), length=1)), 1)
        for said in (GET, head(), END, Data(b"ab")):
            self.assertRaises(ValueError, codec.send, 1, said)
        codec.send(1, Data(b"a"))
        codec.send(1, END)
        self.assertRaises(ValueError, codec.send, 1, END)

    def test_data_of_a_request_without_a_body(self) -> None:
        self.ask(("ask", 1, GET), ("say", 1, Data(b"x"), END), ("out", ("HEADERS", 1, SAID, "end")))

    def test_windows(self) -> None:
        codec = self.ask(
            ("ask", 1, PUT),
            ("say", 1, Data(b"x" * 10)),
            ("out", ("HEADERS", 1, PUT_SAID), ("DATA", 1, b"xxxx")),
            ("say", 1, Data(b"y" * 99_000)),
            ("in", window(1, 65531)),
            ("do", "outgoing"),
            ("in", window(1, 99_000)),
            ("out",),
            ("in", window(0, 99_000), (1, Room())),
            values={4: 4},
        )
        self.assertEqual(codec.queued(1), 0)


class Streams(Talks):
    def test_no_more_than_the_server_takes(self) -> None:
        codec = self.ask(("ask", 1, GET), ("ask", 3, GET), values={3: 2})
        self.assertEqual(codec.free, 0)
        self.assertRaises(ValueError, codec.request, GET)
        codec.receive(settings({3: 1}))
        self.assertEqual(codec.free, 0)
        codec.receive(settings({3: 1000}))
        self.assertEqual(codec.free, 98)

    def test_numbers_end(self) -> None:
        codec = Http2ClientCodec()
        codec._last = 2**31 - 5
        self.assertEqual(codec.free, 2)
        self.assertEqual([codec.request(GET), codec.request(GET)], [2**31 - 3, 2**31 - 1])
        self.assertEqual(codec.free, 0)

    def test_reset(self) -> None:
        for error, unprocessed in (("CANCEL", False), ("REFUSED_STREAM", True), ("NO_ERROR", False)):
            codec = self.ask(
                ("ask", 1, PUT),
                ("in", frame("RST_STREAM", 1, number(code(error))), (1, Reset(code(error), unprocessed))),
                ("do", "outgoing"),
                ("say", 1, Data(b"x"), END),
                ("out",),
            )
            self.assertEqual(codec.open, 0)

    def test_many_resets_are_the_servers_choice(self) -> None:
        codec = Http2ClientCodec()
        codec.receive(settings())
        for _ in range(300):
            codec.receive(frame("RST_STREAM", codec.request(GET), number(7)))
        self.assertFalse(codec.broken)

    def test_given_up(self) -> None:
        """What still comes of it means nothing, but for the tables."""
        fields = [(":status", "200")]
        codec = self.ask(
            ("ask", 1, GET),
            ("do", "outgoing"),
            ("do", "reset", 1, code("CANCEL")),
            ("out", ("RST_STREAM", 1, "CANCEL")),
            ("in", headers(1, fields) + data(1, b"abc") + headers(1, [("a", "b")], ends=True)),
            ("in", frame("RST_STREAM", 1, number(0)) + window(1, 1)),
        )
        self.assertFalse(codec.broken)

    def test_never_begun(self) -> None:
        for wrong in (headers(1, ok()), data(1, b"x"), window(1, 1), frame("RST_STREAM", 1, number(0)),
                      data(2, b"x"), window(2, 1), headers(2, ok())):  # fmt: skip
            codec = Http2ClientCodec()
            codec.receive(settings())
            self.assertEqual(len(codec.receive(wrong)), 1)
            self.assertEqual(Peer().read(codec.outgoing())[-1], ("GOAWAY", 0, "PROTOCOL_ERROR"))

    def test_a_body_before_its_head(self) -> None:
        self.ask(
            ("ask", 1, GET),
            ("do", "outgoing"),
            ("in", data(1, b"x"), (1, Malformed("stream_state"))),
            ("out", ("RST_STREAM", 1, "PROTOCOL_ERROR")),
        )

    def test_pushed(self) -> None:
        for wrong in (frame("PUSH_PROMISE", 1, number(2), 4), settings({2: 1})):
            codec = Http2ClientCodec()
            codec.receive(settings())
            codec.request(GET)
            self.assertIsInstance(codec.receive(wrong)[-1][1], Malformed)
            self.assertEqual(Peer().read(codec.outgoing())[-1], ("GOAWAY", 0, "PROTOCOL_ERROR"))


def goaway(last: int, error: str = "NO_ERROR", detail: bytes = b"") -> bytes:
    return frame("GOAWAY", 0, number(last) + number(code(error)) + detail)


class Ends(Talks):
    def test_goaway(self) -> None:
        codec = self.ask(
            ("ask", 1, GET), ("ask", 3, GET), ("ask", 5, GET),
            (
                "in", goaway(3, "ENHANCE_YOUR_CALM", b"why"),
                (0, GoingAway(11, b"why")), (5, Reset(code("REFUSED_STREAM"), True)),
            ),
            ("in", headers(3, ok(), ends=True), (3, head(200, 0)), (3, END)),
            ("in", goaway(1), (0, GoingAway(0)), (3, Reset(code("REFUSED_STREAM"), True))),
            ("in", headers(3, ok(), ends=True)),
        )  # fmt: skip
        self.assertEqual((codec.open, codec.free, codec.draining), (1, 0, True))
        self.assertRaises(ValueError, codec.request, GET)

    def test_goaway_in_two_steps(self) -> None:
        codec = self.ask(
            ("ask", 1, GET),
            ("in", goaway(2**31 - 1) + goaway(1), (0, GoingAway(0)), (0, GoingAway(0))),
        )
        self.assertEqual(codec.open, 1)

    def test_goaway_that_takes_more_than_before(self) -> None:
        self.ask(
            ("in", goaway(1), (0, GoingAway(0))),
            ("in", goaway(3), (0, GoingAway(0)), (0, Malformed("frame_malformed"))),
            ("out", ("GOAWAY", 0, "PROTOCOL_ERROR")),
        )

    def test_drain(self) -> None:
        codec = self.ask(
            ("ask", 1, GET),
            ("do", "outgoing"),
            ("do", "drain"),
            ("do", "drain"),
            ("out", ("GOAWAY", 0, "NO_ERROR")),
            ("in", headers(1, ok(), ends=True), (1, head(200, 0)), (1, END)),
            ("do", "close", 2, b"x"),
            ("out", ("GOAWAY", 0, "INTERNAL_ERROR", b"x")),
        )
        self.assertEqual(codec.free, 0)

    def test_a_server_that_does_not_speak_it(self) -> None:
        codec = Http2ClientCodec()
        codec.outgoing()
        events = codec.receive(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.assertEqual([event.word for _, event in events], ["preface"])  # type: ignore[union-attr]
        self.assertTrue(codec.broken)
        self.assertRaises(ValueError, codec.request, GET)
