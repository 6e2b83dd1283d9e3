"""What an HTTP/2 client says and hears on one connection, and when."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.net.h2_partner import Partner, of, told
from tests.net.http_fakes import Transport, World, outcome
from toron.core.message import Request, Response
from toron.core.wait import Wait
from toron.net.http2_server import Http2Server
from toron.wire.headers import Headers


class Case(SynchronousTestCase):
    """A connection whose requests wait in `asked` for `answer`, or are answered with their path."""

    def setUp(self) -> None:
        self.asked: list[tuple[Request, Wait[Response]]] = []
        self.waiting = False
        self.open()

    def open(self, validate: bool = True, **limits: Any) -> None:
        self.world = World(self.service, **limits)
        self.transport = Transport()
        self.addCleanup(self.transport.handle.close)
        self.connection = self.world.connection(self.transport)
        self.http = Http2Server(self.connection, self.world.site)
        self.transport.protocol = self.http
        self.http.makeConnection(self.transport)
        self.client = Partner(self.http, self.transport, client=True, validate=validate)
        self.client.talk()

    async def service(self, request: Request) -> Response:
        if not self.waiting:
            return Response(200, Headers(), request.path)
        wait: Wait[Response] = Wait()
        self.asked.append((request, wait))
        return await wait

    def get(self, path: str = "/a") -> tuple[dict[str, str], bytes, bool]:
        number = self.client.ask(path)
        return told(self.client.talk(), number)

    def finished(self) -> list[tuple[bytes, int, int, str]]:
        found, self.world.finished[:] = list(self.world.finished), []
        return found


class Carrying(Case):
    """Many exchanges on one connection."""

    def test_one_after_the_other(self) -> None:
        for path in ("/a", "/b"):
            fields, body, whole = self.get(path)
            self.assertEqual((fields[":status"], body, whole), ("200", path.encode(), True))
            self.assertEqual(fields["date"], "Thu, 01 Jan 1970 00:00:00 GMT")
        self.assertEqual(self.finished(), [(b"/a", 200, 2, ""), (b"/b", 200, 2, "")])

    def test_all_at_once_and_answered_in_any_order(self) -> None:
        self.waiting = True
        numbers = [self.client.ask(f"/{index}") for index in range(10)]
        self.client.talk()
        self.assertEqual([request.path for request, _ in self.asked], [b"/%d" % i for i in range(10)])
        self.assertEqual({request.version for request, _ in self.asked}, {(2, 0)})
        for index in (7, 0, 9):
            self.asked[index][1].fire(Response(200, Headers(), b"%d" % index))
            events = self.client.talk()
            self.assertEqual(told(events, numbers[index])[1:], (b"%d" % index, True))

    def test_byte_by_byte(self) -> None:
        number = self.client.ask("/a")
        for byte in self.client.h2.data_to_send():
            self.http.dataReceived(bytes((byte,)))
        self.assertEqual(told(self.client.talk(), number)[1], b"/a")

    def test_what_is_malformed_reaches_no_service(self) -> None:
        self.open(validate=False)
        for fields in (
            [("Upper", "x")],
            [("connection", "close")],
            [("x", "a\r\nb: c")],
            [("host", "other")],
        ):
            number = self.client.ask("/x", *fields)
            [reset] = of(self.client.talk(), "StreamReset")
            self.assertEqual((reset.stream_id, reset.error_code), (number, 1))
            [(path, status, _, word)] = self.finished()
            self.assertEqual((path, status), (b"", 400))
            self.assertTrue(word)
        self.assertEqual(self.get()[1], b"/a", "the connection goes on")

    def test_a_broken_connection(self) -> None:
        self.waiting = True
        self.client.ask()
        self.client.talk()
        self.http.dataReceived(b"\0\0\1\6\0\0\0\0\0x")
        [goodbye] = of(self.client.h2.receive_data(self.transport.said()), "ConnectionTerminated")
        self.assertEqual(goodbye.error_code, 6)
        self.assertEqual(self.transport.ending, "half")
        self.assertEqual(self.finished(), [(b"/a", 400, 0, "frame_size")])
        ended = outcome(self.http.ended)
        self.assertEqual(ended, [], "the client has not closed")
        self.transport.lose()
        [refusal] = ended
        self.assertEqual(refusal.reason.word, "frame_size")

    def test_the_client_goes(self) -> None:
        self.waiting = True
        self.client.ask()
        self.client.talk()
        self.transport.lose(orderly=False)
        self.assertEqual(self.finished(), [(b"/a", 499, 0, "client_gone")])
        self.assertTrue(self.http.closed)

    def test_the_client_ends_its_side(self) -> None:
        self.http.readConnectionLost()
        self.assertEqual(self.transport.ending, "close")

    def test_the_client_ends_its_side_after_us(self) -> None:
        self.http.drain()
        self.assertEqual(self.transport.ending, "half")
        self.http.readConnectionLost()
        self.assertEqual(self.transport.ending, "close")


class Ending(Case):
    """How the connection ends."""

    def test_nothing_is_asked(self) -> None:
        self.open(head_seconds=10.0)
        self.world.pass_time(10.1)
        self.assertEqual(of(self.client.talk(), "ConnectionTerminated")[0].error_code, 0)
        self.assertEqual(self.transport.ending, "half")
        self.transport.handle.taken += 30  # the last frame, which was under way
        self.world.pass_time(3.1)
        self.assertEqual(self.transport.ending, "abort")

    def test_nothing_more_is_asked(self) -> None:
        self.open(keepalive_seconds=5.0)
        self.get()
        self.world.pass_time(4.0)
        self.get()
        self.world.pass_time(4.0)
        self.assertEqual(self.transport.ending, "")
        self.world.pass_time(1.1)
        self.assertEqual(self.transport.ending, "half")

    def test_streams_under_way_keep_it_open(self) -> None:
        self.waiting = True
        self.client.ask()
        self.client.talk()
        self.world.pass_time(1000.0)
        self.assertEqual(self.transport.ending, "")

    def test_drained_with_nothing_under_way(self) -> None:
        assert self.connection.drain is not None
        self.connection.drain()
        self.assertTrue(of(self.client.talk(), "ConnectionTerminated"))
        self.assertEqual(self.transport.ending, "half")

    def test_drained_with_an_exchange_under_way(self) -> None:
        self.waiting = True
        number = self.client.ask()
        self.client.talk()
        self.http.drain()
        self.assertTrue(of(self.client.talk(), "ConnectionTerminated"))
        self.assertEqual(self.transport.ending, "")
        self.asked[0][1].fire(Response(200, Headers(), b"late"))
        self.assertEqual(told(self.client.talk(), number)[1:], (b"late", True))
        self.assertEqual(self.transport.ending, "half")

    def test_the_last_request_of_a_connection(self) -> None:
        self.open(max_requests=2)
        self.get()
        self.assertEqual(self.transport.ending, "")
        self.assertEqual(self.get("/b")[1], b"/b")
        self.assertEqual(self.transport.ending, "half")

    def test_a_site_that_drains(self) -> None:
        self.world.site.drain()
        world = self.world
        self.http = Http2Server(self.connection, world.site)
        self.transport = Transport()
        self.addCleanup(self.transport.handle.close)
        self.http.makeConnection(self.transport)
        client = Partner(self.http, self.transport, client=True)
        self.assertIn("ConnectionTerminated", client.kinds())


class BackPressure(Case):
    """A client that takes nothing."""

    def test_it_is_not_listened_to_without_end(self) -> None:
        async def large(request: Request) -> Response:
            return Response(200, Headers([(b"x", b"%01000d" % index)]))

        self.world.site.service = large
        self.http.pauseProducing()
        for index in range(400):  # noqa: B007  # a value of its own for each, or it would be compressed
            self.client.ask()
            self.client.talk()
        self.assertFalse(self.transport.reading)
        self.http.resumeProducing()
        self.assertTrue(self.transport.reading)

    def test_it_takes_nothing_for_too_long(self) -> None:
        self.open(write_seconds=10.0)
        self.waiting = True
        self.client.ask()
        self.client.talk()
        self.http.pauseProducing()
        self.transport.handle.taken = 100
        self.world.pass_time(10.1)
        self.assertEqual(self.transport.ending, "", "slow is not stalled")
        self.world.pass_time(10.1)
        self.assertEqual(self.transport.ending, "abort")
        self.assertEqual(self.finished(), [(b"/a", 499, 0, "client_stalled")])

    def test_it_breaks_off_while_not_listened_to(self) -> None:
        self.http.client_ended()
        self.assertEqual(self.transport.ending, "")
        self.http.client_reset()
        self.assertEqual(self.transport.ending, "abort")
