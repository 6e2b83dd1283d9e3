"""One exchange with an HTTP/2 server: what it is asked, what it answers, and every way to break off."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.net.h2_partner import Partner, of
from tests.net.http_fakes import Source, Transport, World, nobody, outcome
from toron.core.body import Body
from toron.core.message import Response
from toron.core.refusal import TOTAL_TIMEOUT, Refusal, UpstreamFailed
from toron.net.http2_client import Http2Upstream
from toron.net.http2_exchange import UpstreamStream
from toron.net.late import Late
from toron.wire.events import RequestHead, ResponseHead
from toron.wire.headers import Headers

MORE = 200_000
OK = [(":status", "200"), ("content-type", "text/plain")]


def head(method: bytes = b"GET", length: int | None = 0, **more: Any) -> RequestHead:
    headers = Headers([(b"Host", b"a.example"), (b"X-Mine", b"1")])
    return RequestHead(method, b"/a?b", headers, b"a.example", length=length, **more)


class Case(SynchronousTestCase):
    """A connection to a server that is h2; `over` are the ends of exchanges."""

    def setUp(self) -> None:
        self.world = World(nobody)
        self.gone: list[Http2Upstream] = []
        self.over: list[Refusal | None] = []
        self.informed: list[int] = []
        self.open()

    def open(self) -> None:
        self.transport = Transport()
        self.addCleanup(self.transport.handle.close)
        self.connection = Http2Upstream(self.world.server, self.world.sweep, 30.0, Late(), b"http")
        self.connection.gone = self.gone.append
        self.transport.protocol = self.connection
        self.connection.makeConnection(self.transport)
        self.server = Partner(self.connection, self.transport, client=False)
        self.server.talk()

    def begin(
        self, request: RequestHead | None = None, body: Body | None = None, seconds: float = 20.0
    ) -> tuple[UpstreamStream, list[Any]]:
        """An exchange, and what becomes of its answer."""
        stream = UpstreamStream(self.connection, self.world.sweep, 10.0)
        answer = stream.begin(request or head(), body, self.inform, seconds, self.over.append)
        return stream, outcome(answer)

    def inform(self, interim: ResponseHead) -> None:
        self.informed.append(interim.status)

    def asked(self) -> tuple[int, dict[str, str]]:
        """The request that the server hears of."""
        [request] = of(self.server.talk(), "RequestReceived")
        return request.stream_id, dict(request.headers)

    def say(self, number: int, data: bytes = b"", *fields: tuple[str, str], end: bool = True) -> None:
        """The server answers 200."""
        self.server.h2.send_headers(number, [*OK, *fields], end_stream=end and not data)
        if data:
            self.server.h2.send_data(number, data, end_stream=end)
        self.server.talk()

    def word(self, got: list[Any]) -> str:
        """The reason of a failure."""
        [failure] = got
        assert isinstance(failure, Refusal), failure
        return failure.reason.word


class Asking(Case):
    """Requests."""

    def test_without_a_body(self) -> None:
        _, got = self.begin()
        number, fields = self.asked()
        self.assertEqual(
            fields,
            {":method": "GET", ":scheme": "http", ":authority": "a.example", ":path": "/a?b", "x-mine": "1"},
        )
        self.say(number, b"hello", ("content-length", "5"))
        [response] = got
        assert isinstance(response, Response)
        self.assertEqual((response.status, response.body), (200, b"hello"))
        self.assertEqual(response.headers.get(b"content-type"), b"text/plain")
        self.assertEqual((self.over, self.connection.busy, self.connection.used), ([None], 0, True))

    def test_with_a_body_and_trailers(self) -> None:
        body = Body(Source(), 4)
        _, got = self.begin(head(b"POST", 4, accepts_trailers=True), body)
        number, fields = self.asked()
        self.assertEqual((fields["content-length"], fields["te"]), ("4", "trailers"))
        body.feed(b"body")
        body.end(Headers([(b"X-Sum", b"1")]))
        events = self.server.talk()
        self.assertEqual(b"".join(event.data for event in of(events, "DataReceived")), b"body")
        self.assertEqual(of(events, "TrailersReceived")[0].headers, [("x-sum", "1")])
        self.say(number)
        self.assertEqual((got[0].status, self.over), (200, [None]))

    def test_a_server_that_takes_no_more_of_the_body(self) -> None:
        source = Source()
        body = Body(source, None)
        self.begin(head(b"POST", None), body)
        number, _ = self.asked()
        for _ in range(10):
            body.feed(bytes(20_000))
        body.flush()
        heard = size = sum(len(event.data) for event in of(self.server.talk(), "DataReceived"))
        self.assertEqual((heard, source.told), (65535, ["pause"]))
        while heard < MORE:
            self.server.h2.acknowledge_received_data(size, number)
            size = sum(len(event.data) for event in of(self.server.talk(), "DataReceived"))
            self.assertGreater(size, 0)
            heard += size
        self.assertEqual((heard, source.told), (MORE, ["pause", "resume"]))

    def test_a_connection_that_takes_no_more(self) -> None:
        source, late = Source(), Source()
        self.begin(head(b"POST", None), Body(source, None))
        self.connection.pauseProducing()
        self.begin(head(b"POST", None), Body(late, None))
        self.assertEqual((source.told, late.told), (["pause"], ["pause"]))
        self.connection.resumeProducing()
        self.assertEqual((source.told, late.told), (["pause", "resume"], ["pause", "resume"]))

    def test_a_client_that_waits_to_go_on(self) -> None:
        body = Body(Source(), 4)
        self.begin(head(b"POST", 4, expects_continue=True), body)
        number, fields = self.asked()
        self.assertEqual(fields["expect"], "100-continue")
        self.server.h2.send_headers(number, [(":status", "100")])
        self.server.talk()
        self.assertEqual(self.informed, [100])
        body.feed(b"body")
        body.end()
        self.assertEqual(of(self.server.talk(), "DataReceived")[0].data, b"body")

    def test_a_head_that_can_not_be_said(self) -> None:
        stream = UpstreamStream(self.connection, self.world.sweep, 10.0)
        bad = RequestHead(b"GET", b"/a b", Headers([(b"Host", b"a")]), b"a")
        with self.assertRaises(ValueError):
            stream.begin(bad, None, None, 1.0, self.over.append)
        stream.cancel()
        self.assertEqual((self.over, self.connection.busy), ([None], 0))

    def test_no_stream_is_free(self) -> None:
        self.connection.close()
        _, got = self.begin()
        self.assertTrue(got[0].unprocessed)
        self.assertEqual(self.over, [None])


class Answering(Case):
    """Responses."""

    def test_in_pieces_with_trailers(self) -> None:
        _, got = self.begin()
        number, _ = self.asked()
        self.server.h2.send_headers(number, [(":status", "103"), ("link", "</x>")])
        self.say(number, b"one", end=False)
        self.assertEqual(self.informed, [103])
        [response] = got
        heard = outcome(response.body.read_all(100))
        self.server.h2.send_data(number, b"two")
        self.server.h2.send_headers(number, [("x-sum", "1")], end_stream=True)
        self.server.talk()
        self.assertEqual((heard, self.over), ([b"onetwo"], [None]))
        self.assertEqual(response.body.trailers.fields, [(b"x-sum", b"1")])

    def test_without_a_body(self) -> None:
        for status in ("204", "200"):
            _, got = self.begin()
            number, _ = self.asked()
            self.server.h2.send_headers(number, [(":status", status)], end_stream=True)
            self.server.talk()
            self.assertEqual((got[0].status, got[0].body), (int(status), b""))

    def test_trailers_only(self) -> None:
        _, got = self.begin()
        number, _ = self.asked()
        self.server.h2.send_headers(number, [*OK, ("grpc-status", "5")], end_stream=True)
        self.server.talk()
        self.assertEqual(got[0].headers.get(b"grpc-status"), b"5")

    def test_a_body_nobody_takes_stops_the_server(self) -> None:
        _, got = self.begin()
        number, _ = self.asked()
        self.say(number, b"x", end=False)
        sent = 0
        while (window := self.server.h2.local_flow_control_window(number)) and sent < 40 * MORE:
            size = min(16384, window)
            self.server.h2.send_data(number, bytes(size))
            sent += size
            self.server.talk()
        self.assertLess(sent, 10 * MORE)
        heard = outcome(got[0].body.read())
        self.assertGreater(len(heard[0]), 0)
        self.server.talk()
        self.assertGreater(self.server.h2.local_flow_control_window(number), 16384)

    def test_one_that_does_not_come(self) -> None:
        _, got = self.begin(seconds=5.0)
        self.asked()
        self.world.pass_time(5.1)
        self.assertEqual(self.word(got), "upstream_response_timeout")
        self.assertEqual([reset.error_code for reset in of(self.server.talk(), "StreamReset")], [8])
        self.assertEqual((len(self.over), self.connection.lost), (1, False))

    def test_one_that_stops_midway(self) -> None:
        _, got = self.begin()
        number, _ = self.asked()
        self.say(number, b"x", end=False)
        self.world.pass_time(10.1)
        self.assertEqual(got[0].body.error.reason.word, "upstream_idle_timeout")

    def test_one_that_the_client_does_not_take_may_take_its_time(self) -> None:
        _, got = self.begin()
        number, _ = self.asked()
        self.say(number, b"x", end=False)
        got[0].body.pause()
        self.world.pass_time(1000.0)
        self.assertIsNone(got[0].body.error)

    def test_before_the_request_is_whole(self) -> None:
        source = Source()
        _, got = self.begin(head(b"POST", None), Body(source, None))
        number, _ = self.asked()
        self.say(number, b"no")
        self.assertEqual((got[0].body, source.told, self.over), (b"no", ["stop"], [None]))
        self.assertFalse(self.connection.lost)

    def test_reset(self) -> None:
        _, got = self.begin()
        number, _ = self.asked()
        self.server.h2.reset_stream(number, 2)
        self.server.talk()
        self.assertEqual(self.word(got), "upstream_reset")
        self.assertFalse(got[0].unprocessed)

    def test_reset_midway(self) -> None:
        _, got = self.begin()
        number, _ = self.asked()
        self.say(number, b"x", end=False)
        self.server.h2.reset_stream(number, 2)
        self.server.talk()
        self.assertEqual(got[0].body.error.reason.word, "upstream_reset")

    def test_refused(self) -> None:
        _, got = self.begin()
        number, _ = self.asked()
        self.server.h2.reset_stream(number, 7)
        self.server.talk()
        self.assertTrue(got[0].unprocessed and got[0].untouched and got[0].ours)

    def test_malformed(self) -> None:
        self.server.h2.config.validate_outbound_headers = False
        self.server.h2.config.normalize_outbound_headers = False
        _, got = self.begin()
        number, _ = self.asked()
        self.server.h2.send_headers(number, [(":status", "200"), ("Upper", "x")])
        events = self.server.talk()
        self.assertEqual(self.word(got), "upstream_bad_response")
        self.assertEqual([reset.error_code for reset in of(events, "StreamReset")], [1])


class Leaving(Case):
    """Exchanges nobody wants any more."""

    def test_cancelled(self) -> None:
        stream, got = self.begin()
        self.asked()
        stream.cancel()
        self.assertEqual([reset.error_code for reset in of(self.server.talk(), "StreamReset")], [8])
        self.assertEqual((got, self.over, self.connection.busy), ([], [None], 0))

    def test_the_body_of_the_answer_is_not_wanted(self) -> None:
        _, got = self.begin()
        number, _ = self.asked()
        self.say(number, b"x", end=False)
        got[0].body.stop()
        self.assertEqual([reset.error_code for reset in of(self.server.talk(), "StreamReset")], [8])

    def test_the_client_breaks_off(self) -> None:
        body = Body(Source(), None)
        _, got = self.begin(head(b"POST", None), body)
        self.asked()
        body.fail(ConnectionError("gone"))
        self.assertEqual(self.word(got), "client_gone")
        self.assertTrue(got[0].ours)
        self.assertEqual([reset.error_code for reset in of(self.server.talk(), "StreamReset")], [8])

    def test_given_up(self) -> None:
        stream, got = self.begin()
        self.asked()
        stream.give_up(UpstreamFailed(TOTAL_TIMEOUT))
        self.assertEqual(self.word(got), "upstream_total_timeout")
        stream.give_up(UpstreamFailed(TOTAL_TIMEOUT))
        self.assertEqual(len(self.over), 1)
