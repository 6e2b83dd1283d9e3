"""Tests of sending a request on with another path."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from twisted.trial.unittest import SynchronousTestCase

from tests.middleware import Backend, environment, get, refused, through
from toron.core.message import Middleware
from toron.core.refusal import Refusal
from toron.middleware.rewrite import Options, make


def rewrite(options: Any) -> Middleware:
    return make(Options.model_validate(options), environment()[0])


def sent(options: Any, path: bytes, query: bytes | None = None) -> bytes:
    backend = Backend()
    through(rewrite(options), get(path, query=query), backend)
    return backend.seen[0].target


class RewriteTests(SynchronousTestCase):
    def test_with_an_expression_of_its_own(self) -> None:
        options = {"from": "^/api/auth/(.*)$", "to": "/v2/auth/$1"}
        self.assertEqual(sent(options, b"/api/auth/login", b"a=1"), b"/v2/auth/login?a=1")
        self.assertEqual(sent(options, b"/api//auth/./y%20z"), b"/v2/auth/y%20z")
        self.assertEqual(sent(options, b"/api/auth/a%2Fb%25"), b"/v2/auth/a%2Fb%25")
        self.assertEqual(sent(options, b"/api/auth/\xff\n"[:-1]), b"/v2/auth/%FF")

    def test_a_path_that_leads_upwards_is_not_matched(self) -> None:
        middleware = rewrite({"from": "^/api/(.*)$", "to": "/$1"})
        for path in (b"/api/x/../y", b"/api/%2e%2e/y", b"/other/..%2Fapi/x"):
            with self.subTest(path):
                self.assertEqual(refused(middleware, get(path)).reason.word, "bad_path")

    def test_where_it_does_not_match_nothing_changes(self) -> None:
        self.assertEqual(sent({"from": "^/api/(.*)$", "to": "/$1"}, b"/a//b%20", b"q"), b"/a//b%20?q")

    def test_with_what_the_route_captured(self) -> None:
        request, backend = get(b"/api/x", query=b"q"), Backend()
        request.captures = re.search(b"^/api/(.*)$", b"/api/x")
        through(rewrite("/v2/$1"), request, backend)
        self.assertEqual(backend.seen[0].target, b"/v2/x?q")

    def test_it_sees_what_middlewares_before_it_made(self) -> None:
        request, backend = get(b"/x%20y"), Backend()
        request.route_path = b"/api/x y"
        through(rewrite({"from": "^/(x.*)$", "to": "/z/$1"}), request, backend)
        self.assertEqual(backend.seen[0].path, b"/z/x%20y")
        self.assertEqual(backend.seen[0].route_path, b"/api/x y")

    def test_queries(self) -> None:
        for to, query, target in (
            ("/a?own=1", b"q=2", b"/a?own=1&q=2"),
            ("/a?own=$1", None, b"/a?own=x"),
            ("/a?", b"q=2", b"/a"),
        ):
            with self.subTest(to):
                self.assertEqual(sent({"from": "^/(.*)$", "to": to}, b"/x", query), target)

    def test_a_capture_cannot_lead_out_of_its_place(self) -> None:
        middleware = rewrite({"from": "^/files-(.*)$", "to": "/files/$1"})
        for path in (b"/files-../secret", b"/files-..", b"/files-./x", b"/files-%2e%2e/secret"):
            with self.subTest(path):
                self.assertEqual(refused(middleware, get(path)).reason.word, "bad_path")
        self.assertEqual(sent({"from": "^/f-(.*)$", "to": "/f/$1"}, b"/f-..x/.y"), b"/f/..x/.y")

    def test_what_is_refused(self) -> None:
        for options, words in (
            ({"from": "^/(", "to": "/a"}, "not a regular expression: missing )"),
            ({"from": "^/(?=x)", "to": "/a"}, "not a regular expression"),
            ({"from": "^/(x)$", "to": "/$2"}, "asks for $2, but `from` captures 1"),
            ({"from": "^/"}, "Field required"),
            ("v2", "must start with /"),
            ({"to": "/a", "form": "x"}, "Extra inputs"),
        ):
            with self.subTest(options):
                error = self.assertRaises(ValidationError, Options.model_validate, options)
                self.assertIn(words, str(error))

    @given(st.binary(max_size=30))
    def test_any_path(self, rest: bytes) -> None:
        try:
            target = sent({"from": "^/(.*)", "to": "/v2/$1"}, b"/" + rest)
        except Refusal as refusal:
            self.assertEqual(refusal.reason.word, "bad_path")
            return
        self.assertTrue(target.startswith(b"/v2/"))
        self.assertTrue(all(0x20 < byte < 0x7F for byte in target), target)
