"""Redirects to https, and only to hosts that are served there."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from toron.core.message import Request, Response
from toron.core.refusal import Refusal
from toron.core.routing import Pattern, Router
from toron.core.wait import Task
from toron.services.to_https import SecureDoor, to_https
from toron.wire.headers import Headers


def routes(*hosts: str) -> Router[Any]:
    made: Router[Any] = Router()
    for host in hosts:
        made.add(Pattern(hosts=[host] if host else ()), 0, host)
    made.compile()
    return made


def request(
    host: bytes = b"a.example", method: bytes = b"GET", path: bytes = b"/x", query: bytes | None = None
) -> Request:
    fields = [(b"Host", host + b":8080")] if host else []
    return Request(method, path, Headers(fields), query=query, host=host)


class ToHttps(SynchronousTestCase):
    def setUp(self) -> None:
        self.port = 8443

    def door(self, *hosts: str, names: tuple[str, ...] = (), status: int | None = None) -> SecureDoor:
        return SecureDoor(routes(*hosts), lambda: [names], lambda: self.port, status)

    def asked(self, *doors: SecureDoor, asked: Request | None = None) -> Any:
        results: list[Any] = []
        service = to_https(doors)(asked or request())
        Task(service, lambda response, error: results.append(error or response)).start()
        return results[0]

    def location(self, *doors: SecureDoor, asked: Request | None = None) -> tuple[int, bytes | None]:
        response = self.asked(*doors, asked=asked)
        assert isinstance(response, Response), response
        return response.status, response.headers.get(b"location")

    def test_host_path_and_query_stay(self) -> None:
        door = self.door("", names=("a.example",))
        got = self.location(door, asked=request(path=b"/a%20b/", query=b"c=d"))
        self.assertEqual(got, (301, b"https://a.example:8443/a%20b/?c=d"))
        self.port = 443
        self.assertEqual(self.location(door), (301, b"https://a.example/x"))

    def test_methods(self) -> None:
        door = self.door("", names=("a.example",))
        for method, status in (
            (b"GET", 301),
            (b"HEAD", 301),
            (b"POST", 308),
            (b"PUT", 308),
            (b"OPTIONS", 308),
        ):
            self.assertEqual(self.location(door, asked=request(method=method))[0], status)
            one = self.door("", names=("a.example",), status=302)
            self.assertEqual(self.location(one, asked=request(method=method))[0], 302)

    def test_who_is_served(self) -> None:
        for door, host, served in (
            (self.door("", names=("a.example",)), b"a.example", True),
            (self.door("", names=("*.example",)), b"a.example", True),
            (self.door(""), b"a.example", False),
            (self.door("", names=("b.example",)), b"a.example", False),
            (self.door("a.example"), b"a.example", True),
            (self.door("*.example"), b"a.example", True),
            (self.door("^[ab]\\.example$"), b"b.example", True),
            (self.door("b.example", names=("a.example",)), b"a.example", False),
            (self.door("", names=("192.0.2.1",)), b"192.0.2.1", True),
            (self.door("", names=("a.example",)), b"", False),
            (self.door(names=("a.example",)), b"a.example", False),
        ):
            result = self.asked(door, asked=request(host))
            self.assertEqual(isinstance(result, Response), served, result)
            if not served:
                assert isinstance(result, Refusal)
                self.assertEqual(result.reason.word, "no_route")

    def test_the_first_that_serves_it(self) -> None:
        other, door = self.door("b.example", status=302), self.door("a.example")
        self.assertEqual(self.location(other, door)[0], 301)
        self.assertEqual(self.location(other, door, asked=request(b"b.example"))[0], 302)
        self.assertIsInstance(self.asked(), Refusal)
