"""What a client says and hears on one connection, and when."""

from __future__ import annotations

import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.net.http_fakes import DATE, Source, Transport, World, outcome
from toron.core.body import Body
from toron.core.message import Request, Response
from toron.core.refusal import NO_ROUTE, UPSTREAM_RESET, Refusal
from toron.core.wait import Wait
from toron.net.http1_server import HttpServer
from toron.wire.events import ResponseHead
from toron.wire.headers import Headers

GET = b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"


def ok(body: bytes = b"", fields: bytes = b"") -> bytes:
    """The 200 the test services give."""
    return b"HTTP/1.1 200 OK\r\n" + DATE + b"Content-Length: %d\r\n%b\r\n%b" % (len(body), fields, body)


class Case(SynchronousTestCase):
    """A connection whose requests wait in `asked` for `answer`, or are answered with their path."""

    def setUp(self) -> None:
        self.asked: list[tuple[Request, Wait[Response]]] = []
        self.waiting = False
        self.open()

    def open(self, **limits: Any) -> None:
        self.world = World(self.service, **limits)
        self.transport = Transport()
        self.addCleanup(self.transport.handle.close)
        self.http = HttpServer(self.world.connection(self.transport), self.world.site)
        self.transport.protocol = self.http
        self.http.makeConnection(self.transport)

    async def service(self, request: Request) -> Response:
        if not self.waiting:
            return Response(200, Headers(), request.path)
        wait: Wait[Response] = Wait()
        self.asked.append((request, wait))
        return await wait

    def hear(self, data: bytes) -> bytes:
        """The client says this; what it hears."""
        self.http.dataReceived(data)
        return self.transport.said()

    def answer(self, response: Response | None = None) -> bytes:
        """The request asked last gets its answer; what the client hears."""
        _, wait = self.asked.pop()
        wait.fire(response or Response(200))
        return self.transport.said()

    def finished(self) -> list[tuple[bytes, int, int, str]]:
        found, self.world.finished[:] = list(self.world.finished), []
        return found


