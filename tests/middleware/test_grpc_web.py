"""gRPC-Web becomes gRPC and back, however its bodies are cut; browsers are let in where that is written."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from twisted.trial.unittest import SynchronousTestCase

from tests.core.test_body import MUCH, Said
from tests.middleware import environment, finished
from toron.core.body import Body
from toron.core.error_page import refused
from toron.core.message import Middleware, Request, Response
from toron.core.refusal import NO_SERVER, Refusal, UpstreamFailed
from toron.middleware.grpc_web import FromText, Options, make
from toron.wire.headers import Field, Headers

WEB, TEXT = b"application/grpc-web+proto", b"application/grpc-web-text+proto"
MESSAGE = b"\x00\x00\x00\x00\x02\x08\x07"
ENDED = b"\x80\x00\x00\x00\x10grpc-status: 0\r\n"
APP = (b"Origin", b"https://app.example")


def middleware(options: Any = None) -> Middleware:
    return make(Options.model_validate(options or {}), environment("web")[0])


def call(kind: bytes = WEB, body: Body | None = None, *fields: Field) -> Request:
    headers = Headers([(b"Host", b"a.example"), (b"Content-Type", kind), *fields])
    return Request(b"POST", b"/pkg.Service/Method", headers, body=body)


class Server:
    """Answers with what it was given; remembers the request."""

    def __init__(self, answer: Response | Refusal | None = None) -> None:
        self.answer = answer or answer_with(b"")
        self.seen: Request | None = None

    async def __call__(self, request: Request) -> Response:
        self.seen = request
        if isinstance(self.answer, Refusal):
            raise self.answer
        return self.answer

    @property
    def body(self) -> Body:
        assert self.seen is not None
        assert self.seen.body is not None
        return self.seen.body


def answer_with(body: Body | bytes, *fields: Field) -> Response:
    return Response(200, Headers([(b"content-type", b"application/grpc+proto"), *fields]), body)


def through(request: Request, server: Server, options: Any = None) -> Response:
    return finished(middleware(options)(request, server))  # type: ignore[arg-type]


class Requests(SynchronousTestCase):
    def test_what_the_server_gets(self) -> None:
        for kind, server_kind in (
            (b"application/grpc-web", b"application/grpc"),
            (WEB, b"application/grpc+proto"),
            (b"application/grpc-web-text", b"application/grpc"),
            (TEXT, b"application/grpc+proto"),
            (b"Application/gRPC-Web+Thrift; a=b", b"application/grpc+thrift"),
        ):
            server = Server()
            through(call(kind, None, (b"x-meta", b"1")), server)
            assert server.seen is not None
            self.assertEqual(server.seen.headers.get_all(b"content-type"), [server_kind])
            self.assertEqual(server.seen.headers.get(b"x-meta"), b"1")
            self.assertTrue(server.seen.accepts_trailers)

    def test_what_is_something_else(self) -> None:
        for kind in (b"application/grpc", b"application/json"):
            body = Body.of(b"x")
            server = Server(answer_with(b"y", (b"grpc-status", b"0")))
            request = call(kind, body)
            response = through(request, server)
            self.assertIs(server.body, body)
            self.assertFalse(request.accepts_trailers)
            self.assertEqual((response.body, response.headers.get(b"grpc-status")), (b"y", b"0"))
            self.assertEqual(request.headers.get(b"content-type"), kind)

    def test_a_binary_body_goes_on_as_it_is(self) -> None:
        body, server = Body.of(MESSAGE), Server()
        through(call(WEB, body), server)
        self.assertIs(server.body, body)

    def test_text_in_pieces(self) -> None:
        source, sink = Said(), Said()
        body, server = Body(source), Server()
        through(call(TEXT, body), server)
        server.body.pour(sink)
        sink.clear()
        for piece in (b"AAA", b"A", b"AAIIBw==", b"A", b"Q==", b"Ag"):
            body.feed(piece)
        said = [("data", b"\0\0\0"), ("data", b"\0\2\x08\x07"), ("data", b"\1")]
        self.assertEqual(sink.new(), said)
        body.feed(b"==")
        body.end()
        self.assertEqual(sink.new(), [("data", b"\2"), ("end", None)])

    def test_text_holds_up_who_sends_it(self) -> None:
        source = Said()
        body, server = Body(source), Server()
        through(call(TEXT, body), server)
        for _ in range(3):
            body.feed(b64encode(MUCH[:40_000]))
        self.assertEqual(source, ["pause"])
        server.body.pour(Said())
        self.assertEqual(source, ["pause", "resume"])

    def test_text_that_is_none(self) -> None:
        for text in (
            b"AA!A",
            b"AA=A",
            b"A===",
            b"====",
            b"=AAA",
            b"AAAA AAA",
            b"AA\r\n",
            b"AAA",
            b"\xff" * 4,
        ):
            with self.subTest(text):
                server = Server()
                refusal = self.assertRaises(Refusal, through, call(TEXT, Body.of(text)), server)
                self.assertEqual(refusal.reason.word, "bad_grpc_web")
                self.assertIsNone(server.seen)

    def test_text_that_is_none_later(self) -> None:
        source = Said()
        body, server = Body(source), Server()
        through(call(TEXT, body), server)
        body.feed(b"AAAA")
        body.feed(b"****")
        self.assertEqual(source, ["stop"])
        self.assertIsInstance(server.body.error, Refusal)

    @given(st.lists(st.binary(max_size=9), max_size=6), st.lists(st.integers(1, 7), min_size=1, max_size=30))
    def test_any_segments_cut_anywhere(self, segments: list[bytes], cuts: list[int]) -> None:
        text = b"".join(b64encode(segment) for segment in segments)
        reader, read = FromText(), b""
        turn = 0
        while text:
            size = cuts[turn % len(cuts)]
            read += reader.data(text[:size])
            text, turn = text[size:], turn + 1
        self.assertEqual((read, reader.end(None)), (b"".join(segments), (b"", None)))


class Responses(SynchronousTestCase):
    def test_a_stream(self) -> None:
        source, sink = Said(), Said()
        body = Body(source)
        response = through(call(), Server(answer_with(body, (b"x-meta", b"1"))))
        self.assertEqual(response.headers.fields, [(b"Content-Type", WEB), (b"x-meta", b"1")])
        assert isinstance(response.body, Body)
        response.body.pour(sink)
        body.feed(MESSAGE)
        body.flush()
        self.assertEqual(sink.new(), ["flush", ("data", MESSAGE), "flush"][-2:])
        response.body.pause()
        self.assertEqual(source, ["pause"])
        body.end(Headers([(b"Grpc-Status", b"0")]))
        self.assertEqual(sink.new(), [("data", ENDED), ("end", None)])

    def test_a_stream_as_text(self) -> None:
        sink = Said()
        body = Body()
        response = through(call(TEXT), Server(answer_with(body)))
        self.assertEqual(response.headers.get(b"content-type"), TEXT)
        assert isinstance(response.body, Body)
        response.body.pour(sink)
        body.feed(MESSAGE)
        body.feed(MESSAGE[:5])
        body.end(Headers([(b"grpc-status", b"0")]))
        pieces = [word[1] for word in sink if word[0] == "data"]
        self.assertEqual([b64decode(piece, validate=True) for piece in pieces], [MESSAGE, MESSAGE[:5], ENDED])

    def test_the_form_that_the_client_accepts(self) -> None:
        response = through(call(WEB, None, (b"Accept", b"application/grpc-web-text")), Server())
        self.assertEqual(response.headers.get(b"content-type"), TEXT)

    def test_no_messages(self) -> None:
        fields = [(b"grpc-status", b"5"), (b"grpc-message", b"no%20such"), (b"x-meta", b"1")]
        ended = Body()
        ended.end()
        for body in (b"", ended):
            response = through(call(), Server(answer_with(body, *fields)))
            self.assertEqual(response.headers.fields, [(b"Content-Type", WEB), (b"x-meta", b"1")])
            said = response.body if isinstance(response.body, bytes) else response.body.complete
            self.assertEqual(said, b"\x80\x00\x00\x00\x29grpc-status: 5\r\ngrpc-message: no%20such\r\n")
        response = through(call(TEXT), Server(answer_with(b"", fields[0])))
        assert isinstance(response.body, bytes)
        self.assertEqual(b64decode(response.body)[:5], b"\x80\x00\x00\x00\x10")

    def test_no_status_is_none(self) -> None:
        body = Body.of(MESSAGE)
        response = through(call(), Server(answer_with(body)))
        assert isinstance(response.body, Body)
        self.assertEqual(response.body.complete, MESSAGE)

    def test_what_is_not_grpc(self) -> None:
        page = Response(502, Headers([(b"Content-Type", b"text/html")]), b"<h1>")
        response = through(call(TEXT), Server(page))
        self.assertEqual((response.status, response.body), (502, b"<h1>"))

    def test_a_stream_that_breaks(self) -> None:
        body = Body()
        response = through(call(), Server(answer_with(body)))
        assert isinstance(response.body, Body)
        error = UpstreamFailed(NO_SERVER)
        body.fail(error)
        self.assertIs(response.body.error, error)

    def test_a_refusal(self) -> None:
        request = call(TEXT, None, APP)
        refusal = UpstreamFailed(NO_SERVER, "all are down")
        raised = self.assertRaises(Refusal, through, request, Server(refusal), {"origins": "*"})
        self.assertIs(raised, refusal)
        # As the connection makes the answer of it.
        response = refused(raised, request.headers, "id-1")
        self.assertEqual(response.headers.get(b"content-type"), TEXT)
        self.assertEqual(response.headers.get(b"access-control-allow-origin"), b"*")
        assert isinstance(response.body, bytes)
        self.assertIn(b"grpc-status: 14\r\n", b64decode(response.body))


class Origins(SynchronousTestCase):
    def preflight(self, options: Any, origin: bytes = APP[1], *fields: Field, method: bytes = b"POST") -> Any:
        """The fields of the answer, None where the server was asked."""
        headers = Headers([(b"Origin", origin), (b"Access-Control-Request-Method", method), *fields])
        server = Server()
        response = through(Request(b"OPTIONS", b"/a/b", headers), server, options)
        if server.seen is not None:
            return None
        self.assertEqual((response.status, response.body), (204, b""))
        return dict(response.headers.fields)

    def test_nobody_is_let_in_unless_it_is_written(self) -> None:
        self.assertIsNone(self.preflight({}))
        response = through(call(WEB, None, APP), Server())
        self.assertFalse([name for name, _ in response.headers if name.lower().startswith(b"access-")])

    def test_a_preflight(self) -> None:
        wanted = (b"Access-Control-Request-Headers", b"content-type,x-grpc-web, x-meta")
        self.assertEqual(
            self.preflight({"origins": "https://APP.example"}, APP[1], wanted),
            {
                b"Access-Control-Allow-Origin": APP[1],
                b"Vary": b"Origin",
                b"Access-Control-Expose-Headers": b"grpc-status, grpc-message, grpc-status-details-bin",
                b"Access-Control-Allow-Methods": b"POST",
                b"Access-Control-Allow-Headers": b"content-type, x-grpc-web, x-meta",
                b"Access-Control-Max-Age": b"7200",
            },
        )

    def test_who_else_asks(self) -> None:
        options = {"origins": ["https://app.example", "http://localhost:3000"]}
        for origin, let_in in (
            (b"https://app.example", True),
            (b"http://localhost:3000", True),
            (b"http://app.example", False),
            (b"https://app.example:8443", False),
            (b"https://app.example.evil", False),
            (b"https://x.app.example", False),
            (b"null", False),
            (b"", False),
            (b"*", False),
        ):
            with self.subTest(origin):
                self.assertEqual(self.preflight(options, origin) is not None, let_in)
        self.assertIsNone(self.preflight(options, method=b"PUT"))

    def test_everybody(self) -> None:
        fields = self.preflight({"origins": "*"}, b"null")
        self.assertEqual(fields[b"Access-Control-Allow-Origin"], b"*")
        self.assertNotIn(b"Vary", fields)

    def test_options_that_are_no_preflight(self) -> None:
        server = Server()
        through(Request(b"OPTIONS", b"/", Headers([APP])), server, {"origins": "*"})
        self.assertIsNotNone(server.seen)

    def test_a_call(self) -> None:
        options = {"origins": "https://app.example", "credentials": True, "expose": ["x-meta"]}
        own = ((b"Vary", b"Accept"), (b"access-control-allow-origin", b"https://evil.example"))
        response = through(call(WEB, None, APP), Server(answer_with(b"", *own)), options)
        self.assertEqual(response.headers.get_all(b"access-control-allow-origin"), [APP[1]])
        self.assertEqual(response.headers.get_all(b"vary"), [b"Accept", b"Origin"])
        self.assertEqual(response.headers.get(b"access-control-allow-credentials"), b"true")
        exposed = b"grpc-status, grpc-message, grpc-status-details-bin, x-meta"
        self.assertEqual(response.headers.get(b"access-control-expose-headers"), exposed)

    def test_what_can_not_be_written(self) -> None:
        options: Any
        for options in (
            {"origins": "app.example"},
            {"origins": "https://app.example/"},
            {"origins": "https://"},
            {"origins": ["*"], "credentials": True},
            {"origins": "^https://.*"},
            {"expose": "x y"},
            {"orgins": "*"},
        ):
            with self.subTest(options):
                self.assertRaises(ValidationError, Options.model_validate, options)
