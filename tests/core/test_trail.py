"""What a request meets is written down: heads around middlewares, servers and why not others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from toron.core.backend import Backend
from toron.core.chain import chain
from toron.core.message import Request, Response, Service
from toron.core.refusal import RATE_LIMITED, Refusal
from toron.core.server import Server
from toron.core.trail import JUDGED, TRIES, Trail, seen
from toron.core.wait import Task
from toron.wire.headers import Headers


class First:
    """Picks the first server that is left."""

    def pick(self, servers: Sequence[Server], caller: Any) -> Server:
        return servers[0]


class Middlewares(SynchronousTestCase):
    def setUp(self) -> None:
        self.request = Request(b"GET", b"/a/b", Headers([(b"A", b"1")]), host=b"h", client_ip="192.0.2.1")
        self.request.trail = Trail(None, seen(self.request))

    def ask(self, *middlewares: Any) -> Any:
        async def last(request: Request) -> Response:
            return Response(200, Headers([(b"S", b"4")]))

        ended: list[Any] = []
        service: Any = chain([(str(number), each) for number, each in enumerate(middlewares)], last)
        Task(service(self.request), lambda response, error: ended.append(error or response)).start()
        return ended[0]

    async def stripping(self, request: Request, service: Service) -> Response:
        request.path = b"/b"
        request.headers.set(b"A", b"2")
        response = await service(request)
        response.headers.add(b"B", b"3")
        return response

    async def refusing(self, request: Request, service: Service) -> Response:
        raise Refusal(RATE_LIMITED)

    def test_what_each_makes_of_it(self) -> None:
        self.ask(self.stripping, self.stripping)
        trail = self.request.trail
        assert trail is not None and trail.head is not None
        self.assertEqual((trail.head.path, trail.head.fields), (b"/a/b", [(b"A", b"1")]))
        first, second = trail.middlewares
        assert first.came is not None and first.passed is not None and second.came is not None
        self.assertEqual((first.number, first.came.path, first.passed.path), (0, b"/a/b", b"/b"))
        self.assertEqual((first.came.fields, second.came.fields), ([(b"A", b"1")], [(b"A", b"2")]))
        self.assertEqual(first.answer, [(b"S", b"4"), (b"B", b"3")])
        self.assertEqual(first.left, [(b"S", b"4"), (b"B", b"3"), (b"B", b"3")])
        self.assertEqual(second.answer, [(b"S", b"4")])

    def test_one_that_refuses_passes_nothing_on(self) -> None:
        self.assertIsInstance(self.ask(self.stripping, self.refusing, self.stripping), Refusal)
        assert self.request.trail is not None
        first, second = self.request.trail.middlewares
        self.assertIsNotNone(first.passed)
        self.assertEqual((second.passed, second.left), (None, None))

    def test_nothing_is_written_down_of_others(self) -> None:
        self.request.trail = None
        self.assertEqual(self.ask(self.stripping).status, 200)

    def test_weight(self) -> None:
        trail = self.request.trail
        assert trail is not None
        self.assertEqual(trail.weight, 2)
        self.ask(self.stripping)
        self.assertEqual(trail.weight, 8, "each value once, however often it was seen")
        trail.lighten()
        self.assertEqual((trail.weight, trail.head, len(trail.middlewares)), (0, None, 1))


class Servers(SynchronousTestCase):
    def setUp(self) -> None:
        self.servers = [Server(f"http://10.0.0.{number}:80") for number in range(1, 4)]
        self.backend = Backend("b", self.servers, First())
        self.trail = Trail()

    def test_all_could_have_been_asked(self) -> None:
        self.trail.pick(self.backend, self.servers[0], (), 1.0, 0.5)
        (one,) = self.trail.tries
        self.assertEqual((one.server, one.standings, one.began), (self.servers[0], None, 0.5))

    def test_as_they_stood_then(self) -> None:
        one, two, three = self.servers
        self.backend.set_healthy(three, False, "ill")
        self.trail.pick(self.backend, two, (one,), 1.0, 0.5, "cookie")
        self.backend.set_healthy(three, True, "well")
        (tried,) = self.trail.tries
        self.assertEqual((tried.standings, tried.by), (("tried", "usable", "unhealthy"), "cookie"))

    def test_how_it_ended(self) -> None:
        for server in self.servers[:2]:
            self.trail.pick(self.backend, server, (), 1.0, 0.5)
            if server is self.servers[0]:
                self.trail.failed("upstream_reset", "so", 0.7)
        self.trail.answered(204, 0.9)
        first, second = self.trail.tries
        self.assertEqual(
            (first.word, first.detail, first.ended, first.status), ("upstream_reset", "so", 0.7, 0)
        )
        self.assertEqual((second.word, second.ended, second.status), ("", 0.9, 204))

    def test_nobody_was_asked(self) -> None:
        self.trail.answered(200, 1.0)
        self.trail.failed("upstream_reset", "", 1.0)
        self.assertEqual(self.trail.tries, [])

    def test_bounds(self) -> None:
        backend = Backend("b", [Server(f"http://10.0.0.1:{port}") for port in range(1, 100)], First())
        backend.drain(backend.servers[-1], True)
        for _ in range(TRIES + 5):
            self.trail.pick(backend, None, (), 1.0, None)
        self.assertEqual(len(self.trail.tries), TRIES)
        assert self.trail.tries[0].standings is not None
        self.assertEqual(len(self.trail.tries[0].standings), JUDGED)
