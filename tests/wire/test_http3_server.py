"""Conversations with the HTTP/3 codec: what is said, and how streams and connections end."""

from __future__ import annotations

from typing import Any

from tests.wire.http3_below import (
    GET,
    POST,
    WEBSOCKET,
    CodecCase,
    data,
    head,
)
from toron.wire.events import Data, End, Event, RequestHead, Reset, ResponseHead, Room
from toron.wire.headers import Headers
from toron.wire.http3_frames import (
    DATA,
    GOAWAY,
    HEADERS,
    INTERNAL_ERROR,
    MESSAGE_ERROR,
    NO_ERROR,
    REQUEST_CANCELLED,
    REQUEST_REJECTED,
    STREAM_LAST,
    varint,
)


class Responses(CodecCase):
    def answer(self, response: ResponseHead, *said: Event, method: bytes = b"GET") -> list[tuple[int, Any]]:
        self.begin()
        self.asked([(b":method", method), *GET[1:]])
        for event in (response, *said):
            self.codec.send(0, event)
        return self.said()

    def test_a_whole_answer(self) -> None:
        said = self.answer(ResponseHead(200, Headers([(b"X-A", b"b")]), length=3), Data(b"abc"), End())
        fields = [(b":status", b"200"), (b"x-a", b"b"), (b"content-length", b"3")]
        self.assertEqual(said, [(HEADERS, fields), (DATA, b"abc")])
        self.assertEqual((self.below.ended, self.codec.open), ([0], 0))

    def test_an_answer_of_any_length(self) -> None:
        trailers = Headers([(b"Grpc-Status", b"0")])
        said = self.answer(ResponseHead(200, Headers()), Data(b"a"), Data(b""), Data(b"b"), End(trailers))
        expected = [(DATA, b"a"), (DATA, b"b"), (HEADERS, [(b"grpc-status", b"0")])]
        self.assertEqual(said, [(HEADERS, [(b":status", b"200")]), *expected])
        self.assertEqual(self.below.ended, [0])

    def test_interim_answers(self) -> None:
        link = Headers([(b"Link", b"</a>")])
        said = self.answer(
            ResponseHead(103, link), ResponseHead(100, Headers()), ResponseHead(204, Headers()), End()
        )
        statuses = [dict(fields)[b":status"] for _, fields in said]
        self.assertEqual(statuses, [b"103", b"100", b"204"])

    def test_answers_that_have_no_body(self) -> None:
        for status, method, length in ((200, b"HEAD", b"5"), (204, b"GET", None), (304, b"GET", None)):
            said = self.answer(
                ResponseHead(status, Headers(), length=5), Data(b"abcde"), End(), method=method
            )
            ((_, fields),) = said
            self.assertEqual(dict(fields).get(b"content-length"), length, status)
            self.assertEqual(self.below.ended, [0])

    def test_octets_that_are_no_text_pass(self) -> None:
        ((_, fields),) = self.answer(ResponseHead(200, Headers([(b"X", b"caf\xe9")]), length=0), End())
        self.assertIn((b"x", b"caf\xe9"), fields)

    def test_what_must_not_be_said(self) -> None:
        ok = ResponseHead(200, Headers(), length=3)
        for said in (
            (Data(b"x"),),
            (End(),),
            (ok, ok),
            (ok, Data(b"abcd")),
            (ok, Data(b"ab"), End()),
            (ResponseHead(1000, Headers()),),
            (ResponseHead(101, Headers(), upgrade=b"websocket"),),
            (ResponseHead(200, Headers([(b"x", b"a\nb")])),),
            (ResponseHead(200, Headers([(b"a b", b"c")])),),
            (RequestHead(b"GET", b"/", Headers()),),
        ):
            with self.subTest(said):
                self.assertRaises(ValueError, self.answer, *said)
                self.assertEqual(self.below.ended, [])

    def test_after_a_head_that_must_not_be_said_another_may(self) -> None:
        self.asked()
        bad = ResponseHead(200, Headers([(b"x", b"a\nb")]), length=5)
        self.assertRaises(ValueError, self.codec.send, 0, bad)
        self.codec.send(0, ResponseHead(500, Headers(), length=0))
        self.codec.send(0, End())
        self.assertEqual(self.said()[0][1][0], (b":status", b"500"))

    def test_nothing_is_said_of_streams_that_are_gone(self) -> None:
        self.asked()
        self.codec.receive_reset(0, 0.0)
        self.codec.send(0, ResponseHead(200, Headers()))
        self.codec.send(400, End())
        self.assertNotIn(0, self.below.streams)

    def test_an_answer_before_the_request_is_whole(self) -> None:
        self.hear(0, head(POST) + data(b"a"))
        self.codec.send(0, ResponseHead(403, Headers(), length=0))
        self.codec.send(0, End())
        self.assertEqual(self.codec.open, 1)
        self.codec.reset(0, NO_ERROR)
        # The answer stays; only the rest of the request is not wanted.
        self.assertEqual((self.below.was_reset, self.below.was_refused), ([], [(0, NO_ERROR)]))
        self.assertEqual(self.codec.open, 0)
        self.assertEqual(self.hear(0, data(b"more")), [])
        self.assertEqual(self.hear(0, b"", True), [])


