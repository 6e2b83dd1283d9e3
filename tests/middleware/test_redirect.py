"""Tests of the redirecting middleware."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from twisted.trial.unittest import SynchronousTestCase

from tests.middleware import Backend, environment, get, through
from toron.core.message import Middleware
from toron.middleware.redirect import Options, make


def redirect(options: Any) -> Middleware:
    return make(Options.model_validate(options), environment("to-https")[0])


class RedirectTests(SynchronousTestCase):
    def test_to_https(self) -> None:
        request, backend = get(b"/a", query=b"q=1"), Backend()
        response = through(redirect({"scheme": "https"}), request, backend)
        self.assertEqual(response.status, 308)
        self.assertEqual(response.headers.get(b"location"), b"https://app.example/a?q=1")
        self.assertEqual((backend.seen, request.middleware), ([], "to-https"))

    def test_requests_that_are_there_pass(self) -> None:
        request, backend = get(b"/a"), Backend()
        request.scheme = b"https"
        response = through(redirect({"scheme": "https"}), request, backend)
        self.assertEqual((response.status, backend.seen, request.middleware), (200, [request], ""))

    def test_acme_challenges_pass(self) -> None:
        response = through(redirect({"scheme": "https"}), get(b"/.well-known/acme-challenge/x"))
        self.assertEqual(response.status, 200)
        response = through(redirect({"host": "www.example"}), get(b"/.well-known/acme-challenge/x"))
        self.assertEqual(response.status, 308)

    def test_a_bare_target(self) -> None:
        self.assertEqual(through(redirect("/b"), get(b"/a")).headers.get(b"location"), b"/b")
        self.assertEqual(through(redirect("/b"), get(b"/b")).status, 200)

    def test_another_status(self) -> None:
        self.assertEqual(through(redirect({"to": "/b", "status": 301}), get(b"/a")).status, 301)

    def test_what_is_refused(self) -> None:
        for options in (
            {},
            "b",
            {"to": "//x"},
            {"scheme": "ftp"},
            {"host": "a b"},
            {"port": 0},
            {"status": 200},
        ):
            with self.subTest(options):
                self.assertRaises(ValidationError, Options.model_validate, options)