class Answering(Case):
    """Requests and their answers."""

    def test_one_after_the_other(self) -> None:
        self.assertEqual(self.hear(GET % b"a"), ok(b"/a"))
        self.assertEqual(self.hear(GET % b"b"), ok(b"/b"))
        self.assertEqual(self.finished(), [(b"/a", 200, 2, ""), (b"/b", 200, 2, "")])
        self.assertEqual(self.transport.ending, "")

    def test_byte_by_byte(self) -> None:
        said = b"".join(self.hear(bytes((byte,))) for byte in GET % b"a" + GET % b"b")
        self.assertEqual(said, ok(b"/a") + ok(b"/b"))

    def test_pipelined_requests_wait_their_turn(self) -> None:
        self.waiting = True
        self.assertEqual(self.hear(GET % b"a" + GET % b"b"), b"")
        self.assertEqual([request.path for request, _ in self.asked], [b"/a"])
        self.waiting = False
        self.assertEqual(self.answer(), ok() + ok(b"/b"))

    def test_enough_pipelined_requests_wait(self) -> None:
        self.waiting = True
        self.hear(GET % b"a")
        self.hear(GET % b"b" * 1000)
        self.assertTrue(self.transport.reading)
        self.hear(GET % b"b" * 3000)
        self.assertFalse(self.transport.reading)
        self.waiting = False
        self.assertEqual(self.answer(), ok() + ok(b"/b") * 4000)
        self.assertTrue(self.transport.reading)

    def test_no_answers_pile_up_for_a_client_that_takes_none(self) -> None:
        self.http.pauseProducing()
        self.assertEqual(self.hear(GET % b"a" * 3), ok(b"/a"))
        self.assertFalse(self.transport.reading)
        self.http.resumeProducing()
        self.assertEqual(self.transport.said(), ok(b"/a") * 2)
        self.assertTrue(self.transport.reading)

    def test_the_last_request_of_a_connection(self) -> None:
        self.open(max_requests=2)
        close = ok(b"/a", b"Connection: close\r\n")
        self.assertEqual(self.hear(GET % b"a" * 3), ok(b"/a") + close)
        self.assertEqual(self.transport.ending, "close")
        self.open()
        self.world.site.drain()
        self.assertEqual(self.hear(GET % b"a" * 3), close)

    def test_interim_responses_go_out_before_the_answer(self) -> None:
        self.waiting = True
        self.hear(GET % b"a")
        inform = self.asked[0][0].inform
        assert inform is not None
        inform(ResponseHead(103, Headers([(b"Link", b"</x>")]), b"Early Hints"))
        self.assertEqual(self.transport.said(), b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        self.assertEqual(self.answer(), ok())
        inform(ResponseHead(103, Headers()))
        self.assertEqual(self.transport.said(), b"")

    def test_a_refusal_and_an_error(self) -> None:
        for error, status, word in (
            (Refusal(NO_ROUTE), b"404 Not Found", "no_route"),
            (ZeroDivisionError(), b"500 Internal Server Error", "internal_error"),
        ):
            self.waiting = True
            self.hear(GET % b"a")
            self.asked.pop()[1].fail(error)
            self.assertTrue(self.transport.said().startswith(b"HTTP/1.1 " + status))
            self.assertEqual(self.finished()[0][3], word)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_service_that_raises_before_it_is_awaited(self) -> None:
        def service(request: Request) -> Any:
            raise {b"/refused": Refusal(NO_ROUTE), b"/broken": ZeroDivisionError()}[request.path]

        self.world.site.service = service
        self.assertIn(b"404 Not Found", self.hear(GET % b"refused"))
        self.assertIn(b"500 Internal Server Error", self.hear(GET % b"broken"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_an_answer_that_would_break_its_head(self) -> None:
        for body in (b"whole", Body()):
            self.waiting = True
            self.hear(GET % b"a")
            said = self.answer(Response(200, Headers([(b"X-A", b"1\r\nX-B: 2")]), body))
            self.assertTrue(said.startswith(b"HTTP/1.1 500 Internal Server Error\r\n"))
            self.assertNotIn(b"X-B", said)
            self.assertEqual(self.finished()[0][3], "internal_error")

    def test_every_accept_line_counts(self) -> None:
        self.waiting = True
        self.hear(b"GET / HTTP/1.1\r\nHost: a\r\nAccept: image/png\r\nAccept: application/json\r\n\r\n")
        self.asked.pop()[1].fail(Refusal(NO_ROUTE))
        self.assertIn(b"\r\nContent-Type: application/json", self.transport.said())

    def test_a_call_of_grpc_is_refused_in_its_own_words(self) -> None:
        self.waiting = True
        self.hear(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\n\r\n")
        self.asked.pop()[1].fail(Refusal(NO_ROUTE))
        said = self.transport.said()
        self.assertTrue(said.startswith(b"HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\n"), said)
        self.assertIn(b"\r\ngrpc-status: 12\r\n", said)
        self.assertTrue(said.endswith(b"\r\nContent-Length: 0\r\n\r\n"), said)
        self.assertEqual(self.finished()[0][1:], (200, 0, "no_route"))

    def test_an_upgrade_that_is_required_is_passed_on(self) -> None:
        self.waiting = True
        self.hear(GET % b"a")
        required = Response(426, Headers(), b"")
        required.upgrade = b"websocket"
        self.assertIn(b"\r\nUpgrade: websocket\r\n", self.answer(required))

    def test_what_is_malformed_is_refused_and_nothing_after_it_read(self) -> None:
        said = self.hear(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n" + GET % b"b")
        self.assertTrue(said.startswith(b"HTTP/1.1 400 Bad Request\r\n"))
        self.assertIn(b"Connection: close\r\n", said)
        self.assertEqual(self.transport.ending, "half")
        self.assertEqual(self.hear(GET % b"b"), b"")
        self.assertEqual([status for _, status, _, _ in self.finished()], [400])

    def test_an_escaped_slash_only_where_it_is_allowed(self) -> None:
        for path in (b"%2fadmin", b"admin%2Fx", b"a/%2F%2Fadmin"):
            self.assertIn(b"400 Bad Request", self.hear(GET % path))
        self.assertEqual(self.hear(GET % b"a%252Fb"), ok(b"/a%252Fb"), "a percent sign, and no slash")
        self.world.site.encoded_slashes = True
        self.assertEqual(self.hear(GET % b"admin%2Fx"), ok(b"/admin%2Fx"))

    def test_a_bad_path_is_refused(self) -> None:
        self.assertIn(b"400 Bad Request", self.hear(GET % b"%00"))
        self.assertEqual(self.hear(GET % b"a"), ok(b"/a"), "its framing was good")


class Bodies(Case):
    """Bodies in both directions, and what holds them up."""

    def test_a_request_body_flows_and_is_held_up(self) -> None:
        self.waiting = True
        self.hear(POST % 200_000)
        body = self.asked[0][0].body
        assert body is not None
        self.hear(bytes(100_000))
        self.assertFalse(self.transport.reading)
        self.assertEqual(outcome(body.read()), [bytes(100_000)])
        self.assertTrue(self.transport.reading)
        self.hear(bytes(100_000) + GET % b"b")
        self.assertEqual(body.received, 200_000)
        self.assertTrue(body.ended)

    def test_a_response_body_flows_and_is_held_up(self) -> None:
        self.waiting = True
        self.hear(GET % b"a")
        source = Source()
        body = Body(source, 6)
        said = self.answer(Response(200, Headers(), body, b"Fine"))
        self.assertEqual(said, b"HTTP/1.1 200 Fine\r\n" + DATE + b"Content-Length: 6\r\n\r\n")
        body.feed(b"abc")
        body.flush()
        self.assertEqual(self.transport.said(), b"abc")
        self.http.pauseProducing()
        self.http.pauseProducing()
        self.http.resumeProducing()
        self.assertEqual(source.told, ["pause", "resume"])
        body.feed(b"def")
        body.end()
        self.assertEqual(self.transport.said(), b"def")
        self.assertEqual(self.finished(), [(b"/a", 200, 6, "")])
        self.assertEqual(self.transport.ending, "")

    def test_a_response_that_fails_is_cut(self) -> None:
        for version, ending in ((b"1.1", "close"), (b"1.0", "abort")):
            self.open()
            self.waiting = True
            self.hear(b"GET /a HTTP/%b\r\nHost: a\r\n\r\n" % version)
            body = Body()
            self.answer(Response(200, Headers(), body))
            body.feed(b"half")
            body.fail(Refusal(UPSTREAM_RESET))
            self.assertNotIn(b"0\r\n", self.transport.said())
            self.assertEqual(self.transport.ending, ending)
            if ending == "close":
                self.assertIsNone(self.transport.producer, "it would keep the transport from closing")
            self.assertEqual(self.finished(), [(b"/a", 200, 4, "upstream_reset")])

    def test_a_response_longer_or_shorter_than_it_said_is_cut(self) -> None:
        for data in (b"12345", b"1"):
            self.open()
            self.waiting = True
            self.hear(GET % b"a")
            body = Body(None, 3)
            self.answer(Response(200, Headers(), body))
            body.feed(data)
            body.end()
            self.assertEqual(self.transport.ending, "close")
            self.assertEqual(self.finished()[0][3], "internal_error")

    def test_an_answer_before_the_body_is_whole(self) -> None:
        self.waiting = True
        self.hear(POST % 100 + b"some")
        said = self.answer(Response(403))
        self.assertIn(b"Connection: close\r\n", said)
        self.assertEqual(self.transport.ending, "half")
        self.assertEqual(self.hear(bytes(96) + GET % b"b"), b"")
        self.transport.handle.taken += len(said)
        self.world.pass_time(3.1)
        self.assertEqual(self.transport.ending, "half", "it took something just now")
        self.world.pass_time(3.1)
        self.assertEqual(self.transport.ending, "abort")

    def test_lingering_has_its_limit_and_ends_with_the_client(self) -> None:
        self.waiting = True
        self.hear(POST % 1000 + b"some")
        self.answer(Response(403))
        for _ in range(65):
            self.hear(bytes(1 << 20))
        self.assertEqual(self.transport.ending, "close")
        self.open()
        self.hear(POST % 1000 + b"some")
        self.answer(Response(403))
        self.http.readConnectionLost()
        self.assertEqual(self.transport.ending, "close")

    def test_too_large(self) -> None:
        chunked = b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        for data in (
            POST % 11,
            chunked + b"b\r\n" + bytes(11),
            chunked + b"b\r\n" + bytes(11) + b"\r\n0\r\n\r\n",
        ):
            self.open(body_limit=10)
            self.waiting = True
            self.assertIn(b"413 ", self.hear(data))
            self.assertEqual(self.asked, [], "the service never saw it")
            self.assertEqual(self.finished()[0][1::2], (413, "body_too_large"))
            self.assertEqual(self.transport.ending, "close" if data.endswith(b"0\r\n\r\n") else "half")
            self.world.pass_time(61)
            self.assertEqual(self.transport.ending, "abort")

    def test_a_body_that_goes_bad(self) -> None:
        self.waiting = True
        self.hear(b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        body = self.asked[0][0].body
        assert body is not None
        self.hear(b"-1\r\n")
        assert isinstance(body.error, Refusal)
        self.assertEqual(body.error.reason.word, "bad_chunk")


class Leaving(Case):
    """Clients that go, or seem to."""

    def test_lost_while_asked(self) -> None:
        self.waiting = True
        self.hear(GET % b"a")
        self.transport.lose()
        self.assertEqual(self.finished(), [(b"/a", 499, 0, "client_gone")])
        self.assertTrue(self.http.ended.done)
        source = Source()
        self.asked.pop()[1].fire(Response(200, Headers(), Body(source)))
        self.assertEqual(source.told, [], "its task was cancelled")

    def test_lost_while_answered(self) -> None:
        self.waiting = True
        self.hear(GET % b"a")
        source = Source()
        self.answer(Response(200, Headers(), Body(source)))
        self.transport.lose(orderly=False)
        self.assertEqual(source.told, ["stop"])
        self.assertEqual(self.finished(), [(b"/a", 200, 0, "client_gone")])

    def test_half_closed_and_silent_is_gone(self) -> None:
        self.waiting = True
        self.hear(GET % b"a")
        self.http.readConnectionLost()
        self.world.clock.advance(0.4)
        self.assertEqual(self.transport.ending, "")
        self.world.clock.advance(0.2)
        self.assertEqual(self.transport.ending, "abort")
        self.assertEqual(self.finished(), [(b"/a", 499, 0, "client_gone")])

    def test_half_closed_and_answered_in_time(self) -> None:
        self.waiting = True
        self.hear(GET % b"a" + GET % b"b")
        self.http.readConnectionLost()
        self.waiting = False
        said = self.answer()
        self.assertEqual(said, ok() + ok(b"/b"), "both are answered")
        self.assertEqual(self.transport.ending, "close")
        self.assertEqual(self.world.clock.getDelayedCalls(), [])

    def test_half_closed_and_taking_bytes_lives(self) -> None:
        self.waiting = True
        self.hear(GET % b"a")
        self.answer(Response(200, Headers(), Body()))
        self.http.readConnectionLost()
        self.transport.handle.taken = 100
        self.world.clock.advance(0.6)
        self.assertEqual(self.transport.ending, "")

    def test_half_closed_in_a_body_or_head(self) -> None:
        self.waiting = True
        self.hear(POST % 10 + b"half")
        self.http.readConnectionLost()
        self.assertEqual(self.finished(), [(b"/p", 499, 0, "client_gone")])
        self.open()
        self.hear(b"GET / HT")
        self.http.readConnectionLost()
        self.assertIn(b"400 Bad Request", self.transport.said())
        self.assertEqual(self.transport.ending, "close", "there is nothing to linger for")
        self.open()
        self.http.readConnectionLost()
        self.assertEqual((self.transport.ending, self.finished()), ("close", []))

    def test_held_up_and_reset_or_closed(self) -> None:
        self.waiting = True
        for leave in ("reset", "close"):
            self.open()
            self.hear(POST % 1_000_000)
            self.hear(bytes(100_000))
            self.assertFalse(self.transport.reading)
            peer = self.transport.handle.peers
            if leave == "reset":
                peer.close()
            else:
                peer.shutdown(socket.SHUT_WR)
            self.world.pass_time(0.2)
            self.world.clock.advance(0.6)
            self.assertEqual(self.finished(), [(b"/p", 499, 0, "client_gone")], leave)

    def test_held_up_and_read_from_again_is_not_looked_at(self) -> None:
        self.waiting = True
        self.hear(POST % 1_000_000)
        body = self.asked[0][0].body
        assert body is not None
        self.hear(bytes(100_000))
        self.http.resume()
        self.transport.handle.peers.close()
        self.world.pass_time(0.2)
        self.assertEqual(self.transport.ending, "")

    def test_drained(self) -> None:
        self.http.drain()
        self.assertEqual(self.transport.ending, "close")
        self.open()
        self.waiting = True
        self.hear(GET % b"a")
        self.http.drain()
        self.assertEqual(self.transport.ending, "")
        self.assertEqual(self.answer(), ok(b"", b"Connection: close\r\n"))
        self.assertEqual(self.transport.ending, "close")


class Deadlines(Case):
    """Each wait has its time."""

    def test_the_head(self) -> None:
        self.world.pass_time(9)
        self.hear(b"GET")
        self.world.pass_time(9)
        self.hear(b" /")
        self.world.pass_time(1.1)
        said = self.transport.said()
        self.assertIn(b"408 Request Timeout", said)
        self.assertIn(b"Connection: close\r\n", said)
        self.assertEqual(self.transport.ending, "half")
        self.assertEqual(self.finished()[0][3], "head_timeout")

    def test_nothing_said(self) -> None:
        self.world.pass_time(10.1)
        self.assertEqual(self.transport.ending, "close")
        self.transport.lose()
        self.assertEqual(self.finished(), [])
        [refusal] = outcome(self.http.ended)
        self.assertEqual(refusal.reason.word, "head_timeout")

    def test_keepalive(self) -> None:
        self.hear(GET % b"a")
        self.world.pass_time(74)
        self.assertEqual(self.transport.ending, "")
        self.world.pass_time(1.1)
        self.assertEqual(self.transport.ending, "close")
        self.assertEqual(self.world.stats.refused, {"keepalive_timeout": 1})

    def test_the_body_but_not_while_it_is_held_up(self) -> None:
        self.waiting = True
        self.hear(POST % 1_000_000)
        self.hear(bytes(100_000))
        self.world.pass_time(600)
        body = self.asked[0][0].body
        assert body is not None
        self.assertIsNone(body.error)
        self.http.resume()
        self.world.pass_time(59)
        self.assertIsNone(body.error)
        self.world.pass_time(1.1)
        assert isinstance(body.error, Refusal)
        self.assertEqual(body.error.reason.word, "body_timeout")
        self.assertIn(b"Connection: close", self.answer(Response(408)))
        self.assertEqual(self.transport.ending, "half")

    def test_the_body_also_beside_an_answer(self) -> None:
        self.waiting = True
        self.hear(POST % 1000)
        request, _ = self.asked[0]
        self.answer(Response(200, Headers(), Body()))
        self.http.pauseProducing()
        self.http.resumeProducing()
        self.world.pass_time(60.1)
        assert request.body is not None
        self.assertIsNotNone(request.body.error)

    def test_no_body_is_due_before_the_client_is_told_to_go_on(self) -> None:
        self.waiting = True
        self.hear(b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        request, _ = self.asked[0]
        assert request.inform is not None
        assert request.body is not None
        self.world.pass_time(600)
        request.inform(ResponseHead(100, Headers(), b"Continue"))
        self.world.pass_time(59)
        self.assertIsNone(request.body.error)
        self.world.pass_time(1.1)
        self.assertIsNotNone(request.body.error)

    def test_a_client_that_takes_nothing(self) -> None:
        self.waiting = True
        self.hear(GET % b"a")
        self.answer(Response(200, Headers(), Body()))
        self.http.pauseProducing()
        for _ in range(3):
            self.transport.handle.taken += 1
            self.world.pass_time(60.1)
            self.assertEqual(self.transport.ending, "", "slow is not stalled")
        self.world.pass_time(60.1)
        self.assertEqual(self.transport.ending, "abort")
        self.assertEqual(self.finished()[0][3], "client_stalled")

    def test_a_close_that_does_not_come_to_its_end(self) -> None:
        self.hear(b"GET /a HTTP/1.0\r\n\r\n")
        self.assertEqual(self.transport.ending, "close")
        self.world.pass_time(60.1)
        self.assertEqual(self.transport.ending, "abort")


class Switching(Case):
    """Another protocol takes over."""

    class Tunnel:
        """Remembers how it was joined."""

        aborted = drained = False

        def join(self, client: Any, early: bytes, sweep: Any, websocket: bool, over: Any) -> Any:
            self.joined = (client, early, websocket)
            self.over = over
            return self

        def abort(self) -> None:
            self.aborted = True

        def drain(self) -> None:
            self.drained = True

    def switched(self) -> tuple[Response, Switching.Tunnel]:
        response = Response(101)
        response.upgrade = b"websocket"
        tunnel = self.Tunnel()
        response.tunnel = tunnel
        return response, tunnel

    UPGRADE = b"GET /w HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

    def test_the_client_is_joined(self) -> None:
        self.waiting = True
        self.hear(self.UPGRADE + b"early")
        response, tunnel = self.switched()
        self.assertEqual(
            self.answer(response),
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        )
        self.assertEqual(tunnel.joined, (self.transport, b"early", True))
        self.assertIsNone(self.transport.producer)
        self.assertEqual(self.finished(), [])
        self.world.site.linger(True)
        self.http.drain()
        self.assertFalse(tunnel.drained, "it may stay")
        self.world.site.linger(False)
        self.http.drain()
        self.assertTrue(tunnel.drained)

        class Relay:
            class client:  # noqa: N801
                received = 5

            class server:  # noqa: N801
                received = 7

            reason = None

        tunnel.over(Relay)
        self.assertEqual(self.finished(), [(b"/w", 101, 7, "")])
        self.assertTrue(self.http.ended.done)

    def test_nobody_is_left_to_join(self) -> None:
        self.waiting = True
        self.hear(self.UPGRADE)
        response, tunnel = self.switched()

        async def late(request: Request) -> Response:
            self.transport.lose()
            return response

        self.open()
        self.world.site.service = late
        self.hear(self.UPGRADE)
        self.assertTrue(tunnel.aborted)
