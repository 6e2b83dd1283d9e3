"""Requests as they arrive, and responses as they leave."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.wire.conversations import END, Conversations, answer_all, cut, fields, merged
from toron.wire.events import Data, End, Event, Malformed, RequestHead, ResponseHead
from toron.wire.headers import Headers
from toron.wire.http1 import Reading, ServerCodec, Writing

HOST = b"Host: a.example\r\n"
GET = b"GET /x?y=z HTTP/1.1\r\n" + HOST + b"\r\n"
GOT = RequestHead(b"GET", b"/x?y=z", fields(("Host", "a.example")), b"a.example")
OK = ResponseHead(200, Headers(), b"OK", length=0)
SAID = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
SAID_LAST = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def request(line: bytes = b"GET / HTTP/1.1", *lines: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join([line, HOST[:-2], *lines, b"", body])


def head(method: bytes = b"GET", target: bytes = b"/", *more: tuple[str, str], **rest: object) -> RequestHead:
    made = RequestHead(method, target, fields(("Host", "a.example"), *more), b"a.example")
    for name, value in rest.items():
        setattr(made, name, value)
    return made


class Requests(Conversations):
    """What comes in."""

    def test_get(self) -> None:
        codec = self.talk(ServerCodec, ("in", GET, GOT, END))
        self.assertEqual((codec.pending, codec.reading, codec.writing), (0, Reading.DONE, Writing.HEAD))

    def test_body_of_a_length(self) -> None:
        data = request(b"POST / HTTP/1.1", b"Content-Length: 5", body=b"hello")
        self.talk(ServerCodec, ("in", data, head(b"POST", length=5), Data(b"hello"), END))

    def test_body_in_chunks(self) -> None:
        data = request(
            b"PUT / HTTP/1.1", b"Transfer-Encoding: chunked", body=b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n"
        )
        self.talk(ServerCodec, ("in", data, head(b"PUT", length=None), Data(b"hello"), END))

    def test_trailers(self) -> None:
        data = request(
            b"PUT / HTTP/1.1", b"Trailer: X-Sum", b"transfer-encoding:chunked", body=b"0\r\nX-Sum: 1\r\n\r\n"
        )
        expected = head(b"PUT", b"/", ("Trailer", "X-Sum"), length=None)
        self.talk(ServerCodec, ("in", data, expected, End(fields(("X-Sum", "1")))))

    def test_body_comes_later_than_the_head(self) -> None:
        data = request(b"POST / HTTP/1.1", b"Content-Length: 5")
        self.talk(
            ServerCodec,
            ("in", data, head(b"POST", length=5)),
            ("in", b""),
            ("in", b"he", Data(b"he")),
            ("in", b"llo", Data(b"llo"), END),
        )

    def test_get_with_a_body(self) -> None:
        data = request(b"GET / HTTP/1.1", b"Content-Length: 2", body=b"ab")
        self.talk(ServerCodec, ("in", data, head(length=2), Data(b"ab"), END))

    def test_empty_line_ahead(self) -> None:
        self.talk(ServerCodec, ("in", b"\r\n" + GET, GOT, END))

    def test_targets(self) -> None:
        for line, target in (
            (b"GET * HTTP/1.1", None),
            (b"OPTIONS * HTTP/1.1", b"*"),
            (b"OPTIONS http://a.example HTTP/1.1", b"*"),
            (b"OPTIONS http://a.example/ HTTP/1.1", b"/"),
            (b"GET http://a.example HTTP/1.1", b"/"),
            (b"GET http://a.example?q HTTP/1.1", b"/?q"),
            (b"GET HTTPS://A.Example:443/x?q HTTP/1.1", b"/x?q"),
            (b"GET /%2e%2E//?a?b=\"<>^`{|}\xff HTTP/1.1", b"/%2e%2E//?a?b=\"<>^`{|}\xff"),
        ):  # fmt: skip
            method = line.split(b" ")[0]
            events = [Malformed("bad_target")] if target is None else [head(method, target), END]
            self.talk(ServerCodec, ("in", request(line), *events))

    def test_http_1_0(self) -> None:
        old = head(version=(1, 0))
        self.talk(
            ServerCodec,
            ("in", request(b"GET / HTTP/1.0"), old, END),
            ("out", OK, END, SAID_LAST),
        )
        self.talk(
            ServerCodec,
            ("in", request(b"GET / HTTP/1.0", b"Connection: Keep-Alive"), old, END),
            ("out", OK, END, SAID.replace(b"\r\n\r\n", b"\r\nConnection: keep-alive\r\n\r\n")),
            ("in", GET, GOT, END),
        )

    def test_http_1_0_without_host(self) -> None:
        plain = RequestHead(b"GET", b"/", Headers(), version=(1, 0))
        self.talk(ServerCodec, ("in", b"GET / HTTP/1.0\r\n\r\n", plain, END))
        named = RequestHead(b"GET", b"/", fields(("Host", "a.example")), b"a.example", (1, 0))
        self.talk(ServerCodec, ("in", b"GET http://a.example/ HTTP/1.0\r\n\r\n", named, END))

    def test_fields_of_the_connection_stay_here(self) -> None:
        data = request(
            b"GET / HTTP/1.1", b"Connection: keep-alive, X-Mine, TE", b"X-Mine: a", b"Keep-Alive: timeout=5",
            b"Proxy-Connection: keep-alive", b"Proxy-Authorization: Basic eDp5", b"TE: trailers",
            b"x-mine: b",
            b"X-Yours: c", b"Upgrade: websocket", b"HTTP2-Settings: x", b"Expect: 100-continue",
        )  # fmt: skip
        expected = head(b"GET", b"/", ("X-Yours", "c"), accepts_trailers=True)
        self.talk(ServerCodec, ("in", data, expected, END))

    def test_te(self) -> None:
        for value, accepts in (
            (b"trailers", True), (b"gzip;q=0.5,\tTrailers ", True), (b"gzip", False), (b"x-trailers", False),
        ):  # fmt: skip
            data = request(b"GET / HTTP/1.1", b"TE: " + value)
            self.talk(ServerCodec, ("in", data, head(accepts_trailers=accepts), END))

    def test_expectation(self) -> None:
        sized = request(b"PUT / HTTP/1.1", b"Content-Length: 2", b"Expect: 100-Continue")
        self.talk(
            ServerCodec,
            ("in", sized, head(b"PUT", length=2, expects_continue=True)),
            ("out", ResponseHead(100, Headers(), b"Continue"), b"HTTP/1.1 100 Continue\r\n\r\n"),
            ("in", b"ab", Data(b"ab"), END),
            ("out", OK, END, SAID),
        )
        chunks = request(b"PUT / HTTP/1.1", b"Transfer-Encoding: chunked", b"Expect: 100-continue")
        self.talk(ServerCodec, ("in", chunks, head(b"PUT", length=None, expects_continue=True)))

    def test_nothing_is_expected_without_a_body_or_in_http_1_0(self) -> None:
        data = request(b"PUT / HTTP/1.1", b"Content-Length: 0", b"Expect: 100-continue")
        self.talk(ServerCodec, ("in", data, head(b"PUT"), END))
        data = request(b"PUT / HTTP/1.0", b"Content-Length: 1", b"Expect: 100-continue", body=b"a")
        self.talk(ServerCodec, ("in", data, head(b"PUT", length=1, version=(1, 0)), Data(b"a"), END))

    def test_expected_but_answered_at_once(self) -> None:
        data = request(b"PUT / HTTP/1.1", b"Content-Length: 2", b"Expect: 100-continue")
        codec = self.talk(
            ServerCodec,
            ("in", data, head(b"PUT", length=2, expects_continue=True)),
            (
                "out",
                ResponseHead(413, Headers(), length=0),
                END,
                b"HTTP/1.1 413 \r\nContent-Length: 0\r\n\r\n",
            ),
        )
        # Whether the two bytes will come is not to be known: no request can be looked for behind them.
        self.assertFalse(codec.keeps_open)


class Pipelining(Conversations):
    """One exchange at a time."""

    def test_the_next_request_waits_for_the_end_of_the_response(self) -> None:
        codec = self.talk(
            ServerCodec,
            ("in", GET + GET + GET[:9], GOT, END),
            ("in", b""),
            ("in", GET[9:]),
            ("out", OK, SAID),
            ("in", b""),
            ("out", END, b""),
            ("in", b"", GOT, END),
            ("out", OK, END, SAID),
            ("in", b"", GOT, END),
            ("out", OK, END, SAID),
            ("in", b""),
        )
        self.assertTrue(codec.between)
        self.assertEqual(codec.pending, 0)

    def test_behind_a_body(self) -> None:
        for fields_, body in (
            (b"Content-Length: 5", b"hello"),
            (b"Transfer-Encoding: chunked", b"0\r\n\r\n"),
        ):
            data = request(b"POST / HTTP/1.1", fields_, body=body)
            codec = ServerCodec()
            self.assertEqual(codec.receive(data + GET)[-1], END)
            self.assertEqual(codec.pending, len(GET))
            codec.send(OK)
            codec.send(END)
            self.assertEqual(codec.receive(b""), [GOT, END])

    def test_a_good_one_and_a_bad_one(self) -> None:
        self.talk(
            ServerCodec,
            ("in", GET + b"GET /\0 HTTP/1.1\r\n\r\n", GOT, END),
            ("out", OK, END, SAID),
            ("in", b"", Malformed("bad_request_line")),
            ("out", OK, END, SAID_LAST),
        )

    def test_nothing_behind_the_last_one(self) -> None:
        data = request(b"GET / HTTP/1.1", b"Connection: close") + GET
        codec = self.talk(
            ServerCodec, ("in", data, head(), END), ("out", OK, END, SAID_LAST), ("in", b""), ("in", GET)
        )
        self.assertFalse(codec.keeps_open)
        self.assertFalse(codec.between)

    def test_a_bad_one_behind_head_is_answered_with_a_body(self) -> None:
        self.talk(
            ServerCodec,
            ("in", request(b"HEAD / HTTP/1.1") + b"\0\r\n\r\n", head(b"HEAD"), END),
            ("out", OK, END, SAID),
            ("in", b"", Malformed("bad_request_line")),
            ("out", ResponseHead(400, Headers(), length=1), Data(b"x"), END,
             b"HTTP/1.1 400 \r\nContent-Length: 1\r\nConnection: close\r\n\r\nx"),
        )  # fmt: skip

    @given(
        st.lists(
            st.sampled_from([
                GET,
                b"\r\n" + GET,
                request(b"POST / HTTP/1.1", b"Content-Length: 5", body=b"hello"),
                request(b"POST / HTTP/1.1", b"Transfer-Encoding: chunked",
                body=b"5\r\nhello\r\n0\r\nA: b\r\n\r\n"),
                request(b"PUT / HTTP/1.0", b"Connection: keep-alive", b"Content-Length: 0"),
                request(b"GET / HTTP/1.1", b"Connection: close"),
                b"GET / HTTP/1.1\r\n\r\n",
            ]),
            min_size=1, max_size=4,
        ),
        st.lists(st.integers(0, 1000), max_size=8),
    )  # fmt: skip
    def test_cut_anywhere(self, requests: list[bytes], places: list[int]) -> None:
        data = b"".join(requests)
        whole = answer_all(ServerCodec(), [data])
        self.assertTrue(whole)
        self.assertEqual(answer_all(ServerCodec(), cut(data, places)), whole)


class Ends(Conversations):
    """The client says no more."""

    def test_between_requests(self) -> None:
        for before in (b"", b"\r\n"):
            codec = self.talk(ServerCodec, ("in", before), ("eof",), ("in", b""))
            self.assertFalse(codec.keeps_open)

    def test_more_than_there_can_be(self) -> None:
        self.talk(ServerCodec, ("in", b"\r\n"), ("eof",), ("in", b"x", Malformed("truncated")))

    def test_inside_a_head(self) -> None:
        for size in range(1, len(GET)):
            self.talk(ServerCodec, ("in", GET[:size]), ("eof", Malformed("truncated")), ("in", GET))

    def test_inside_a_body(self) -> None:
        sized = request(b"POST / HTTP/1.1", b"Content-Length: 5", body=b"hell")
        self.talk(
            ServerCodec,
            ("in", sized, head(b"POST", length=5), Data(b"hell")),
            ("eof", Malformed("truncated")),
        )
        for body in (b"", b"5", b"5\r\n", b"0\r\n", b"0\r\n\r", b"0\r\nA: b\r\n"):
            chunks = request(b"POST / HTTP/1.1", b"Transfer-Encoding: chunked", body=body)
            self.talk(
                ServerCodec, ("in", chunks, head(b"POST", length=None)), ("eof", Malformed("truncated"))
            )

    def test_behind_a_request(self) -> None:
        codec = self.talk(ServerCodec, ("in", GET, GOT, END), ("eof",), ("out", OK, END, SAID_LAST))
        self.assertFalse(codec.keeps_open)

    def test_behind_several_requests(self) -> None:
        codec = self.talk(
            ServerCodec,
            ("in", GET + GET, GOT, END),
            ("eof",),
            ("out", OK, END, SAID),
            ("in", b"", GOT, END),
            ("out", OK, END, SAID_LAST),
        )
        self.assertFalse(codec.keeps_open)

    def test_inside_the_second_request(self) -> None:
        self.talk(
            ServerCodec,
            ("in", GET + GET[:20], GOT, END),
            ("eof",),
            ("out", OK, END, SAID),
            ("in", b"", Malformed("truncated")),
        )
        post = request(b"POST / HTTP/1.1", b"Content-Length: 5", body=b"he")
        self.talk(
            ServerCodec,
            ("in", GET + post, GOT, END),
            ("eof",),
            ("out", OK, END, SAID),
            ("in", b"", head(b"POST", length=5), Data(b"he"), Malformed("truncated")),
        )

    def test_behind_what_is_malformed(self) -> None:
        self.talk(ServerCodec, ("in", b"\0", Malformed("bad_request_line")), ("eof",), ("in", GET))


class Limits(Conversations):
    def test_head(self) -> None:
        data = request(b"GET / HTTP/1.1", b"A: " + b"b" * 50)
        for most, events in ((len(data), [head(b"GET", b"/", ("A", "b" * 50)), END]),
                             (len(data) - 1, [Malformed("head_too_large")])):  # fmt: skip
            self.talk(lambda most=most: ServerCodec(head_most=most), ("in", data, *events))
        # What is behind a head does not count.
        codec = ServerCodec(head_most=len(data))
        self.assertEqual(codec.receive(data + b"x" * 1000)[-1], END)

    def test_head_without_an_end(self) -> None:
        self.talk(
            lambda: ServerCodec(head_most=100),
            ("in", b"GET / HTTP/1.1\r\nA: " + b"b" * 100, Malformed("head_too_large")),
        )

    def test_target(self) -> None:
        for end in (b"", b" HTTP/1.1\r\n" + HOST + b"\r\n"):
            self.talk(
                lambda: ServerCodec(head_most=100),
                ("in", b"GET /" + b"a" * 100 + end, Malformed("target_too_long")),
            )

    def test_fields(self) -> None:
        for line in (b"A: b", b"TE: b", b"Connection: c"):
            self.assertEqual(
                ServerCodec(fields_most=4).receive(request(b"GET / HTTP/1.1", *[line] * 3))[-1], END
            )
            data = request(b"GET / HTTP/1.1", *[line] * 4)
            self.talk(lambda: ServerCodec(fields_most=4), ("in", data, Malformed("too_many_fields")))

    def test_hopeless_ones_are_not_waited_for(self) -> None:
        for data, word in (
            (b"\0", "bad_request_line"),
            (b"\x16\x03\x01", "bad_request_line"),
            (b" GET", "bad_request_line"),
            (b"\r\n\r\n", "bad_request_line"),
            (b"GET /\r\n", "bad_request_line"),
            (b"\r\nGET /\r\n", "bad_request_line"),
            (b"GET / HTTP/2.0\r\n", "bad_version"),
            (b"CONNECT a:1 HTTP/1.1\r\n", "connect_refused"),
            (b"GET / HTTP/1.1\n", "bad_line_ending"),
            (b"GET / HTTP/1.1\rH", "bad_line_ending"),
            (b"GET / HTTP/1.1\r\nHost: a\n", "bad_line_ending"),
            (b"GET / HTTP/1.1\r\nHost: a\r\n\n", "bad_line_ending"),
        ):
            self.talk(ServerCodec, ("in", data, Malformed(word)))


class Responses(Conversations):
    """What goes out."""

    def answer(self, line: bytes, *said: object, more: tuple[bytes, ...] = ()) -> ServerCodec:
        """What `said` ends with is what `GET`, or another request line, is answered with."""
        codec = ServerCodec()
        self.assertEqual(codec.receive(request(line, *more))[-1], END)
        for event in said[:-1]:
            codec.send(event)  # type: ignore[arg-type]
        self.assertEqual(codec.outgoing(), said[-1])
        self.assertEqual(codec.outgoing(), b"", "asking takes it")
        return codec

    def test_of_a_length(self) -> None:
        codec = self.answer(
            b"GET / HTTP/1.1", ResponseHead(200, fields(("A", "b")), b"Fine", length=5), Data(b"he"),
            Data(b"llo"), END,
            b"HTTP/1.1 200 Fine\r\nA: b\r\nContent-Length: 5\r\n\r\nhello",
        )  # fmt: skip
        self.assertTrue(codec.between and codec.keeps_open)

    def test_in_chunks(self) -> None:
        codec = self.answer(
            b"GET / HTTP/1.1", ResponseHead(200, Headers(), b"OK"), Data(b"hello"), Data(b""),
            Data(b"x" * 17), END,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"5\r\nhello\r\n11\r\nxxxxxxxxxxxxxxxxx\r\n0\r\n\r\n",
        )  # fmt: skip
        self.assertTrue(codec.between)

    def test_until_close_for_http_1_0(self) -> None:
        codec = self.answer(
            b"GET / HTTP/1.0", ResponseHead(200, Headers(), b"OK"), Data(b"hello"), End(fields(("A", "b"))),
            b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", more=(b"Connection: keep-alive",),
        )  # fmt: skip
        self.assertFalse(codec.keeps_open or codec.between)

    def test_to_head(self) -> None:
        for length, line in ((5, b"Content-Length: 5\r\n"), (0, b"Content-Length: 0\r\n"), (None, b"")):
            codec = self.answer(
                b"HEAD / HTTP/1.1", ResponseHead(200, Headers(), b"OK", length=length), Data(b"hello"), END,
                b"HTTP/1.1 200 OK\r\n" + line + b"\r\n",
            )  # fmt: skip
            self.assertTrue(codec.between)

    def test_without_a_body(self) -> None:
        for status, length, line in (
            (204, 0, b""), (204, 5, b""), (204, None, b""),
            (304, 5, b"Content-Length: 5\r\n"), (304, 0, b""), (304, None, b""),
        ):  # fmt: skip
            codec = self.answer(
                b"GET / HTTP/1.1", ResponseHead(status, Headers(), b"X", length=length), Data(b"hello"), END,
                b"HTTP/1.1 %d X\r\n%b\r\n" % (status, line),
            )  # fmt: skip
            self.assertTrue(codec.between)

    def test_interim(self) -> None:
        hints = ResponseHead(103, fields(("Link", "</s.css>")), b"Early Hints", length=9, upgrade=b"x")
        self.answer(
            b"GET / HTTP/1.1", ResponseHead(100, Headers()), hints, hints, OK, END,
            b"HTTP/1.1 100 \r\n\r\n" + b"HTTP/1.1 103 Early Hints\r\nLink: </s.css>\r\n\r\n" * 2 + SAID,
        )  # fmt: skip
        self.answer(b"GET / HTTP/1.0", hints, OK, END, SAID_LAST)

    def test_trailers_where_they_are_wanted(self) -> None:
        plain, named = ResponseHead(200, Headers()), ResponseHead(200, fields(("Trailer", "A")))
        start = b"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n"
        start_named = start.replace(b"\r\n", b"\r\nTrailer: A\r\n", 1)
        trailers = End(fields(("A", "b"), ("C", "d")))
        written = b"0\r\nA: b\r\nC: d\r\n\r\n"
        self.answer(b"GET / HTTP/1.1", plain, trailers, start + written, more=(b"TE: trailers",))
        self.answer(b"GET / HTTP/1.1", named, trailers, start_named + written)
        self.answer(b"GET / HTTP/1.1", plain, trailers, start + b"0\r\n\r\n")
        self.answer(b"GET / HTTP/1.1", named, End(Headers()), start_named + b"0\r\n\r\n")
        self.answer(
            b"GET / HTTP/1.1", ResponseHead(200, Headers(), length=0), trailers,
            b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", more=(b"TE: trailers",),
        )  # fmt: skip

    def test_wanted_trailers_are_not_the_next_request_s(self) -> None:
        codec = self.answer(b"GET / HTTP/1.1", OK, END, SAID, more=(b"TE: trailers",))
        codec.receive(GET)
        codec.send(ResponseHead(200, Headers()))
        codec.send(End(fields(("A", "b"))))
        self.assertTrue(codec.outgoing().endswith(b"\r\n\r\n0\r\n\r\n"))

    def test_the_last_one(self) -> None:
        codec = ServerCodec()
        codec.receive(GET)
        codec.close_next = True
        codec.send(OK)
        codec.send(END)
        self.assertEqual(codec.outgoing(), SAID_LAST)
        self.assertFalse(codec.keeps_open)

    def test_given_up_by_the_owner(self) -> None:
        """A head that does not come in time is answered, and nothing of it is read after that."""
        codec = ServerCodec()
        codec.receive(GET[:9])
        codec.reading = Reading.BROKEN
        self.assertEqual(codec.receive(GET[9:]), [])
        codec.send(OK)
        codec.send(END)
        self.assertEqual(codec.outgoing(), SAID_LAST)
        self.assertFalse(codec.keeps_open)

    def test_early(self) -> None:
        post = request(b"POST / HTTP/1.1", b"Content-Length: 5", body=b"he")
        codec = self.talk(
            ServerCodec,
            ("in", post, head(b"POST", length=5), Data(b"he")),
            ("out", OK, END, SAID),
            ("in", b"llo" + GET, Data(b"llo"), END),
            ("in", b""),
        )
        self.assertFalse(codec.keeps_open)

    def test_begun_early_but_ended_behind_the_request(self) -> None:
        post = request(b"POST / HTTP/1.1", b"Content-Length: 5", body=b"he")
        codec = self.talk(
            ServerCodec,
            ("in", post, head(b"POST", length=5), Data(b"he")),
            ("out", OK, SAID),
            ("in", b"llo" + GET, Data(b"llo"), END),
            ("out", END, b""),
            ("in", b"", GOT, END),
        )
        self.assertTrue(codec.keeps_open)

    def test_after_malformed(self) -> None:
        chunks = request(b"POST / HTTP/1.1", b"Transfer-Encoding: chunked", body=b"x\r\n")
        codec = self.talk(
            ServerCodec,
            ("in", chunks, head(b"POST", length=None), Malformed("bad_chunk")),
            ("in", GET),
            ("out", OK, END, SAID_LAST),
            ("in", GET),
        )
        self.assertEqual(codec.pending, 0)

    def test_426_says_what_to_upgrade_to(self) -> None:
        self.answer(
            b"GET / HTTP/1.1", ResponseHead(426, Headers(), length=0, upgrade=b"websocket"), END,
            b"HTTP/1.1 426 \r\nContent-Length: 0\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        )  # fmt: skip
        self.answer(b"GET / HTTP/1.1", ResponseHead(200, Headers(), b"OK", length=0, upgrade=b"x"), END, SAID)


class Switching(Conversations):
    ASK = request(b"GET /chat HTTP/1.1", b"Connection: keep-alive, Upgrade", b"Upgrade: WebSocket, foo/2")
    ASKED = head(b"GET", b"/chat", upgrade=b"websocket, foo/2")
    SWITCH = ResponseHead(101, fields(("A", "b")), b"Switching Protocols", upgrade=b"websocket")
    SWITCHED = (
        b"HTTP/1.1 101 Switching Protocols\r\nA: b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    )

    def test_from_here_on_another_protocol(self) -> None:
        codec = self.talk(
            ServerCodec,
            ("in", self.ASK, self.ASKED, END),
            ("out", self.SWITCH, self.SWITCHED),
            ("in", b""),
            ("in", GET, Data(GET)),
            ("out", Data(b"\0\r\n"), b"\0\r\n"),
            ("eof",),
        )
        self.assertEqual((codec.reading, codec.writing), (Reading.RAW, Writing.RAW))

    def test_what_came_early_is_the_other_protocol_s(self) -> None:
        codec = self.talk(
            ServerCodec,
            ("in", self.ASK + GET + b"\0", self.ASKED, END),
            ("out", self.SWITCH, self.SWITCHED),
            ("in", b"", Data(GET + b"\0")),
            ("in", b"x", Data(b"x")),
        )
        self.assertEqual(codec.pending, 0)

    def test_refused_by_the_server(self) -> None:
        self.talk(
            ServerCodec,
            ("in", self.ASK + GET, self.ASKED, END),
            (
                "out",
                ResponseHead(403, Headers(), length=0),
                END,
                b"HTTP/1.1 403 \r\nContent-Length: 0\r\n\r\n",
            ),
            ("in", b"", GOT, END),
            ("out", OK, END, SAID),
        )

    def test_only_to_what_was_offered(self) -> None:
        for ask, protocol in (
            (GET, b"websocket"),
            (GET, b""),
            (self.ASK, b""),
            (self.ASK, b"h2c"),
            (self.ASK, b"websocket, foo/2"),
            (request(b"GET / HTTP/1.1", b"Upgrade: websocket"), b"websocket"),
            (request(b"GET / HTTP/1.0", b"Connection: Upgrade", b"Upgrade: websocket"), b"websocket"),
            (request(b"GET / HTTP/1.1", b"Connection: Upgrade", b"Upgrade: h2c"), b"h2c"),
        ):
            codec = ServerCodec()
            codec.receive(ask)
            with self.assertRaises(ValueError):
                codec.send(ResponseHead(101, Headers(), upgrade=protocol))
            self.assertEqual(codec.outgoing(), b"")

    def test_an_offer_does_not_outlive_its_request(self) -> None:
        codec = ServerCodec()
        codec.receive(self.ASK)
        codec.send(OK)
        codec.send(END)
        codec.receive(GET)
        self.assertRaises(ValueError, codec.send, self.SWITCH)

    def test_protocols_that_carry_requests_are_not_offered(self) -> None:
        for offer, offered in (
            (b"h2c", b""), (b"H2C, websocket", b"websocket"), (b"HTTP/2.0", b""), (b"TLS/1.3, x", b"x"),
            (b" , ", b""),
        ):  # fmt: skip
            data = request(b"GET / HTTP/1.1", b"Connection: upgrade", b"Upgrade: " + offer)
            self.talk(ServerCodec, ("in", data, head(upgrade=offered), END))

    def test_with_a_body(self) -> None:
        upgrade = (b"Connection: upgrade", b"Upgrade: websocket")
        for framing in (b"Content-Length: 1", b"Transfer-Encoding: chunked"):
            data = request(b"GET / HTTP/1.1", *upgrade, framing)
            self.talk(ServerCodec, ("in", data, Malformed("bad_upgrade")))
        data = request(b"GET / HTTP/1.1", *upgrade, b"Content-Length: 0")
        self.talk(ServerCodec, ("in", data, head(upgrade=b"websocket"), END))


class Order(Conversations):
    """What may not be said is not said, and changes nothing."""

    def refused(self, codec: ServerCodec, event: Event) -> None:
        before = (codec.reading, codec.writing)
        self.assertRaises(ValueError, codec.send, event)
        self.assertEqual((codec.reading, codec.writing, codec.outgoing()), (*before, b""))

    def test_nothing_before_a_head(self) -> None:
        codec = ServerCodec()
        codec.receive(GET)
        self.refused(codec, END)
        self.refused(codec, Data(b"x"))
        self.refused(codec, GOT)
        self.refused(codec, Malformed("bad_chunk"))

    def test_one_head(self) -> None:
        codec = ServerCodec()
        codec.receive(GET)
        codec.send(OK)
        codec.outgoing()
        for status in (100, 101, 200):
            self.refused(codec, ResponseHead(status, Headers(), upgrade=b"x"))

    def test_one_end(self) -> None:
        codec = ServerCodec()
        codec.receive(request(b"GET / HTTP/1.1", b"Connection: close"))
        codec.send(OK)
        codec.send(END)
        codec.outgoing()
        self.refused(codec, END)
        self.refused(codec, Data(b"x"))
        self.refused(codec, OK)

    def test_a_body_is_as_long_as_announced(self) -> None:
        codec = ServerCodec()
        codec.receive(GET)
        codec.send(ResponseHead(200, Headers(), length=3))
        codec.outgoing()
        self.refused(codec, Data(b"four"))
        self.refused(codec, END)
        codec.send(Data(b"ab"))
        codec.outgoing()
        self.refused(codec, END)
        codec.send(Data(b"c"))
        codec.send(END)
        self.assertEqual(codec.outgoing(), b"c")

    def test_no_splitting(self) -> None:
        for bad in ("b\r\nSet-Cookie: c", "b\nc", "b\rc", "b\0c"):
            codec = ServerCodec()
            codec.receive(request(b"GET / HTTP/1.1", b"TE: trailers"))
            self.refused(codec, ResponseHead(200, fields(("A", bad)), length=0))
            self.refused(codec, ResponseHead(200, fields((bad, "a")), length=0))
            self.refused(codec, ResponseHead(200, Headers(), bad.encode(), length=0))
            self.refused(codec, ResponseHead(103, fields(("A", bad))))
            codec.send(ResponseHead(200, Headers()))
            codec.outgoing()
            self.refused(codec, End(fields(("A", bad))))
            codec.send(END)
            self.assertEqual(codec.outgoing(), b"0\r\n\r\n")

    def test_statuses(self) -> None:
        codec = ServerCodec()
        codec.receive(GET)
        for status in (-1, 0, 99, 1000):
            self.refused(codec, ResponseHead(status, Headers(), length=0))
        codec.send(ResponseHead(999, Headers(), length=0))
        self.assertTrue(codec.outgoing().startswith(b"HTTP/1.1 999 \r\n"))


class Reported(Conversations):
    def test_a_fault_keeps_nothing_alive(self) -> None:
        codec = ServerCodec()
        fault = codec.receive(b"GET /\x1b[2J\r\n HTTP/1.1")[-1]
        assert isinstance(fault, Malformed)
        self.assertIsNone(fault.__traceback__)
        self.assertTrue(fault.detail.isprintable(), "it will stand in a log")
        self.assertEqual(merged(codec.receive(GET)), [])
