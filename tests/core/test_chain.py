"""Middlewares are asked in order, and the one that answers is named."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from toron.core.chain import chain
from toron.core.message import Middleware, Request, Response, Service
from toron.core.refusal import NO_ROUTE, RATE_LIMITED, Refusal
from toron.core.wait import Task
from toron.wire.headers import Headers


class Chains(SynchronousTestCase):
    """Each middleware notes when it was on the way in and on the way out."""

    def setUp(self) -> None:
        self.steps: list[str] = []
        self.request = Request(b"GET", b"/", Headers())

    def noting(self, name: str) -> tuple[str, Middleware]:
        async def noting(request: Request, service: Service) -> Response:
            self.steps.append(f"{name} in")
            response = await service(request)
            self.steps.append(f"{name} out")
            return response

        return name, noting

    def refusing(self, name: str) -> tuple[str, Middleware]:
        async def refusing(request: Request, service: Service) -> Response:
            raise Refusal(RATE_LIMITED)

        return name, refusing

    def answering(self, name: str) -> tuple[str, Middleware]:
        async def answering(request: Request, service: Service) -> Response:
            return Response(204)

        return name, answering

    async def last(self, request: Request) -> Response:
        self.steps.append("last")
        return Response(200)

    async def lost(self, request: Request) -> Response:
        raise Refusal(NO_ROUTE)

    def ask(self, service: Service) -> Any:
        ended: list[Any] = []
        coroutine: Any = service(self.request)
        Task(coroutine, lambda response, error: ended.append(error or response)).start()
        return ended[0]

    def test_in_order_and_back(self) -> None:
        response = self.ask(chain([self.noting("a"), self.noting("b")], self.last))
        self.assertEqual(self.steps, ["a in", "b in", "last", "b out", "a out"])
        self.assertEqual((response.status, self.request.middleware), (200, ""))

    def test_none(self) -> None:
        service: Any = self.last
        self.assertIs(chain([], service), service)

    def test_who_refuses_is_named(self) -> None:
        error = self.ask(chain([self.noting("a"), self.refusing("b"), self.noting("c")], self.last))
        self.assertEqual((error.reason, self.request.middleware, self.steps), (RATE_LIMITED, "b", ["a in"]))

    def test_who_answers_is_named(self) -> None:
        response = self.ask(chain([self.noting("a"), self.answering("b")], self.last))
        self.assertEqual((response.status, self.request.middleware), (204, "b"))
        self.assertEqual(self.steps, ["a in", "a out"])

    def test_what_comes_after_them_all_is_nobody_of_them(self) -> None:
        error = self.ask(chain([self.noting("a"), self.noting("b")], self.lost))
        self.assertEqual((error.reason, self.request.middleware), (NO_ROUTE, ""))
