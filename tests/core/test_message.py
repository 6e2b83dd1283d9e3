"""Requests and responses: what they start with, and the target that is sent on."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.core.body import Body
from toron.core.message import Request, Response
from toron.wire.headers import Headers


class Requests(SynchronousTestCase):
    def test_target(self) -> None:
        for path, query, target in (
            (b"/a%20b", None, b"/a%20b"),
            (b"/a", b"", b"/a?"),
            (b"/a", b"b=c?d", b"/a?b=c?d"),
            (b"*", None, b"*"),
        ):
            request = Request(b"GET", path, Headers(), query=query)
            self.assertEqual(request.target, target)
        request.path, request.query = b"/x", b"y"
        self.assertEqual(request.target, b"/x?y")

    def test_what_it_starts_with(self) -> None:
        headers = Headers([(b"Host", b"a.test")])
        request = Request(b"GET", b"/a", headers, host=b"a.test", client_ip="192.0.2.1")
        self.assertIs(request.headers, headers)
        self.assertEqual((request.method, request.path, request.route_path), (b"GET", b"/a", b"/a"))
        self.assertEqual((request.scheme, request.version, request.prefix), (b"http", (0, 0), b""))
        self.assertEqual((request.client_ip, request.peer_ip), ("192.0.2.1", "192.0.2.1"))
        self.assertFalse(request.trusted_peer or request.expects_continue or request.accepts_trailers)
        for name in ("body", "captures", "backend", "server", "tls", "upgrade", "inform", "notes", "query"):
            self.assertIsNone(getattr(request, name), name)

    def test_everything_has_a_beginning(self) -> None:
        """No step may meet an attribute that nobody set."""
        request = Request(b"GET", b"/", Headers())
        self.assertEqual([name for name in Request.__slots__ if not hasattr(request, name)], [])
        response = Response(200)
        self.assertEqual([name for name in Response.__slots__ if not hasattr(response, name)], [])

    def test_a_path_for_routes_of_its_own(self) -> None:
        request = Request(b"GET", b"/%41", Headers(), route_path=b"/A")
        self.assertEqual((request.path, request.route_path, request.target), (b"/%41", b"/A", b"/%41"))


class Responses(SynchronousTestCase):
    def test_what_it_starts_with(self) -> None:
        response = Response(204)
        self.assertEqual((response.status, response.body, response.reason), (204, b"", b""))
        self.assertEqual((len(response.headers), response.word, response.upgrade), (0, "", b""))
        self.assertIsNone(response.tunnel)

    def test_headers_are_not_shared(self) -> None:
        Response(200).headers.add(b"A", b"1")
        self.assertEqual(len(Response(200).headers), 0)

    def test_empty_headers_are_kept(self) -> None:
        headers, body = Headers(), Body.of(b"x")
        response = Response(200, headers, body, b"Fine")
        self.assertIs(response.headers, headers)
        self.assertIs(response.body, body)
        self.assertEqual(response.reason, b"Fine")
