"""Tests of telling browsers to come over HTTPS only."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from twisted.trial.unittest import SynchronousTestCase

from tests.middleware import Backend, environment, get, through
from toron.core.message import Request
from toron.middleware.hsts import Options, make
from toron.net.tls import TlsInfo


def over_tls() -> Request:
    request = get()
    request.tls = TlsInfo("TLSv1.3", "", "", "h2", "app.example")
    return request


class HstsTests(SynchronousTestCase):
    def said(self, options: Any, request: Request, backend: Backend | None = None) -> list[bytes]:
        middleware = make(Options.model_validate(options), environment()[0])
        return through(middleware, request, backend).headers.get_all(b"strict-transport-security")

    def test_over_tls(self) -> None:
        for options, value in (
            ({}, b"max-age=31536000"),
            ({"max_age": "1h"}, b"max-age=3600"),
            ({"max_age": 0}, b"max-age=0"),
            ({"include_subdomains": True}, b"max-age=31536000; includeSubDomains"),
            (
                {"max_age": "730d", "include_subdomains": True, "preload": True},
                b"max-age=63072000; includeSubDomains; preload",
            ),
        ):
            with self.subTest(options):
                self.assertEqual(self.said(options, over_tls()), [value])

    def test_not_in_the_clear(self) -> None:
        self.assertEqual(self.said({}, get()), [])
        self.assertEqual(self.said({}, get(), Backend((b"strict-transport-security", b"max-age=1"))), [])
        forwarded = get()
        forwarded.scheme = b"https"
        self.assertEqual(self.said({}, forwarded), [], "what somebody says of the scheme is not TLS")

    def test_once(self) -> None:
        backend = Backend((b"Strict-Transport-Security", b"max-age=1"), (b"strict-transport-security", b"x"))
        self.assertEqual(self.said({}, over_tls(), backend), [b"max-age=31536000"])

    def test_what_is_refused(self) -> None:
        for options, words in (
            ({"preload": True}, "include_subdomains: true and a max_age of 365d"),
            ({"preload": True, "include_subdomains": True, "max_age": "1h"}, "max_age of 365d"),
            ({"preload": True, "max_age": "730d"}, "include_subdomains: true"),
            ({"max_age": "500ms"}, "whole seconds"),
            ({"max_age": "soon"}, "duration"),
        ):
            with self.subTest(options):
                self.assertIn(words, str(self.assertRaises(ValidationError, Options.model_validate, options)))
