"""Tests of the limit of request bodies."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from twisted.trial.unittest import SynchronousTestCase

from tests.middleware import Backend, environment, get, refused, through
from toron.core.body import Body
from toron.core.message import Middleware, Request
from toron.middleware.body_limit import Options, make


def limit(options: Any) -> Middleware:
    return make(Options.model_validate(options), environment("small")[0])


def post(body: Body | None) -> Request:
    request = get()
    request.method, request.body = b"POST", body
    return request


class BodyLimitTests(SynchronousTestCase):
    def test_a_known_length(self) -> None:
        for options in ("10", 10, {"size": "10"}):
            through(limit(options), post(Body(None, 10)))
            request = post(Body(None, 11))
            refusal = refused(limit(options), request)
            self.assertEqual((refusal.reason.status, refusal.detail), (413, "more than 10"))
            self.assertEqual(request.middleware, "small")

    def test_no_body(self) -> None:
        backend = Backend()
        through(limit("0"), post(None), backend)
        self.assertEqual(len(backend.seen), 1)

    def test_an_unknown_length_is_cut_on_its_way(self) -> None:
        request = post(Body())
        through(limit("1k"), request)
        assert request.body is not None
        self.assertEqual(request.body.limit, 1024)
        request.body.feed(b"x" * 1024)
        self.assertIs(request.body.error, None)
        request.body.feed(b"x")
        self.assertIn("body_too_large", str(request.body.error))

    def test_what_came_already_counts(self) -> None:
        body = Body()
        body.feed(b"x" * 11)
        self.assertEqual(refused(limit(10), post(body)).reason.status, 413)

    def test_it_never_widens_a_limit(self) -> None:
        body = Body()
        body.limit = 5
        through(limit("unlimited"), post(body))
        self.assertEqual(body.limit, 5)

    def test_what_is_refused(self) -> None:
        options: Any
        for options in ("10x", {}, None, {"size": "1m", "x": 1}, -1, []):
            with self.subTest(options):
                self.assertRaises(ValidationError, Options.model_validate, options)
