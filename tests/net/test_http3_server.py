"""What an HTTP/3 client says and hears on one connection, and when."""

from __future__ import annotations

from typing import Any

from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic import events
from twisted.trial.unittest import SynchronousTestCase

from tests.net.http_fakes import World
from tests.net.quic_fakes import Client, QuicWorld
from toron.core.body import Body
from toron.core.message import Request, Response
from toron.core.wait import Wait
from toron.listeners.http3 import serve_http3
from toron.wire.headers import Headers

NO_ERROR, INTERNAL_ERROR, MISSING_SETTINGS, REJECTED, MESSAGE_ERROR = 0x100, 0x102, 0x10A, 0x10B, 0x10E


class H3Client(Client):
    """Asks, and hears answers."""

    def __init__(self, world: QuicWorld, **options: Any) -> None:
        super().__init__(world, **options)
        self.h3 = H3Connection(self.quic)
        self.heads: dict[int, list[dict[bytes, bytes]]] = {}
        self.bodies: dict[int, bytes] = {}
        self.whole: set[int] = set()

    def listen(self) -> None:
        before = len(self.told)
        super().listen()
        for event in self.told[before:]:
            for each in self.h3.handle_event(event):
                if isinstance(each, HeadersReceived):
                    self.heads.setdefault(each.stream_id, []).append(dict(each.headers))
                elif isinstance(each, DataReceived):
                    self.bodies[each.stream_id] = self.bodies.get(each.stream_id, b"") + each.data
                if getattr(each, "stream_ended", False):
                    self.whole.add(each.stream_id)

    def ask(
        self, path: bytes = b"/a", method: bytes = b"GET", end: bool = True, *more: tuple[bytes, bytes]
    ) -> int:
        stream = self.quic.get_next_available_stream_id()
        fields = [(b":method", method), (b":scheme", b"https"), (b":authority", b"a.test"), (b":path", path)]
        self.h3.send_headers(stream, [*fields, *more], end_stream=end)
        return stream

    def resets(self) -> dict[int, int]:
        return {event.stream_id: event.error_code for event in self.heard_of(events.StreamReset)}

    def stops(self) -> dict[int, int]:
        return {event.stream_id: event.error_code for event in self.heard_of(events.StopSendingReceived)}


class Case(SynchronousTestCase):
    """A connection whose requests wait in `asked` for `answer`, or are answered with their path."""

    def setUp(self) -> None:
        self.asked: list[tuple[Request, Wait[Response]]] = []
        self.waiting = False
        self.open()

    def open(self, **limits: Any) -> None:
        self.web = World(self.service, scheme=b"https", **limits)
        self.world = QuicWorld(serve_http3(self.web.site, 5.0))
        # One clock for both.
        self.web.site.reactor = self.world.reactor
        self.web.sweep._reactor = self.world.reactor
        self.web.sweep.startService()
        self.addCleanup(self.web.sweep.stopService)
        self.client = self.another()

    def another(self) -> H3Client:
        client = H3Client(self.world)
        self.world.run()
        return client

    async def service(self, request: Request) -> Response:
        if not self.waiting:
            return Response(200, Headers(), request.path)
        wait: Wait[Response] = Wait()
        self.asked.append((request, wait))
        return await wait

    def finished(self) -> list[tuple[bytes, int, int, str]]:
        found, self.web.finished[:] = list(self.web.finished), []
        return found


