"""Tests of telling clients that they may come again over QUIC."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from twisted.trial.unittest import SynchronousTestCase

from tests.middleware import Backend, environment, get, through
from toron.core.message import Middleware, Request
from toron.middleware.alt_svc import Options, make
from toron.net.tls import TlsInfo


def advice(options: Any) -> Middleware:
    return make(Options.model_validate(options), environment()[0])


def over_tls() -> Request:
    request = get()
    request.scheme = b"https"
    request.port = 8443
    request.tls = TlsInfo("TLSv1.3", "", "", "h2", "app.example")
    return request


class AltSvcTests(SynchronousTestCase):
    def said(self, options: Any, request: Request, backend: Backend | None = None) -> list[bytes]:
        return through(advice(options), request, backend).headers.get_all(b"alt-svc")

    def test_it_is_said_over_tls(self) -> None:
        for options, value in (
            ({}, b'h3=":8443"; ma=86400'),
            ({"port": 443}, b'h3=":443"; ma=86400'),
            ({"max_age": "1h"}, b'h3=":8443"; ma=3600'),
        ):
            with self.subTest(options):
                self.assertEqual(self.said(options, over_tls()), [value])

    def test_each_listener_has_its_port(self) -> None:
        middleware, other = advice({}), over_tls()
        other.port = 9443
        for request, value in ((over_tls(), b"8443"), (other, b"9443"), (over_tls(), b"8443")):
            response = through(middleware, request)
            self.assertEqual(response.headers.get(b"alt-svc"), b'h3=":%b"; ma=86400' % value)

    def test_it_is_not_said_in_the_clear(self) -> None:
        self.assertEqual(self.said({}, get()), [])
        forwarded = get()
        # What a proxy in front says of the scheme does not make this connection one over TLS.
        forwarded.scheme = b"https"
        self.assertEqual(self.said({}, forwarded), [])

    def test_it_is_not_said_where_certificates_are_asked_for(self) -> None:
        """Over QUIC a client could show none."""
        asked = over_tls()
        asked.tls.rule = object()
        self.assertEqual(self.said({}, asked), [])

    def test_what_a_server_says_of_itself_is_replaced(self) -> None:
        backend = Backend((b"alt-svc", b'h3=":1"'), (b"Alt-Svc", b"clear"))
        self.assertEqual(self.said({}, over_tls(), backend), [b'h3=":8443"; ma=86400'])

    def test_answers_that_are_no_place_for_it(self) -> None:
        for status in (101, 421):
            self.assertEqual(self.said({}, over_tls(), Backend(status=status)), [])
        self.assertEqual(len(self.said({}, over_tls(), Backend(status=502))), 1)

    def test_what_is_refused(self) -> None:
        for options in ({"port": 0}, {"port": 70000}, {"max_age": "soon"}, {"x": 1}):
            with self.subTest(options), self.assertRaises(ValidationError):
                Options.model_validate(options)
