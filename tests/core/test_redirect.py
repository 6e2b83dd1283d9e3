"""Tests of where redirects lead."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.core.message import Request
from toron.core.redirect import Redirection
from toron.core.refusal import Refusal
from toron.wire.headers import Headers


def asked(
    path: bytes = b"/a", query: bytes | None = None, host: bytes = b"app.example", scheme: bytes = b"http"
) -> Request:
    """A request as a listener on port 8080 hands it on."""
    name = host.rsplit(b":", 1)[0] if not host.endswith(b"]") else host
    request = Request(b"GET", path, Headers([(b"Host", host)]), query=query, host=name, scheme=scheme)
    request.port = 8080
    return request


class RedirectionTests(SynchronousTestCase):
    def check(self, options: dict[str, Any], request: Request, location: bytes) -> None:
        with self.subTest((options, location)):
            self.assertEqual(Redirection(**options).location(request), location)

    def test_to_https(self) -> None:
        to_https = {"scheme": "https"}
        self.check(to_https, asked(), b"https://app.example/a")
        self.check(to_https, asked(b"/a", b"q=1"), b"https://app.example/a?q=1")
        self.check(to_https, asked(host=b"app.example:8080"), b"https://app.example/a")
        self.check({**to_https, "port": 8443}, asked(), b"https://app.example:8443/a")
        self.check({**to_https, "port": 443}, asked(), b"https://app.example/a")
        self.check(to_https, asked(b"//evil.example/x"), b"https://app.example//evil.example/x")
        self.check(to_https, asked(b"*"), b"https://app.example/")
        self.check(to_https, asked(host=b"[2001:db8::1]:8080"), b"https://[2001:db8::1]/a")

    def test_to_another_host(self) -> None:
        self.check({"host": "www.example"}, asked(), b"http://www.example/a")
        self.check({"host": "www.example"}, asked(host=b"x:8080"), b"http://www.example:8080/a")
        self.check({"host": "2001:db8::1"}, asked(), b"http://[2001:db8::1]/a")
        self.check({"host": "www.example", "port": 80}, asked(host=b"x:8080"), b"http://www.example/a")

    def test_to_a_path(self) -> None:
        self.check({"to": "/b"}, asked(), b"/b")
        self.check({"to": "/b"}, asked(query=b"q=1"), b"/b?q=1")
        self.check({"to": "/b?p=2"}, asked(query=b"q=1"), b"/b?p=2&q=1")
        self.check({"to": "/b?"}, asked(query=b"q=1"), b"/b")
        self.check({"to": "/b", "scheme": "https"}, asked(query=b"q=1"), b"https://app.example/b?q=1")

    def test_to_a_url(self) -> None:
        self.check({"to": "https://x.example:99/b"}, asked(query=b"q"), b"https://x.example:99/b?q")
        self.check({"to": "https://X.example"}, asked(), b"https://x.example/")
        self.check({"to": "https://x.example?p=1"}, asked(), b"https://x.example/?p=1")
        self.check({"to": "http://x.example/"}, asked(host=b"app:8080"), b"http://x.example/")

    def test_captures(self) -> None:
        request = asked(b"/old/x")
        request.captures = re.search(b"^/old/(.*)$", b"/old/x y")
        self.check({"to": "/new/$1"}, request, b"/new/x%20y")
        self.check({"to": "https://h.example/$1"}, request, b"https://h.example/x%20y")

    def test_a_capture_cannot_choose_the_host(self) -> None:
        request = asked()
        for path in (b"/go//evil.example", b"/go/\\evil.example", b"/go/\r\nSet-Cookie: a=b"):
            request.captures = re.search(b"(?s)^/go/(.*)$", path)
            location = Redirection(to="/$1").location(request)
            self.assertFalse(location.startswith(b"//"), location)
            self.assertFalse(re.search(rb"[\\\r\n ]", location), location)

    def test_what_a_middleware_took_off_is_put_back(self) -> None:
        request = asked(b"/x")
        request.prefix = b"/sub"
        self.check({"scheme": "https"}, request, b"https://app.example/sub/x")

    def test_without_a_host_there_is_no_url(self) -> None:
        request = Request(b"GET", b"/", Headers())
        refused = self.assertRaises(Refusal, Redirection(scheme="https").location, request)
        self.assertEqual(refused.reason.status, 400)
        self.assertEqual(Redirection(to="/b").location(request), b"/b")

    def test_a_request_without_a_host_field_came_to_the_listeners_port(self) -> None:
        request = Request(b"GET", b"/", Headers(), host=b"app.example")
        request.port = 8080
        self.check({"host": "www.example"}, request, b"http://www.example:8080/")

    def test_whether_it_is_there_already(self) -> None:
        for options, request, there in (
            ({"scheme": "https"}, asked(scheme=b"https"), True),
            ({"scheme": "https"}, asked(), False),
            ({"host": "app.example"}, asked(host=b"app.example:8080"), True),
            ({"host": "www.example"}, asked(), False),
            ({"port": 8080}, asked(host=b"app.example:8080"), True),
            ({"port": 8080}, asked(), False),
            ({"port": 80}, asked(), True),
            ({"to": "/a"}, asked(), True),
            ({"to": "/a"}, asked(query=b"q"), True),
            ({"to": "/a?"}, asked(query=b"q"), False),
            ({"to": "/b"}, asked(), False),
            ({"to": "http://app.example/a"}, asked(), True),
            ({"to": "https://app.example/a"}, asked(), False),
        ):
            with self.subTest((options, request.target)):
                self.assertIs(Redirection(**options).there(request), there)

    def test_the_answer(self) -> None:
        answer = Redirection(to="/b", status=301).answer(asked())
        self.assertEqual(
            (answer.status, answer.headers.fields, answer.body), (301, [(b"Location", b"/b")], b"")
        )
        self.assertEqual(Redirection(to="/b").answer(asked()).status, 308)

    def test_options_that_lead_nowhere(self) -> None:
        for options, words in (
            ({}, "leads nowhere"),
            ({"to": "//evil.example"}, "leads nowhere"),
            ({"to": "ftp://x/"}, "leads nowhere"),
            ({"to": "x"}, "leads nowhere"),
            ({"to": "https://$1.example/"}, "captures such as $1"),
            ({"to": "https://user@x.example/"}, "not a host"),
            ({"to": "https:///x"}, "not a host"),
            ({"to": "https://x.example:99999/"}, "port"),
            ({"to": "https://x.example/", "scheme": "http"}, "already"),
            ({"to": "/a#b"}, "fragment"),
            ({"host": "a/b"}, "not a host"),
            ({"host": "a:80"}, "not a host"),
            ({"host": "a\r\nb"}, "not a host"),
            ({"host": "é.example"}, "xn--"),
            ({"port": 0}, "port 0"),
        ):
            with self.subTest(options):
                error = self.assertRaises(ValueError, Redirection, **options)
                self.assertIn(words, str(error))

    def test_the_highest_capture_is_told(self) -> None:
        self.assertEqual(Redirection(to="https://x/$2").groups, 2)
        self.assertEqual(Redirection(scheme="https").groups, 0)

    @given(st.binary(max_size=30), st.none() | st.binary(max_size=30))
    def test_nothing_a_client_sends_breaks_the_line(self, path: bytes, query: bytes | None) -> None:
        request = asked(b"/" + path, query)
        request.captures = re.search(b"(?s)^(.*)$", b"/" + path)
        for redirection in (Redirection(scheme="https"), Redirection(to="/x$1"), Redirection(to="/?q=$1")):
            location = redirection.location(request)
            self.assertTrue(all(0x20 < byte < 0x7F for byte in location), location)
            self.assertTrue(re.match(rb"https://app\.example/|/(?!/)", location), location)