class Carrying(Case):
    def test_one_after_the_other(self) -> None:
        for path in (b"/a", b"/b"):
            stream = self.client.ask(path)
            self.world.run(0.05)
            (fields,) = self.client.heads[stream]
            self.assertEqual((fields[b":status"], fields[b"content-length"]), (b"200", b"2"))
            self.assertEqual((self.client.bodies[stream], stream in self.client.whole), (path, True))
        self.assertEqual(self.finished(), [(b"/a", 200, 2, ""), (b"/b", 200, 2, "")])
        self.assertEqual(self.web.stats.handshakes, {"TLSv1.3": 1})

    def test_all_at_once_and_answered_in_any_order(self) -> None:
        self.waiting = True
        streams = [self.client.ask(b"/%d" % number) for number in range(10)]
        self.world.run(0.05)
        self.assertEqual(
            [request.path for request, _ in self.asked], [b"/%d" % number for number in range(10)]
        )
        request = self.asked[0][0]
        self.assertEqual((request.version, request.scheme), ((3, 0), b"https"))
        self.assertEqual(request.tls.alpn, "h3")
        for number in (7, 0, 9):
            self.asked[number][1].fire(Response(200, Headers(), b"%d" % number))
            self.world.run(0.05)
            self.assertEqual(self.client.bodies[streams[number]], b"%d" % number)

    def test_bodies_both_ways(self) -> None:
        self.waiting = True
        stream = self.client.ask(b"/up", b"POST", False)
        self.world.run(0.05)
        request, wait = self.asked[0]
        answer = Body()
        wait.fire(Response(200, Headers(), answer))
        received: list[bytes] = []

        class Echo:
            def body_data(self, data: bytes) -> None:
                received.append(data)
                answer.feed(data)

            def body_end(self, trailers: Headers | None) -> None:
                answer.end(trailers)

            def body_failed(self, error: BaseException) -> None:
                raise error

            def body_flush(self) -> None:
                answer.flush()

        assert request.body is not None
        request.body.pour(Echo())
        for piece in (b"one ", b"two ", b"three"):
            self.client.h3.send_data(stream, piece, False)
            self.world.run(0.05)
            self.assertTrue(self.client.bodies[stream].endswith(piece))
        self.client.h3.send_headers(stream, [(b"x-t", b"1")], True)
        self.world.run(0.05)
        self.assertEqual(self.client.heads[stream][1:], [{b"x-t": b"1"}])
        self.assertEqual(self.finished(), [(b"/up", 200, 13, "")])

    def test_what_is_malformed_reaches_no_service(self) -> None:
        stream = self.client.ask(b"no path")
        other = self.client.ask(b"/b")
        self.world.run(0.05)
        self.assertEqual(self.client.resets(), {stream: MESSAGE_ERROR})
        self.assertEqual(self.client.bodies, {other: b"/b"})
        self.assertEqual(self.finished(), [(b"", 400, 0, "bad_target"), (b"/b", 200, 2, "")])

    def test_a_broken_connection(self) -> None:
        self.waiting = True
        self.client.ask()
        self.world.run(0.05)
        # A frame that does not belong on the control stream.
        self.client.quic.send_stream_data(2, b"\x00\x00", False)
        self.world.run(0.05)
        self.assertEqual(self.client.close_code, 0x105)
        self.assertEqual(self.finished(), [(b"/a", 400, 0, "stream_state")])
        self.assertEqual(self.world.refused, [("198.51.100.1", "stream_state")])

    def test_the_client_gives_a_request_up(self) -> None:
        self.waiting = True
        stream = self.client.ask()
        self.world.run(0.05)
        self.client.quic.stop_stream(stream, 0x10C)
        self.world.run(0.05)
        self.assertEqual(self.finished(), [(b"/a", 499, 0, "client_gone")])

    def test_the_client_goes(self) -> None:
        self.waiting = True
        self.client.ask()
        self.world.run(0.05)
        self.client.quic.close(NO_ERROR)
        self.world.run(0.05)
        self.assertEqual(self.finished(), [(b"/a", 499, 0, "client_gone")])
        self.assertEqual(self.world.endpoint.connections, set())

    def test_an_answer_that_breaks_off(self) -> None:
        self.waiting = True
        stream = self.client.ask()
        self.world.run(0.05)
        body = Body(length=10)
        self.asked[0][1].fire(Response(200, Headers(), body))
        body.feed(b"half")
        body.flush()
        body.fail(RuntimeError())
        self.world.run(0.05)
        self.assertEqual(self.client.resets(), {stream: INTERNAL_ERROR})
        self.assertEqual(self.finished(), [(b"/a", 200, 4, "internal_error")])

    def test_an_early_answer(self) -> None:
        self.waiting = True
        stream = self.client.ask(b"/up", b"POST", False, (b"content-length", b"1000000"))
        self.client.h3.send_data(stream, bytes(1000), False)
        self.world.run(0.05)
        self.asked[0][1].fire(Response(403, Headers(), b"no"))
        self.world.run(0.05)
        self.assertEqual((self.client.bodies[stream], self.client.stops()), (b"no", {stream: NO_ERROR}))
        self.assertIn(stream, self.client.whole)
        self.assertEqual(self.client.ask(b"/next"), stream + 4)
        self.world.run(0.05)
        self.assertEqual(len(self.asked), 2)


class BackPressure(Case):
    def test_a_client_that_takes_nothing(self) -> None:
        self.open(write_seconds=5.0)
        self.waiting = True
        stream = self.client.ask()
        self.world.run(0.05)

        class Endless:
            paused = False

            def pause(self) -> None:
                self.paused = True

            def resume(self) -> None:
                self.paused = False

            def stop(self) -> None:
                self.paused = False

        source = Endless()
        body = Body(source)
        self.asked[0][1].fire(Response(200, Headers(), body))
        # The client lets no more come than it said first.
        self.client.quic._write_stream_limits = lambda **_: None  # type: ignore[method-assign]
        fed = 0
        while not source.paused and fed < 8 << 20:
            body.feed(bytes(1 << 14))
            body.flush()
            fed += 1 << 14
            self.world.run(0.02)
        self.assertTrue(source.paused)
        self.assertLess(fed, 2 << 20)
        self.world.run(6, 0.1)
        self.assertEqual(self.client.resets(), {stream: 0x10C})
        self.assertEqual([entry[3] for entry in self.finished()], ["client_stalled"])

    def test_a_large_answer_goes_on_when_it_is_taken(self) -> None:
        stream = 0

        async def large(request: Request) -> Response:
            return Response(200, Headers(), bytes(3 << 20))

        self.web.site.service = large
        stream = self.client.ask()
        self.world.run(3)
        self.assertEqual(len(self.client.bodies[stream]), 3 << 20)
        self.assertIn(stream, self.client.whole)
        (server,) = [server for server in self.web.sweep._timed if hasattr(server, "_codec")]
        self.assertEqual(server._streams, {})  # type: ignore[attr-defined]


