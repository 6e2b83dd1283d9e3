"""One exchange on a stream: bodies, back-pressure and ends, with h2 at the other side."""

from __future__ import annotations

import contextlib
from typing import Any

from tests.net.h2_partner import of, told
from tests.net.http_fakes import Source
from tests.net.test_http2_server import Case
from toron.core.body import Body
from toron.core.message import Request, Response
from toron.core.refusal import NO_ROUTE, UPSTREAM_RESET, Refusal
from toron.core.wait import Cancelled, Wait, as_deferred
from toron.net import http_stream
from toron.net.http_stream import LINGER
from toron.wire.events import ResponseHead
from toron.wire.headers import Headers

MORE = 200_000
"""Bytes above every window."""


class Waiting(Case):
    """The requests wait for their answers."""

    def setUp(self) -> None:
        super().setUp()
        self.waiting = True

    def post(self, *fields: tuple[str, str], method: str = "POST") -> int:
        """Begin a request with a body; the number of its stream."""
        number = self.client.ask("/p", *fields, method=method, end=False)
        self.client.talk()
        return number

    def answer(self, response: Response | None = None) -> list[Any]:
        """The request asked last gets its answer; what the client hears."""
        self.asked.pop()[1].fire(response or Response(200))
        return self.client.talk()


class Requests(Waiting):
    """Bodies that come."""

    def test_a_body_and_trailers(self) -> None:
        number = self.post(("content-length", "5"))
        request = self.asked[0][0]
        body = request.body
        assert body is not None
        self.assertEqual((body.length, request.headers.get(b"host")), (5, b"a"))
        self.client.h2.send_data(number, b"hello")
        self.client.h2.send_headers(number, [("x-sum", "1")], end_stream=True)
        self.client.talk()
        self.assertEqual((body.complete, body.ended), (b"hello", True))
        assert body.trailers is not None
        self.assertEqual(body.trailers.get(b"x-sum"), b"1")
        self.assertEqual(told(self.answer(), number)[0][":status"], "200")

    def test_a_body_that_is_whole_before_the_service_is_asked(self) -> None:
        number = self.client.ask("/p", method="POST", end=False)
        self.client.h2.send_data(number, b"hello", end_stream=True)
        self.client.talk()
        body = self.asked[0][0].body
        assert body is not None
        self.assertEqual(body.complete, b"hello")

    def test_a_body_nobody_takes_stops_the_client(self) -> None:
        number = self.post()
        sent = 0
        while self.client.h2.local_flow_control_window(number) and sent < MORE:
            size = min(16384, self.client.h2.local_flow_control_window(number))
            self.client.h2.send_data(number, bytes(size))
            sent += size
            self.client.talk()
        self.assertLess(sent, MORE)
        body = self.asked[0][0].body
        assert body is not None
        self.successResultOf(as_deferred(body.read()))
        self.client.talk()
        self.assertGreater(self.client.h2.local_flow_control_window(number), 16384)

    def test_a_body_that_is_too_large(self) -> None:
        self.open(body_limit=10)
        number = self.post()
        self.asked[0][1].fail(Refusal(NO_ROUTE))
        self.client.talk()
        number = self.post(("content-length", "11"))
        self.assertEqual([line[1::2] for line in self.finished()][-1], (413, "body_too_large"))
        number = self.post()
        body = self.asked[-1][0].body
        assert body is not None
        self.client.h2.send_data(number, bytes(11))
        self.client.talk()
        self.assertIsInstance(body.error, Refusal)

    def test_answered_before_it_is_whole(self) -> None:
        number = self.post()
        events = self.answer(Response(403, Headers(), b"no"))
        self.assertEqual(told(events, number)[1:], (b"no", True))
        self.assertEqual(of(events, "StreamReset"), [], "some clients see no answer that is followed by one")
        self.assertEqual(self.finished(), [(b"/p", 403, 2, "")])
        self.assertEqual(self.get_other(), b"/b")
        for _ in range(5):
            self.client.h2.send_data(number, bytes(16384))
            events += self.client.talk()
        self.client.h2.send_data(number, b"", end_stream=True)
        events += self.client.talk()
        self.assertEqual(of(events, "StreamReset"), [])
        self.assertEqual(len(self.http._streams), 0)
        self.world.pass_time(2 * LINGER)
        self.assertEqual(self.get_other(), b"/b", "nothing is left to be looked at")

    def test_answered_and_it_never_ends(self) -> None:
        number = self.post()
        self.answer(Response(403, Headers(), b"no"))
        self.client.h2.send_data(number, b"x")
        self.client.talk()
        self.world.pass_time(LINGER + 0.5)
        events = self.client.talk()
        self.assertEqual([reset.error_code for reset in of(events, "StreamReset")], [0])
        self.assertEqual(len(self.http._streams), 0)

    def test_answered_and_it_sends_on_and_on(self) -> None:
        self.patch(http_stream, "_LINGER_MOST", 40_000)
        number = self.post()
        self.answer(Response(403, Headers(), b"no"))
        events = []
        for _ in range(3):
            self.client.h2.send_data(number, bytes(16384))
            events += self.client.talk()
        self.assertEqual([reset.error_code for reset in of(events, "StreamReset")], [0])
        self.assertEqual(self.get_other(), b"/b")

    def get_other(self) -> bytes:
        self.waiting = False
        return self.get("/b")[1]

    def test_a_body_that_does_not_come(self) -> None:
        self.open(body_seconds=10.0)
        number = self.post()
        body = self.asked[0][0].body
        assert body is not None
        self.world.pass_time(9.0)
        self.client.h2.send_data(number, b"x")
        self.client.talk()
        self.world.pass_time(9.0)
        self.assertIsNone(body.error)
        self.world.pass_time(1.1)
        assert isinstance(body.error, Refusal)
        self.asked[0][1].fail(body.error)
        events = self.client.talk()
        self.assertEqual(told(events, number)[0][":status"], "408")
        self.assertEqual(self.finished()[0][3], "body_timeout")

    def test_one_that_waits_to_be_told_to_go_on(self) -> None:
        self.open(body_seconds=10.0)
        number = self.post(("expect", "100-continue"))
        request = self.asked[0][0]
        self.assertTrue(request.expects_continue)
        self.world.pass_time(1000.0)
        assert request.body is not None
        self.assertIsNone(request.body.error)
        assert request.inform is not None
        request.inform(ResponseHead(100, Headers()))
        informed = of(self.client.talk(), "InformationalResponseReceived")
        self.assertEqual([event.stream_id for event in informed], [number])
        self.world.pass_time(10.1)
        self.assertIsNotNone(request.body.error)

    def test_the_client_gives_up(self) -> None:
        number = self.post()
        body = self.asked[0][0].body
        assert body is not None
        self.client.h2.reset_stream(number, 8)
        self.client.talk()
        self.assertEqual(self.finished(), [(b"/p", 499, 0, "client_gone")])
        self.assertIsInstance(body.error, Refusal)

    def test_less_than_was_announced(self) -> None:
        self.open(validate=False)
        number = self.post(("content-length", "5"))
        self.client.h2.streams[number]._expected_content_length = None
        self.client.h2.send_data(number, b"hell", end_stream=True)
        [reset] = of(self.client.talk(), "StreamReset")
        self.assertEqual(reset.error_code, 1)
        self.assertEqual(self.finished(), [(b"/p", 400, 0, "body_length")])