class Waiting(CodecCase):
    def test_a_stream_that_waits_and_goes_on(self) -> None:
        self.asked()
        self.assertEqual(self.codec.queued(0), 0)
        self.assertEqual(self.codec.sent(), [])
        self.below.waiting[0] = 65 << 10
        self.assertEqual(self.codec.queued(0), 65 << 10)
        self.assertEqual(self.codec.sent(), [])
        self.below.waiting[0] = 33 << 10
        self.assertEqual(self.codec.queued(0), 33 << 10)
        self.assertEqual(self.codec.sent(), [])
        self.below.waiting[0] = 31 << 10
        self.assertEqual(self.codec.queued(0), 0)
        self.assertEqual(self.codec.sent(), [(0, Room())])
        self.assertEqual(self.codec.sent(), [])

    def test_it_is_not_told_of_streams_that_are_gone(self) -> None:
        self.asked()
        self.below.waiting[0] = 65 << 10
        self.codec.queued(0)
        self.codec.reset(0, INTERNAL_ERROR)
        self.below.waiting[0] = 0
        self.assertEqual(self.codec.sent(), [])


class Tunnels(CodecCase):
    def test_a_websocket(self) -> None:
        request = self.asked(WEBSOCKET, fin=False)
        self.assertEqual((request.method, request.upgrade, request.length), (b"GET", b"websocket", 0))
        accept = Headers([(b"Sec-WebSocket-Accept", b"x"), (b"Sec-WebSocket-Protocol", b"chat")])
        self.codec.send(0, ResponseHead(101, accept, upgrade=b"websocket"))
        self.assertEqual(self.hear(0, data(b"hello")), [Data(b"hello")])
        self.codec.send(0, Data(b"hi"))
        self.assertEqual(self.hear(0, b"", True), [End()])
        self.codec.send(0, End())
        fields = [(b":status", b"200"), (b"sec-websocket-protocol", b"chat")]
        self.assertEqual(self.said(), [(HEADERS, fields), (DATA, b"hi")])
        self.assertEqual(self.codec.open, 0)

    def test_one_that_is_refused(self) -> None:
        self.asked(WEBSOCKET, 4, fin=False)
        self.codec.send(4, ResponseHead(200, Headers(), length=0))
        # This would look like an open tunnel.
        self.assertEqual(self.said(4)[0][1][0], (b":status", b"502"))
        self.asked(WEBSOCKET, fin=False)
        self.codec.send(0, ResponseHead(403, Headers(), length=2))
        self.codec.send(0, Data(b"no"))
        self.codec.send(0, End())
        self.assertEqual(self.said()[0][1][0], (b":status", b"403"))

    def test_one_that_nobody_asked_for(self) -> None:
        self.asked()
        switch = ResponseHead(101, Headers(), upgrade=b"websocket")
        self.assertRaises(ValueError, self.codec.send, 0, switch)

    def test_a_tunnel_has_no_trailers(self) -> None:
        self.refused(MESSAGE_ERROR, "stream_state", head(WEBSOCKET) + head([(b"x", b"y")]))


