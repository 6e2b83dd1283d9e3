"""Tests of putting a prefix before the path."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from twisted.trial.unittest import SynchronousTestCase

from tests.middleware import Backend, environment, get, through
from toron.core.message import Middleware
from toron.middleware.add_prefix import Options, make


def add(options: Any) -> Middleware:
    return make(Options.model_validate(options), environment()[0])


class AddPrefixTests(SynchronousTestCase):
    def test_the_path_is_sent_on_as_it_was(self) -> None:
        for path, sent in ((b"/x", b"/v2/x"), (b"/", b"/v2/"), (b"//a%2F/../b", b"/v2//a%2F/../b")):
            for options in ("/v2", "/v2/", {"prefix": "/v2"}):
                with self.subTest((path, options)):
                    backend = Backend()
                    through(add(options), get(path, query=b"q"), backend)
                    self.assertEqual(backend.seen[0].target, sent + b"?q")
                    self.assertEqual(backend.seen[0].prefix, b"")

    def test_what_is_not_ascii_is_escaped(self) -> None:
        backend = Backend()
        through(add("/é b"), get(b"/x"), backend)
        self.assertEqual(backend.seen[0].path, b"/%C3%A9%20b/x")

    def test_responses_point_back(self) -> None:
        for url, seen in (
            (b"/v2/x", b"/x"),
            (b"/v2", b"/"),
            (b"/v2?q", b"/?q"),
            (b"/v22", b"/v22"),
            (b"/other", b"/other"),
            (b"http://app.example/v2/x", b"http://app.example/x"),
        ):
            with self.subTest(url):
                response = through(add("/v2"), get(), Backend((b"Location", url)))
                self.assertEqual(response.headers.get(b"location"), seen)
        response = through(add("/v2"), get(), Backend((b"Set-Cookie", b"a=1; Path=/v2")))
        self.assertEqual(response.headers.get(b"set-cookie"), b"a=1; Path=/")

    def test_what_is_refused(self) -> None:
        for options in ("v2", "/", "", {"prefix": "/a#b"}, {}, ["/a"], {"prefix": "/a", "x": 1}):
            with self.subTest(options):
                self.assertRaises(ValidationError, Options.model_validate, options)
