"""Tests of making responses point back through the gateway."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.middleware import get
from toron.core.message import Response
from toron.core.server import Server
from toron.middleware._back import point_back, under
from toron.wire.headers import Field, Headers


def inwards(path: bytes) -> bytes:
    """As strip-prefix does it: paths get `/sub` back, unless they have it."""
    return path if under(path, b"/sub") else b"/sub" + path


class PointingBack(SynchronousTestCase):
    def back(self, *fields: Field, host: bytes = b"app.example", server: str | None = None) -> list[Field]:
        request = get(b"/sub/x")
        request.headers.set(b"Host", host)
        request.port = 8080
        if server:
            request.server = Server(server)
        response = Response(200, Headers(fields), b"")
        point_back(response, request, inwards)
        return response.headers.fields

    def test_locations(self) -> None:
        for url, seen in (
            (b"/x", b"/sub/x"),
            (b"/", b"/sub/"),
            (b"/x?y#z", b"/sub/x?y#z"),
            (b"/sub/x", b"/sub/x"),
            (b"/sub", b"/sub"),
            (b"/sub?q", b"/sub?q"),
            (b"/subway", b"/sub/subway"),
            (b"x/y", b"x/y"),
            (b"?q", b"?q"),
            (b"", b""),
            (b"http://app.example/x", b"http://app.example/sub/x"),
            (b"https://APP.example/x", b"https://APP.example/sub/x"),
            (b"//app.example/x", b"//app.example/sub/x"),
            (b"http://app.example", b"http://app.example/sub/"),
            (b"http://app.example?q", b"http://app.example/sub/?q"),
            (b"http://app.example:8080/x", b"http://app.example:8080/sub/x"),
            (b"http://app.example:9999/x", b"http://app.example:9999/x"),
            (b"http://app.example:" + b"9" * 5000 + b"/x", b"http://app.example:" + b"9" * 5000 + b"/x"),
            (b"http://app.example.evil/x", b"http://app.example.evil/x"),
            (b"https://other.example/x", b"https://other.example/x"),
            (b"//other.example/x", b"//other.example/x"),
            (b"mailto:a@b", b"mailto:a@b"),
        ):
            with self.subTest(url[:60]):
                self.assertEqual(self.back((b"Location", url)), [(b"Location", seen)])
                self.assertEqual(self.back((b"content-location", url)), [(b"content-location", seen)])

    def test_the_port_that_was_asked_for(self) -> None:
        field = (b"Location", b"http://app.example:7000/x")
        self.assertEqual(
            self.back(field, host=b"app.example:7000"), [(b"Location", b"http://app.example:7000/sub/x")]
        )
        self.assertEqual(self.back(field, host=b"app.example:7001"), [field])

    def test_the_servers_own_address_becomes_a_path(self) -> None:
        field = (b"Location", b"http://127.0.0.1:9001/x")
        self.assertEqual(self.back(field, server="http://127.0.0.1:9001"), [(b"Location", b"/sub/x")])
        self.assertEqual(self.back(field, server="http://127.0.0.1:9002"), [field])

    def test_cookies(self) -> None:
        for cookie, seen in (
            (b"a=1; Path=/", b"a=1; Path=/sub"),
            (b"a=1; path=/x; HttpOnly", b"a=1; path=/sub/x; HttpOnly"),
            (b"a=1;Path=/sub;Secure", b"a=1;Path=/sub;Secure"),
            (b"a=/path=/; PATH = /x", b"a=/path=/; PATH =/sub/x"),
            (b"a=1", b"a=1"),
            (b"a=1; Path", b"a=1; Path"),
            (b"Path=/x", b"Path=/x"),
        ):
            with self.subTest(cookie):
                self.assertEqual(
                    self.back((b"Set-Cookie", cookie), (b"Set-Cookie", b"b=2")),
                    [(b"Set-Cookie", seen), (b"Set-Cookie", b"b=2")],
                )

    def test_refreshes(self) -> None:
        for value, seen in (
            (b"5; url=/x", b"5; url=/sub/x"),
            (b"0;URL='/x'", b"0;URL='/sub/x'"),
            (b'3, url="http://app.example/x"', b'3, url="http://app.example/sub/x"'),
            (b"5", b"5"),
            (b"5; url=https://other.example/", b"5; url=https://other.example/"),
            (b"soon; url=/x", b"soon; url=/x"),
        ):
            with self.subTest(value):
                self.assertEqual(self.back((b"Refresh", value)), [(b"Refresh", seen)])

    def test_other_fields_stay(self) -> None:
        fields = [(b"Link", b"</x>"), (b"X", b"/x")]
        self.assertEqual(self.back(*fields), fields)
        self.assertEqual(self.back(), [])

    def test_under(self) -> None:
        for path, is_it in (
            (b"/a", True), (b"/a/", True), (b"/a/b", True), (b"/a?b", True), (b"/a#b", True),
            (b"/ab", False), (b"/", False), (b"", False), (b"/b/a", False), (b"a", False),
        ):  # fmt: skip
            self.assertEqual(under(path, b"/a"), is_it, path)
