"""Requests as they leave, and responses as they arrive."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.wire.conversations import END, Conversations, cut, fields, merged
from toron.wire.events import Data, End, Event, Malformed, RequestHead, ResponseHead, Upgraded
from toron.wire.headers import Headers
from toron.wire.http1 import ClientCodec, Reading, Writing

GET = RequestHead(b"GET", b"/x", fields(("Host", "a.example")))
SAID = b"GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n"
ASK = ("out", GET, END, SAID)


def head(status: int = 200, *more: tuple[str, str], **rest: object) -> ResponseHead:
    made = ResponseHead(status, fields(*more), b"OK")
    for name, value in rest.items():
        setattr(made, name, value)
    return made


def response(*lines: bytes, line: bytes = b"HTTP/1.1 200 OK", body: bytes = b"") -> bytes:
    return b"\r\n".join([line, *lines, b"", body])


EMPTY = response(b"Content-Length: 0")


class Requests(Conversations):
    """What goes out."""

    def said(self, head: RequestHead, *events: Event) -> bytes:
        codec = ClientCodec()
        for event in (head, *events, END):
            codec.send(event)
        self.assertIs(codec.writing, Writing.DONE)
        return codec.outgoing()

    def test_bodies(self) -> None:
        for method, length, framing, sent in (
            (b"GET", 0, b"", b""),
            (b"HEAD", 0, b"", b""),
            (b"OPTIONS", 0, b"", b""),
            (b"DELETE", 0, b"", b""),
            (b"POST", 0, b"Content-Length: 0\r\n", b""),
            (b"PUT", 0, b"Content-Length: 0\r\n", b""),
            (b"BREW", 0, b"Content-Length: 0\r\n", b""),
            (b"GET", 5, b"Content-Length: 5\r\n", b"hello"),
            (b"POST", 5, b"Content-Length: 5\r\n", b"hello"),
            (b"POST", None, b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
            (b"GET", None, b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
        ):  # fmt: skip
            body = (
                [] if length == 0 else [Data(b"he"), Data(b"llo")] if length else [Data(b""), Data(b"hello")]
            )
            self.assertEqual(
                self.said(RequestHead(method, b"/?q", fields(("A", "b")), length=length), *body),
                method + b" /?q HTTP/1.1\r\nA: b\r\n" + framing + b"\r\n" + sent,
            )

    def test_trailers(self) -> None:
        codec = ClientCodec()
        codec.send(RequestHead(b"PUT", b"/", Headers(), length=None))
        codec.outgoing()
        codec.send(End(fields(("A", "b"), ("C", "d"))))
        self.assertEqual(codec.outgoing(), b"0\r\nA: b\r\nC: d\r\n\r\n")

    def test_fields_of_the_connection(self) -> None:
        for name, value, line in (
            ("expects_continue", True, b"Expect: 100-continue\r\n"),
            ("accepts_trailers", True, b"Connection: TE\r\nTE: trailers\r\n"),
            ("upgrade", b"websocket, x", b"Connection: Upgrade\r\nUpgrade: websocket, x\r\n"),
        ):
            asked = RequestHead(b"GET", b"/", Headers())
            setattr(asked, name, value)
            self.assertEqual(self.said(asked), b"GET / HTTP/1.1\r\n" + line + b"\r\n")

    def test_the_version_is_ours(self) -> None:
        self.assertEqual(
            self.said(RequestHead(b"GET", b"*", Headers(), version=(1, 0))), b"GET * HTTP/1.1\r\n\r\n"
        )

    def test_no_splitting(self) -> None:
        for bad in ("b\r\nHost: c", "b\nc", "b\rc", "b\0c"):
            raw = bad.encode()
            for asked in (
                RequestHead(b"GET", b"/", fields(("A", bad))),
                RequestHead(b"GET", b"/", fields((bad, "a"))),
                RequestHead(b"GET", b"/" + raw, Headers()),
                RequestHead(raw, b"/", Headers()),
            ):
                codec = ClientCodec()
                self.assertRaises(ValueError, codec.send, asked)
                self.assertEqual((codec.outgoing(), codec.writing), (b"", Writing.HEAD))
        for method, target in ((b"GET", b"/ HTTP/1.1"), (b"GET /", b"/")):
            self.assertRaises(ValueError, ClientCodec().send, RequestHead(method, target, Headers()))

    def test_order(self) -> None:
        codec = ClientCodec()
        for event in (END, Data(b"x"), head(), Upgraded(b"")):
            self.assertRaises(ValueError, codec.send, event)
        codec.send(GET)
        self.assertRaises(ValueError, codec.send, GET)
        codec.send(END)
        for late in (GET, END, Data(b"x")):
            self.assertRaises(ValueError, codec.send, late)
        self.assertEqual(codec.outgoing(), SAID)


class Responses(Conversations):
    """What comes in."""

    def answered(self, data: bytes, *events: Event, reusable: bool = True) -> None:
        codec = self.talk(ClientCodec, ASK, ("in", data, *events))
        self.assertEqual(codec.reusable, reusable)

    def test_of_a_length(self) -> None:
        data = response(b"Content-Length: 5", b"A: b", body=b"hello")
        self.answered(data, head(200, ("A", "b"), length=5), Data(b"hello"), END)

    def test_empty(self) -> None:
        self.answered(EMPTY, head(length=0), END)

    def test_in_chunks(self) -> None:
        data = response(b"Transfer-Encoding: chunked", body=b"5;x\r\nhello\r\n0\r\n\r\n")
        self.answered(data, head(), Data(b"hello"), END)

    def test_trailers(self) -> None:
        data = response(b"Trailer: A", b"Transfer-Encoding: chunked", body=b"0\r\nA: b\r\n\r\n")
        self.answered(data, head(200, ("Trailer", "A")), End(fields(("A", "b"))))

    def test_until_close(self) -> None:
        codec = self.talk(
            ClientCodec,
            ASK,
            ("in", response(), head()),
            ("in", b"hel", Data(b"hel")),
            ("in", b"lo", Data(b"lo")),
            ("eof", END),
            ("eof",),
        )
        self.assertFalse(codec.reusable)
        self.talk(ClientCodec, ASK, ("in", response(body=b"hello"), head(), Data(b"hello")), ("eof", END))
        self.talk(ClientCodec, ASK, ("in", response(), head()), ("eof", END))

    def test_versions(self) -> None:
        for line, lines, reusable in (
            (b"HTTP/1.1 200 OK", (), True),
            (b"HTTP/1.1 200 OK", (b"Connection: close",), False),
            (b"HTTP/1.1 200 OK", (b"Connection: x, CLOSE",), False),
            (b"HTTP/1.1 200 OK", (b"Connection: keep-alive",), True),
            (b"HTTP/1.0 200 OK", (), False),
            (b"HTTP/1.0 200 OK", (b"Connection: Keep-Alive",), True),
            (b"HTTP/1.0 200 OK", (b"Connection: keep-alive, close",), False),
        ):
            version = (1, 1) if b"1.1" in line else (1, 0)
            data = response(b"Content-Length: 0", *lines, line=line)
            self.answered(data, head(length=0, version=version), END, reusable=reusable)

    def test_without_a_body(self) -> None:
        asked = RequestHead(b"HEAD", b"/", Headers())
        bare = ("out", asked, END, b"HEAD / HTTP/1.1\r\n\r\n")
        for ask, line, lines, length in (
            (bare, b"HTTP/1.1 200 OK", (b"Content-Length: 5",), 5),
            (bare, b"HTTP/1.1 200 OK", (b"Transfer-Encoding: chunked",), None),
            (bare, b"HTTP/1.1 200 OK", (), None),
            (ASK, b"HTTP/1.1 204 OK", (), None),
            (ASK, b"HTTP/1.1 204 OK", (b"Content-Length: 5",), 5),
            (ASK, b"HTTP/1.1 204 OK", (b"Transfer-Encoding: chunked",), None),
            (ASK, b"HTTP/1.1 304 OK", (b"Content-Length: 5",), 5),
            (ASK, b"HTTP/1.1 304 OK", (), None),
        ):
            answer = ("in", response(*lines, line=line), head(int(line[9:12]), length=length), END)
            codec = self.talk(ClientCodec, ask, answer, ask, answer)
            self.assertTrue(codec.reusable)

    def test_a_body_where_there_can_be_none(self) -> None:
        data = response(line=b"HTTP/1.1 204 OK", body=b"hello")
        codec = ClientCodec()
        codec.send(GET)
        codec.send(END)
        self.assertEqual(codec.receive(data), [head(204), END])
        self.assertFalse(codec.reusable)
        self.assertEqual(codec.pending, 5)

    def test_reasons(self) -> None:
        for line, reason in (
            (b"HTTP/1.1 200", b""), (b"HTTP/1.1 200 ", b""),
            (b"HTTP/1.1 200 Very\t\xfcber Good", b"Very\t\xfcber Good"),
        ):  # fmt: skip
            self.answered(response(b"Content-Length: 0", line=line), head(length=0, reason=reason), END)

    def test_fields_of_the_connection_stay_here(self) -> None:
        data = response(
            b"Content-Length: 0", b"Connection: keep-alive, X-Mine", b"Keep-Alive: timeout=5", b"X-Mine: a",
            b"Upgrade: h2c", b"X-Yours: b", b"Proxy-Authenticate: Basic",
        )  # fmt: skip
        self.answered(data, head(200, ("X-Yours", "b"), length=0), END)

    def test_connection_options_that_servers_do_send(self) -> None:
        data = response(
            b"Transfer-Encoding: chunked", b"Connection: Transfer-Encoding, Set-Cookie", b"Set-Cookie: a=b",
            body=b"0\r\n\r\n",
        )  # fmt: skip
        self.answered(data, head(200, ("Set-Cookie", "a=b")), END)

    def test_426(self) -> None:
        data = response(b"Content-Length: 0", b"Upgrade: WebSocket", line=b"HTTP/1.1 426 OK")
        self.answered(data, head(426, length=0, upgrade=b"websocket"), END)

    def test_interim(self) -> None:
        hints = response(b"Link: </s.css>", line=b"HTTP/1.1 103 OK")
        go_on = response(line=b"HTTP/1.1 100 OK")
        self.answered(
            go_on + hints + hints + EMPTY,
            head(100),
            *[head(103, ("Link", "</s.css>"))] * 2,
            head(length=0),
            END,
        )

    def test_interim_by_itself(self) -> None:
        put = RequestHead(b"PUT", b"/", Headers(), length=2, expects_continue=True)
        self.talk(
            ClientCodec,
            ("out", put, b"PUT / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"),
            ("in", response(line=b"HTTP/1.1 100 OK"), head(100)),
            ("out", Data(b"ab"), END, b"ab"),
            ("in", EMPTY, head(length=0), END),
            ASK,
        )

    def test_interim_flood(self) -> None:
        go_on = response(line=b"HTTP/1.1 100 OK")
        self.talk(ClientCodec, ASK, ("in", go_on * 16 + EMPTY, *[head(100)] * 16, head(length=0), END), ASK,
                  ("in", go_on * 16, *[head(100)] * 16))  # fmt: skip
        self.talk(ClientCodec, ASK, ("in", go_on * 17, *[head(100)] * 16, Malformed("interim_flood")))

    def test_early(self) -> None:
        post = RequestHead(b"POST", b"/", Headers(), length=4)
        codec = ClientCodec()
        codec.send(post)
        codec.send(Data(b"ab"))
        self.assertEqual(codec.receive(EMPTY), [head(length=0), END])
        self.assertFalse(codec.reusable, "the request is not whole")
        self.assertRaises(ValueError, codec.send, GET)
        codec.send(Data(b"cd"))
        codec.send(END)
        self.assertTrue(codec.reusable)
        codec.send(GET)

    def test_one_exchange_behind_another(self) -> None:
        chunks = response(b"Transfer-Encoding: chunked", body=b"1\r\nx\r\n0\r\n\r\n")
        self.talk(
            ClientCodec,
            ASK,
            ("in", chunks, head(), Data(b"x"), END),
            ASK,
            ("in", EMPTY, head(length=0), END),
            ASK,
            ("in", response(b"Content-Length: 1", body=b"x"), head(length=1), Data(b"x"), END),
        )

    def test_answered(self) -> None:
        codec = ClientCodec()
        self.assertFalse(codec.answered)
        codec.send(GET)
        codec.send(END)
        codec.receive(b"")
        self.assertFalse(codec.answered)
        codec.receive(EMPTY[:1])
        self.assertTrue(codec.answered)
        codec.receive(EMPTY[1:])
        codec.send(GET)
        self.assertFalse(codec.answered)

    @given(
        st.lists(
            st.sampled_from([
                response(line=b"HTTP/1.1 103 OK"),
                response(b"Content-Length: 5", body=b"hello"),
                response(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\nA: b\r\n\r\n"),
                response(line=b"HTTP/1.1 304 OK"),
                response(body=b"hello"),
                b"HTTP/1.1 200 OK\n\n",
            ]),
            min_size=1, max_size=3,
        ),
        st.lists(st.integers(0, 500), max_size=8),
    )  # fmt: skip
    def test_cut_anywhere(self, responses: list[bytes], places: list[int]) -> None:
        seen = []
        for cuts in ((), places):
            codec = ClientCodec()
            codec.send(GET)
            codec.send(END)
            events: list[Event] = []
            pieces = cut(b"".join(responses), cuts)
            while pieces and codec.reading is not Reading.DONE:
                events += codec.receive(pieces.pop(0))
            seen.append(merged(events))
        self.assertTrue(seen[0])
        self.assertEqual(seen[0], seen[1])


class Unasked(Conversations):
    def test_before_any_request(self) -> None:
        codec = self.talk(
            ClientCodec, ("in", b""), ("in", EMPTY, Malformed("unasked_response")), ("in", EMPTY)
        )
        self.assertFalse(codec.reusable)

    def test_behind_a_response(self) -> None:
        for more in (b"\r\n", EMPTY, b"x"):
            codec = ClientCodec()
            codec.send(GET)
            codec.send(END)
            self.assertEqual(codec.receive(EMPTY + more), [head(length=0), END])
            self.assertFalse(codec.reusable)
            self.assertRaises(ValueError, codec.send, GET)

    def test_behind_a_response_and_later(self) -> None:
        codec = self.talk(
            ClientCodec,
            ASK,
            ("in", EMPTY, head(length=0), END),
            ("in", b""),
            ("in", response(line=b"HTTP/1.1 408 OK"), Malformed("unasked_response")),
        )
        self.assertFalse(codec.reusable)
        self.assertRaises(ValueError, codec.send, GET)


class Ends(Conversations):
    def test_where_nothing_is_missing(self) -> None:
        self.talk(ClientCodec, ("eof",))
        codec = self.talk(ClientCodec, ASK, ("in", EMPTY, head(length=0), END), ("eof",))
        self.assertFalse(codec.reusable)

    def test_inside_a_head(self) -> None:
        for size in range(len(EMPTY)):
            codec = self.talk(ClientCodec, ASK, ("in", EMPTY[:size]), ("eof", Malformed("truncated")))
            self.assertEqual(codec.answered, size > 0)

    def test_behind_an_interim_one(self) -> None:
        go_on = response(line=b"HTTP/1.1 100 OK")
        self.talk(ClientCodec, ASK, ("in", go_on, head(100)), ("eof", Malformed("truncated")))

    def test_inside_a_body(self) -> None:
        sized = response(b"Content-Length: 5", body=b"hell")
        self.talk(
            ClientCodec, ASK, ("in", sized, head(length=5), Data(b"hell")), ("eof", Malformed("truncated"))
        )
        for body in (b"", b"5", b"0\r\n", b"0\r\n\r", b"0\r\nA: b\r\n"):
            data = response(b"Transfer-Encoding: chunked", body=body)
            self.talk(ClientCodec, ASK, ("in", data, head()), ("eof", Malformed("truncated")))


class Switching(Conversations):
    ASKED = RequestHead(b"GET", b"/", Headers(), upgrade=b"websocket, foo/2")
    ASK = (
        "out", ASKED, END, b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket, foo/2\r\n\r\n",
    )  # fmt: skip

    def switch(self, *lines: bytes) -> bytes:
        return response(*lines, line=b"HTTP/1.1 101 OK")

    def test_from_here_on_another_protocol(self) -> None:
        data = self.switch(b"Connection: upgrade", b"Upgrade: WebSocket", b"Sec-WebSocket-Accept: x")
        expected = head(101, ("Sec-WebSocket-Accept", "x"), upgrade=b"websocket")
        for early in (b"", b"\x81\x00"):
            codec = self.talk(
                ClientCodec,
                self.ASK,
                ("in", data + early, expected, Upgraded(early)),
                ("in", b"HTTP/1.1 200 OK\r\n\r\n", Data(b"HTTP/1.1 200 OK\r\n\r\n")),
                ("out", Data(b"\0"), b"\0"),
                ("eof",),
            )
            self.assertFalse(codec.reusable)

    def test_what_came_early_is_in_the_event(self) -> None:
        codec = ClientCodec()
        codec.send(self.ASKED)
        codec.send(END)
        events = codec.receive(self.switch(b"Upgrade: foo/2") + b"early")
        self.assertEqual(events, [head(101, upgrade=b"foo/2"), Upgraded(b"early")])
        self.assertEqual(codec.pending, 0)

    def test_behind_an_interim_one(self) -> None:
        data = response(line=b"HTTP/1.1 103 OK") + self.switch(b"Upgrade: websocket")
        expected = (head(103), head(101, upgrade=b"websocket"), Upgraded())
        self.talk(ClientCodec, self.ASK, ("in", data, *expected))

    def test_only_to_what_was_offered(self) -> None:
        for ask, lines in (
            (ASK, (b"Upgrade: websocket",)),
            (ASK, ()),
            (self.ASK, ()),
            (self.ASK, (b"Upgrade:",)),
            (self.ASK, (b"Upgrade: h2c",)),
            (self.ASK, (b"Upgrade: websocket, foo/2",)),
            (self.ASK, (b"Upgrade: websocket", b"Upgrade: h2c")),
        ):
            codec = self.talk(
                ClientCodec, ask, ("in", self.switch(*lines), Malformed("switch_not_asked")), ("in", EMPTY)
            )
            self.assertFalse(codec.reusable)

    def test_refused_by_the_server(self) -> None:
        codec = self.talk(ClientCodec, self.ASK, ("in", EMPTY, head(length=0), END), ASK)
        self.assertIs(codec.writing, Writing.DONE)


class Bad(Conversations):
    """A server's answer that nobody should have to make sense of."""

    def test_status_lines(self) -> None:
        for line in (
            b"", b"HTTP/1.1", b"HTTP/1.1 ", b"HTTP/1.1 20", b"HTTP/1.1 2000 OK", b"HTTP/1.1 099 OK",
            b"HTTP/1.1 abc",
            b"HTTP/1.1  200 OK", b"HTTP/1.1\t200 OK", b" HTTP/1.1 200 OK", b"http/1.1 200 OK",
            b"HTTP/1.2 200 OK",
            b"HTTP/2 200 OK", b"HTTP/2.0 200 OK", b"HTTP/0.9 200 OK", b"HTTP/1.1 +20 OK", b"HTTP/1.1 200OK",
            b"ICY 200 OK", b"SSH-2.0-OpenSSH_9.6", b"HTTP/1.1 200 O\0K", b"HTTP/1.1 200 O\x1bK", b"200 OK",
            b"GET / HTTP/1.1", b"<html>",
        ):  # fmt: skip
            codec = self.talk(
                ClientCodec,
                ASK,
                ("in", response(b"Content-Length: 0", line=line), Malformed("bad_status_line")),
                ("in", EMPTY),
                ("eof",),
            )
            self.assertFalse(codec.reusable)

    def test_hopeless_ones_are_not_waited_for(self) -> None:
        for data, word in (
            (b"SSH-2.0-OpenSSH_9.6\r\n", "bad_status_line"),
            (b"\x15\x03\x03\x00\x02\x02\x16", "bad_status_line"),
            (b"HTTP/2", "bad_status_line"),
            (b"\r\n", "bad_status_line"),
            (b"HTTP/1.1 x\r\n", "bad_status_line"),
            (b"HTTP/1.1 200 OK\n", "bad_line_ending"),
            (b"HTTP/1.1 200 OK\r\nA: b\n", "bad_line_ending"),
        ):
            self.talk(ClientCodec, ASK, ("in", data, Malformed(word)))

    def test_framing(self) -> None:
        for lines, word in (
            ((b"Content-Length: 5", b"Transfer-Encoding: chunked"), "length_conflict"),
            ((b"Transfer-Encoding: chunked", b"Content-Length: 5"), "length_conflict"),
            ((b"Transfer-Encoding: gzip, chunked",), "bad_transfer_encoding"),
            ((b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), "bad_transfer_encoding"),
            ((b"Transfer-Encoding: identity",), "bad_transfer_encoding"),
            ((b"Transfer-Encoding: xchunked",), "bad_transfer_encoding"),
            ((b"Transfer-Encoding:",), "bad_transfer_encoding"),
            ((b"Content-Length: 5", b"Content-Length: 6"), "bad_content_length"),
            ((b"Content-Length: 5, 6",), "bad_content_length"),
            ((b"Content-Length: 5, 05",), "bad_content_length"),
            ((b"Content-Length: 5,",), "bad_content_length"),
            ((b"Content-Length: ,",), "bad_content_length"),
            ((b"Content-Length: -1",), "bad_content_length"),
            ((b"Content-Length: +5",), "bad_content_length"),
            ((b"Content-Length: 0x5",), "bad_content_length"),
            ((b"Content-Length:",), "bad_content_length"),
            ((b"Content-Length : 5",), "bad_header"),
            ((b"A: b", b" c"), "obsolete_folding"),
            ((b"A: b\0",), "bad_header"),
            ((b"A: b\rc",), "bad_line_ending"),
        ):
            self.talk(ClientCodec, ASK, ("in", response(*lines, body=b"0\r\n\r\n"), Malformed(word)))

    def test_framing_in_http_1_0(self) -> None:
        data = response(b"Transfer-Encoding: chunked", line=b"HTTP/1.0 200 OK")
        self.talk(ClientCodec, ASK, ("in", data, Malformed("bad_transfer_encoding")))

    def test_forms_that_mean_one_thing_only(self) -> None:
        for lines in (
            (b"Content-Length: 5", b"content-length: 5"), (b"Content-Length: 5, 5",),
            (b"Content-Length: 5 ,\t5,5",),
        ):  # fmt: skip
            data = response(*lines, body=b"hello")
            self.talk(ClientCodec, ASK, ("in", data, head(length=5), Data(b"hello"), END), ASK)
        for coding in (b"Chunked", b" CHUNKED\t"):
            data = response(b"Transfer-Encoding:" + coding, body=b"0\r\n\r\n")
            self.talk(ClientCodec, ASK, ("in", data, head(), END), ASK)

    def test_chunks(self) -> None:
        data = response(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n-1\r\n")
        codec = self.talk(ClientCodec, ASK, ("in", data, head(), Data(b"hello"), Malformed("bad_chunk")))
        self.assertFalse(codec.reusable)

    def test_limits(self) -> None:
        data = response(b"A: " + b"b" * 50, b"Content-Length: 0")
        for most, events in ((len(data), [head(200, ("A", "b" * 50), length=0), END]),
                             (len(data) - 1, [Malformed("head_too_large")])):  # fmt: skip
            self.talk(lambda most=most: ClientCodec(head_most=most), ASK, ("in", data, *events))
        self.talk(lambda: ClientCodec(fields_most=2), ASK,
                  ("in", response(*[b"A: b"] * 3), Malformed("too_many_fields")))  # fmt: skip
        endless = response()[:-2] + b"A: " + b"b" * 200
        self.talk(lambda: ClientCodec(head_most=100), ASK, ("in", endless, Malformed("head_too_large")))