class Responses(Waiting):
    """Bodies that leave."""

    def test_a_body_in_pieces_and_trailers(self) -> None:
        number = self.client.ask()
        self.client.talk()
        body = Body()
        events = self.answer(Response(200, Headers([(b"Trailer", b"x-sum")]), body))
        self.assertEqual(told(events, number)[0]["trailer"], "x-sum")
        for piece in (b"one", b"two"):
            body.feed(piece)
            body.flush()
            self.assertEqual(told(self.client.talk(), number)[1], piece)
        body.end(Headers([(b"x-sum", b"1")]))
        [trailers] = of(self.client.talk(), "TrailersReceived")
        self.assertEqual(trailers.headers, [("x-sum", "1")])
        self.assertEqual(self.finished(), [(b"/a", 200, 6, "")])

    def test_no_body_where_there_is_none(self) -> None:
        for method, status in (("HEAD", 200), ("GET", 204), ("GET", 304)):
            number = self.client.ask(method=method)
            self.client.talk()
            body = Body(None, 4)
            events = self.answer(Response(status, Headers(), body))
            body.feed(b"body")
            body.end()
            events += self.client.talk()
            fields, said, whole = told(events, number)
            self.assertEqual((fields[":status"], said, whole), (str(status), b"", True))
            self.assertEqual(fields.get("content-length"), "4" if status == 200 else None)
            self.assertEqual(self.finished(), [(b"/a", status, 0, "")])

    def test_a_client_that_takes_no_more_of_a_body(self) -> None:
        number = self.client.ask()
        self.client.talk()
        source = Source()
        body = Body(source, None)
        self.answer(Response(200, Headers(), body))
        for _ in range(10):
            body.feed(bytes(20_000))
        body.flush()
        events = self.client.talk()
        self.assertEqual(source.told, ["pause"])
        self.assertEqual(len(told(events, number)[1]), 65535)
        heard = size = 65535
        while heard < MORE:
            self.client.h2.acknowledge_received_data(size, number)
            size = len(told(self.client.talk(), number)[1])
            self.assertGreater(size, 0)
            heard += size
        self.assertEqual((heard, source.told), (MORE, ["pause", "resume"]))
        body.end()
        self.assertTrue(told(self.client.talk(), number)[2])

    def test_a_connection_that_takes_no_more(self) -> None:
        self.client.ask()
        self.client.talk()
        source = Source()
        body = Body(source, None)
        self.answer(Response(200, Headers(), body))
        self.http.pauseProducing()
        self.http.pauseProducing()
        self.assertEqual(source.told, ["pause"])
        self.http.resumeProducing()
        self.assertEqual(source.told, ["pause", "resume"])

    def test_one_that_begins_while_the_connection_takes_no_more(self) -> None:
        self.http.pauseProducing()
        self.client.ask()
        self.client.talk()
        source = Source()
        self.answer(Response(200, Headers(), Body(source, None)))
        self.assertEqual(source.told, ["pause"])
        self.http.resumeProducing()
        self.assertEqual(source.told, ["pause", "resume"])

    def test_a_stalled_client_in_the_midst_of_a_body(self) -> None:
        self.open(write_seconds=10.0)
        number = self.client.ask()
        self.client.talk()
        body = Body(Source(), None)
        self.answer(Response(200, Headers(), body))
        body.feed(bytes(MORE))
        body.flush()
        self.client.talk()
        self.world.pass_time(9.0)
        self.client.h2.acknowledge_received_data(65535, number)
        self.client.talk()
        self.world.pass_time(1.1)
        self.assertEqual(self.finished(), [], "slow is not stalled")
        self.world.pass_time(10.1)
        [reset] = of(self.client.talk(), "StreamReset")
        self.assertEqual((reset.stream_id, reset.error_code), (number, 8))
        self.assertEqual(self.finished(), [(b"/a", 200, MORE, "client_stalled")])

    def test_a_stalled_client_after_the_whole_answer(self) -> None:
        self.open(write_seconds=10.0, keepalive_seconds=1000.0)
        number = self.client.ask()
        self.client.talk()
        self.answer(Response(200, Headers(), bytes(MORE)))
        self.assertEqual(self.finished(), [(b"/a", 200, MORE, "")])
        self.world.pass_time(10.1)
        [reset] = of(self.client.talk(), "StreamReset")
        self.assertEqual((reset.stream_id, reset.error_code), (number, 8))
        self.assertEqual(self.finished(), [])

    def test_a_response_that_breaks_off(self) -> None:
        for error, word in ((Refusal(UPSTREAM_RESET), "upstream_reset"), (ValueError("x"), "internal_error")):
            number = self.client.ask()
            self.client.talk()
            body = Body()
            self.answer(Response(200, Headers(), body))
            body.feed(b"half")
            body.fail(error)
            [reset] = of(self.client.talk(), "StreamReset")
            self.assertEqual((reset.stream_id, reset.error_code), (number, 2))
            self.assertEqual(self.finished(), [(b"/a", 200, 4, word)])

    def test_a_refusal_and_an_error(self) -> None:
        for error, status, word in (
            (Refusal(NO_ROUTE), "404", "no_route"),
            (ZeroDivisionError(), "500", "internal_error"),
        ):
            number = self.client.ask()
            self.client.talk()
            self.asked.pop()[1].fail(error)
            self.assertEqual(told(self.client.talk(), number)[0][":status"], status)
            self.assertEqual(self.finished()[0][3], word)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_head_that_can_not_be_said(self) -> None:
        number = self.client.ask()
        self.client.talk()
        events = self.answer(Response(200, Headers([(b"x", b"a\r\nb: c")])))
        self.assertEqual(told(events, number)[0][":status"], "500")
        self.assertEqual(self.finished()[0][1:2], (500,))

    def test_an_answer_nobody_waits_for(self) -> None:
        source = Source()

        async def stubborn(request: Request) -> Response:
            with contextlib.suppress(Cancelled):
                await Wait[None]()
            return Response(200, Headers(), Body(source, None))

        self.world.site.service = stubborn
        number = self.client.ask()
        self.client.talk()
        self.client.h2.reset_stream(number, 8)
        self.client.talk()
        self.assertEqual(source.told, ["stop"])