class Ending(Case):
    def test_nothing_is_asked(self) -> None:
        self.open(head_seconds=10.0)
        self.world.run(9.5, 0.1)
        self.assertIsNone(self.client.close_code)
        self.world.run(1, 0.1)
        self.assertEqual(self.client.close_code, NO_ERROR)
        self.assertEqual(self.world.refused, [("198.51.100.1", "head_timeout")])

    def test_nothing_more_is_asked(self) -> None:
        self.open(keepalive_seconds=20.0)
        self.client.ask()
        self.world.run(19.5, 0.1)
        self.assertIsNone(self.client.close_code)
        self.world.run(1, 0.1)
        self.assertEqual(self.client.close_code, NO_ERROR)
        self.assertEqual((self.world.refused, self.web.stats.refused), ([], {"keepalive_timeout": 1}))

    def test_requests_under_way_keep_it_open(self) -> None:
        self.waiting = True
        stream = self.client.ask()
        # Longer than QUIC waits for a sign of life.
        self.world.run(200, 0.5)
        self.assertIsNone(self.client.close_code)
        self.asked[0][1].fire(Response(200, Headers(), b"at last"))
        self.world.run(1)
        self.assertEqual(self.client.bodies, {stream: b"at last"})

    def test_drained_with_nothing_under_way(self) -> None:
        self.client.ask()
        self.world.run(0.1)
        self.world.endpoint.drain()
        self.world.endpoint.drain()
        # What was on its way is answered.
        late = self.client.ask(b"/late")
        self.world.run(0.5)
        self.assertEqual(self.client.bodies[late], b"/late")
        self.assertIsNone(self.client.close_code)
        self.world.run(1, 0.05)
        self.assertEqual(self.client.close_code, NO_ERROR)
        self.assertEqual(self.world.endpoint.connections, set())

    def test_drained_with_an_exchange_under_way(self) -> None:
        self.waiting = True
        stream = self.client.ask()
        self.world.run(0.1)
        self.world.endpoint.drain()
        self.world.run(2, 0.05)
        self.assertIsNone(self.client.close_code)
        too_late = self.client.ask(b"/late")
        self.world.run(0.5)
        self.assertEqual(self.client.resets(), {too_late: REJECTED})
        self.asked[0][1].fire(Response(200, Headers(), bytes(50_000)))
        self.world.run(1, 0.05)
        self.assertEqual((len(self.client.bodies[stream]), self.client.close_code), (50_000, NO_ERROR))

    def test_the_last_answer_arrives_before_the_end(self) -> None:
        self.waiting = True
        stream = self.client.ask()
        self.world.run(0.1)
        self.world.endpoint.drain()
        self.world.run(2, 0.05)
        self.asked[0][1].fire(Response(200, Headers(), b"last"))
        # What is sent first is lost.
        self.world.socket.sent.clear()
        self.world.run(3, 0.05)
        self.assertEqual(self.client.bodies, {stream: b"last"})
        self.assertEqual(self.client.close_code, NO_ERROR)

    def test_a_client_that_never_says_that_it_has_the_last_answer(self) -> None:
        self.waiting = True
        self.client.ask()
        self.world.run(0.1)
        self.world.endpoint.drain()
        self.world.run(2, 0.05)
        self.world.clients.clear()
        self.asked[0][1].fire(Response(200, Headers(), b"last"))
        self.world.run(2.5, 0.05)
        self.assertEqual(len(self.world.endpoint.connections), 1)
        self.world.run(1, 0.05)
        self.assertEqual(self.world.endpoint.connections, set())

    def test_the_last_request_of_a_connection(self) -> None:
        self.open(max_requests=2)
        for _ in range(2):
            self.client.ask()
        self.world.run(2, 0.05)
        self.assertEqual((len(self.client.bodies), self.client.close_code), (2, NO_ERROR))

    def test_a_site_that_drains(self) -> None:
        self.web.site.draining = True
        late = self.another()
        stream = late.ask()
        self.world.run(2, 0.05)
        self.assertEqual((late.bodies, late.close_code), ({stream: b"/a"}, NO_ERROR))

    def test_it_is_stopped(self) -> None:
        self.waiting = True
        self.client.ask()
        self.world.run(0.1)
        self.world.endpoint.stopService()
        self.assertEqual(self.finished(), [(b"/a", 503, 0, "drained")])
