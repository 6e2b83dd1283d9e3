"""Tests of taking a prefix off."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from twisted.trial.unittest import SynchronousTestCase

from tests.middleware import Backend, environment, get, through
from toron.core.message import Middleware, Request, Response
from toron.core.path import escaped, route_path
from toron.core.refusal import Refusal
from toron.core.server import Server
from toron.middleware.strip_prefix import Options, make
from toron.wire.headers import Field


def strip(options: Any = "/sub") -> Middleware:
    return make(Options.model_validate(options), environment()[0])


def path_of(path: bytes, options: Any = "/sub", query: bytes | None = None) -> tuple[bytes, bytes]:
    backend = Backend()
    through(strip(options), get(path, query=query), backend)
    [request] = backend.seen
    return request.target, request.prefix


class StripPrefixTests(SynchronousTestCase):
    def test_on_whole_segments(self) -> None:
        for path, sent, prefix in (
            (b"/sub/x", b"/x", b"/sub"),
            (b"/sub", b"/", b"/sub"),
            (b"/sub/", b"/", b"/sub"),
            (b"/subway/x", b"/subway/x", b""),
            (b"/other/sub/x", b"/other/sub/x", b""),
            (b"/", b"/", b""),
            (b"/sub/a%20b", b"/a%20b", b"/sub"),
            (b"/sub/a%2Fb%2f", b"/a%2Fb%2F", b"/sub"),
            (b"/s%75b/x", b"/x", b"/sub"),
            (b"//sub//x", b"/x", b"/sub"),
            (b"/a/../sub/./x/", b"/x/", b"/sub"),
            (b"/sub/%252e%252e/x", b"/%252e%252e/x", b"/sub"),
        ):
            with self.subTest(path):
                self.assertEqual(path_of(path), (sent, prefix))

    def test_the_query_stays(self) -> None:
        self.assertEqual(path_of(b"/sub", query=b"a=%2F&b"), (b"/?a=%2F&b", b"/sub"))

    def test_the_longest_of_several(self) -> None:
        options = ["/a", "/a/b/", "/c"]
        for path, sent in ((b"/a/b/x", b"/x"), (b"/a/x", b"/x"), (b"/c", b"/"), (b"/d", b"/d")):
            with self.subTest(path):
                self.assertEqual(path_of(path, options)[0], sent)
        self.assertEqual(path_of(b"/a/b", {"prefix": "/a"}), (b"/b", b"/a"))

    def test_prefixes_accumulate(self) -> None:
        inner, backend = strip("/b"), Backend((b"Location", b"/x"))

        async def service(request: Request) -> Response:
            return await inner(request, backend)

        response = through(strip("/a"), get(b"/a/b/c"), service)  # type: ignore[arg-type]
        self.assertEqual((backend.seen[0].path, backend.seen[0].prefix), (b"/c", b"/a/b"))
        self.assertEqual(response.headers.get(b"location"), b"/a/b/x")

    def test_a_prefix_that_is_not_ascii(self) -> None:
        self.assertEqual(path_of(b"/%C3%A9/x", "/é"), (b"/x", b"/%C3%A9"))
        self.assertEqual(path_of(b"/%C3%A9/x", "/%c3%a9/"), (b"/x", b"/%C3%A9"))

    def test_what_is_refused(self) -> None:
        for options in (
            "api",
            "/",
            "",
            [],
            ["/a", "b"],
            {"prefix": "/a?b"},
            "/a/*",
            "/../a",
            "/%zz",
            {"prefx": "/a"},
            None,
            1,
        ):
            with self.subTest(options):
                self.assertRaises(ValidationError, Options.model_validate, options)
        error = self.assertRaises(ValidationError, Options.model_validate, "api")
        self.assertIn("'api' is not a prefix: write the start of a path, such as /api", str(error))

    @given(st.binary(max_size=20))
    def test_any_path(self, rest: bytes) -> None:
        path = b"/sub/" + rest
        try:
            sent, prefix = path_of(path)
            seen = route_path(path)
        except Refusal:
            return
        self.assertEqual(prefix + sent if prefix else sent, escaped(seen) if prefix else path)
        self.assertTrue(sent.startswith(b"/"))


class PointingBackTests(SynchronousTestCase):
    def back(self, *fields: Field, host: bytes = b"app.example", server: str | None = None) -> list[Field]:
        request = get(b"/sub/x")
        request.headers.set(b"Host", host)
        request.port = 8080
        if server:
            request.server = Server(server)
        return through(strip(), request, Backend(*fields)).headers.fields

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