class Endings(CodecCase):
    def test_the_client_gives_a_stream_up(self) -> None:
        self.hear(0, head(POST) + data(b"a"))
        self.assertEqual(self.codec.receive_reset(0, 0.0), [(0, Reset(REQUEST_CANCELLED))])
        self.assertEqual((self.below.was_reset, self.below.was_refused), ([(0, REQUEST_CANCELLED)], []))
        self.assertEqual(self.codec.open, 0)

    def test_the_client_wants_no_answer(self) -> None:
        self.hear(0, head(POST) + data(b"a"))
        self.assertEqual(self.codec.receive_refusal(0, 0.0), [(0, Reset(REQUEST_CANCELLED))])
        self.assertEqual(self.below.was_refused, [(0, REQUEST_CANCELLED)])
        self.assertEqual(self.hear(0, data(b"more")), [])
        self.assertEqual(self.codec.receive_reset(0, 0.0), [])

    def test_one_request_too_many(self) -> None:
        self.begin(streams=2)
        self.asked(stream=0)
        self.asked(stream=4)
        self.assertEqual(self.hear(8, head(GET), True), [])
        self.assertEqual(self.below.was_reset, [(8, REQUEST_REJECTED)])
        self.codec.reset(0, INTERNAL_ERROR)
        self.asked(stream=12)

    def test_we_give_a_stream_up(self) -> None:
        self.hear(0, head(POST))
        self.codec.reset(0, INTERNAL_ERROR)
        self.codec.reset(0, INTERNAL_ERROR)
        self.codec.reset(400, INTERNAL_ERROR)
        self.assertEqual(self.below.was_reset, [(0, INTERNAL_ERROR)])
        self.assertEqual(self.below.was_refused, [(0, INTERNAL_ERROR)])
        self.asked(stream=4)
        self.codec.reset(4, INTERNAL_ERROR)
        self.assertEqual(len(self.below.was_refused), 1)

    def test_a_graceful_end(self) -> None:
        self.asked()
        self.codec.drain()
        self.assertTrue(self.codec.draining)
        self.assertFalse(self.codec.settled)
        # What was on its way is served still.
        self.asked(stream=8)
        self.codec.drain()
        self.codec.drain()
        self.assertTrue(self.codec.settled)
        goaways = [payload for kind, payload in self.frames_of_control() if kind == GOAWAY]
        self.assertEqual(goaways, [varint(STREAM_LAST), varint(12)])
        self.asked(stream=4)
        self.assertEqual(self.hear(12, head(GET), True), [])
        self.assertEqual(self.hear(16, head(POST)), [])
        self.assertEqual(self.below.was_reset, [(12, REQUEST_REJECTED), (16, REQUEST_REJECTED)])
        self.assertEqual(self.below.was_refused, [(16, REQUEST_REJECTED)])
        self.codec.send(0, ResponseHead(200, Headers(), length=0))
        self.codec.send(0, End())
        self.assertEqual(self.below.ended, [0])

    def frames_of_control(self) -> list[tuple[int, Any]]:
        self.below.streams[3] = self.below.streams[3].removeprefix(b"\x00")
        return self.below.frames(3)

    def test_a_close(self) -> None:
        self.asked()
        self.codec.close()
        self.codec.close()
        self.codec.drain()
        self.codec.send(0, ResponseHead(200, Headers()))
        self.codec.reset(0, INTERNAL_ERROR)
        self.assertEqual(self.below.closed, (NO_ERROR, ""))
        self.assertEqual(self.codec.receive(4, head(GET), True, 0.0), [])
        self.assertEqual(self.codec.receive_reset(0, 0.0), [])
        self.assertEqual((self.below.was_reset, list(self.below.streams)), ([], [3]))
