"""Tests of taking a prefix off."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from twisted.trial.unittest import SynchronousTestCase

from tests.middleware import Backend, environment, get, refused, through
from toron.core.message import Middleware, Request, Response
from toron.core.path import route_path
from toron.core.refusal import Refusal
from toron.middleware.strip_prefix import Options, make


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
            (b"/other//%41", b"/other//%41", b""),
        ):
            with self.subTest(path):
                self.assertEqual(path_of(path), (sent, prefix))

    def test_the_rest_is_sent_as_it_came(self) -> None:
        for path, sent in (
            (b"/sub/a//b", b"/a//b"),
            (b"/sub//", b"/"),
            (b"/sub//evil.example/x", b"/evil.example/x"),
            (b"/sub/%41%7e", b"/%41%7e"),
            (b"/sub/a%2Fb%2f", b"/a%2Fb%2f"),
            (b"/sub/%252e%252e/x", b"/%252e%252e/x"),
            (b"/sub/./x/", b"/./x/"),
        ):
            with self.subTest(path):
                self.assertEqual(path_of(path), (sent, b"/sub"))

    def test_a_prefix_in_another_spelling_costs_the_rest_its_own(self) -> None:
        for path, sent in (
            (b"/s%75b/x", b"/x"),
            (b"//sub//x", b"/x"),
            (b"/./sub/./%41//%2f/", b"/A/%2F/"),
        ):
            with self.subTest(path):
                self.assertEqual(path_of(path), (sent, b"/sub"))

    def test_a_path_that_leads_upwards_is_refused(self) -> None:
        for path in (b"/a/../sub/x", b"/sub/../a", b"/sub/%2e%2e/a", b"/sub/..%2fa", b"/sub/%zz"):
            with self.subTest(path):
                self.assertEqual(refused(strip(), get(path)).reason.word, "bad_path")

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
        except Refusal:
            self.assertRaises(Refusal, route_path, path)
            return
        if rest.startswith(b"/"):
            # It would look like a host at the start of the target.
            self.assertEqual((prefix, sent[:2] == b"//"), (b"/sub", False))
        else:
            self.assertEqual((prefix, prefix + sent), (b"/sub", path))

    @given(st.lists(st.sampled_from([b"/", b"sub", b"%73ub", b"a", b".", b"..", b"%2F", b"%2e"])))
    def test_what_is_sent_is_the_rest_of_what_routes_see(self, pieces: list[bytes]) -> None:
        path = b"/" + b"".join(pieces)
        try:
            sent, prefix = path_of(path)
        except Refusal:
            return
        self.assertTrue(sent.startswith(b"/"))
        self.assertEqual(route_path(prefix + sent).rstrip(b"/"), route_path(path).rstrip(b"/"))

    def test_responses_point_back(self) -> None:
        fields = (b"Location", b"/x"), (b"Content-Location", b"/sub/x"), (b"Set-Cookie", b"a=1; Path=/subway")
        back = [(b"Location", b"/sub/x"), fields[1], (b"Set-Cookie", b"a=1; Path=/sub/subway")]
        self.assertEqual(through(strip(), get(b"/sub/x"), Backend(*fields)).headers.fields, back)
        self.assertEqual(through(strip(), get(b"/x"), Backend(*fields)).headers.fields, list(fields))
