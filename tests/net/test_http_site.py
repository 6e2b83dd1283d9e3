"""A listener's connections share what is said of requests, and of the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.net.http_fakes import Transport, World, nobody
from toron.core.agreement import Agreement
from toron.core.body import Body
from toron.core.client_certificate import ClientCertificate
from toron.core.forwarding import Forwarding, client_fields, outgoing
from toron.core.message import Request, Response
from toron.core.networks import Networks
from toron.core.refusal import DRAINED, INTERNAL, MISDIRECTED, Refusal
from toron.core.wait import Cancelled
from toron.net.http_site import host_only
from toron.net.tls import TlsInfo
from toron.wire.events import RequestHead
from toron.wire.headers import Headers


class Site(SynchronousTestCase):
    """One site."""

    def setUp(self) -> None:
        self.world = World(nobody)
        self.site = self.world.site
        transport = Transport()
        self.addCleanup(transport.handle.close)
        self.connection = self.world.connection(transport)

    def test_switched(self) -> None:
        other = World(nobody).site
        other.body_limit, other.keepalive_seconds, other.max_requests = 5, 6.0, 7
        other.encoded_slashes, other.port = True, 9
        agreement = other.agreement = Agreement()
        port, new_id = self.site.port, self.site.new_id
        self.site.switch(other)
        self.assertEqual(
            (self.site.body_limit, self.site.keepalive_seconds, self.site.max_requests), (5, 6.0, 7)
        )
        self.assertTrue(self.site.encoded_slashes)
        self.assertIs(self.site.agreement, agreement)
        self.assertIs(self.site.service, other.service)
        self.assertEqual((self.site.port, self.site.new_id), (port, new_id), "its own")

    def test_hosts_over_tls(self) -> None:
        """Only another host than the one before is looked at."""
        looked: list[bytes] = []

        class Looking(Agreement):
            def check(self, tls: TlsInfo, host: bytes) -> None:
                looked.append(host)
                super().check(tls, host)

        self.connection.tls = TlsInfo("", "", "", "", "a", host=b"a", names=["a", "b"])
        origin = self.site.origin(self.connection)

        def ask(host: bytes) -> None:
            headers = Headers([(b"Host", host)])
            self.site.check(self.site.request(origin, RequestHead(b"GET", b"/", headers, host)), 0)

        ask(b"c")
        self.assertEqual(looked, [], "where nobody asks for it, any host will do")
        self.site.agreement = Looking()
        for host in (b"a", b"A:81", b"a.", b"b", b"b", b"a", b"a"):
            ask(host)
        self.assertEqual(looked, [b"b", b"a"])
        refusal = self.assertRaises(Refusal, ask, b"c")
        self.assertEqual(refusal.reason, MISDIRECTED)
        ask(b"a")
        self.assertEqual(looked, [b"b", b"a", b"c"])

    def test_the_clients_certificate(self) -> None:
        fields = ((b"X-Client-Cert-Subject", b"CN=a"),)
        shown = ClientCertificate("CN=a", "CN=b", (), "1", "ab", fields)
        self.connection.tls = TlsInfo("", "", "", "", "a", client=shown)
        for trusted in ("192.0.2.0/24", "198.51.100.0/24"):
            self.site.forwarding = Forwarding(Networks([trusted]))
            forged = Headers([(b"Host", b"a"), (b"X-Client-Cert-Subject", b"CN=forged")])
            head = RequestHead(b"GET", b"/", forged, b"a")
            request = self.site.request(self.site.origin(self.connection), head)
            told = outgoing(request, request.trusted_peer, False)
            self.assertEqual([value for name, value in told if name.startswith(b"X-Client")], [b"CN=a"])

    def test_the_host_alone(self) -> None:
        for authority, host in (
            (b"A.Example", b"a.example"), (b"a.example.:80", b"a.example"), (b"", b""),
            (b"[2001:DB8::1]:80", b"2001:db8::1"), (b"[::1]", b"::1"),
        ):  # fmt: skip
            self.assertEqual(host_only(authority), host)

    def test_a_request(self) -> None:
        self.site.port = 8080
        self.site.forwarding = Forwarding(Networks(["192.0.2.0/24"]))
        headers = Headers([(b"Host", b"a:81"), (b"X-Forwarded-For", b"203.0.113.9")])
        head = RequestHead(b"GET", b"/a?b=c", headers, b"a:81", (1, 0), 0, b"chess", False, True)
        origin = self.site.origin(self.connection)
        request = self.site.request(origin, head)
        self.assertEqual(
            (request.method, request.path, request.query, request.host), (b"GET", b"/a", b"b=c", b"a")
        )
        self.assertEqual(
            (request.id, request.listener, request.port, request.scheme), ("id-1", "web", 8080, b"http")
        )
        self.assertEqual((request.client_ip, request.trusted_peer), ("203.0.113.9", True))
        self.assertEqual(
            (request.peer_ip, request.peer_port, request.local), ("192.0.2.1", 1234, ("127.0.0.1", 80))
        )
        self.assertEqual(
            (request.version, request.upgrade, request.accepts_trailers), ((1, 0), b"chess", True)
        )
        self.assertIsNone(request.client_fields, "the peer speaks for others")
        self.assertIsNone(self.site.request(origin, RequestHead(b"GET", b"/a", Headers())).query)

    def test_a_client_that_came_directly(self) -> None:
        self.site.port = 8080
        headers = Headers([(b"X-Forwarded-For", b"203.0.113.9")])
        request = self.site.request(
            self.site.origin(self.connection), RequestHead(b"GET", b"/", headers, b"a")
        )
        self.assertEqual((request.client_ip, request.trusted_peer), ("192.0.2.1", False))
        self.assertEqual(request.client_fields, client_fields("192.0.2.1", b"http", 8080))

    def ask(self, service: Callable[[Request], Any], body: Body | None = None) -> list[Any]:
        """What is told of a request: the response, or why there is none."""
        request = self.site.request(
            self.site.origin(self.connection), RequestHead(b"GET", b"/", Headers(), b"a")
        )
        request.body = body
        self.site.service = service
        told: list[Any] = []
        task = self.site.ask(request, lambda response, error: told.append(error or response))
        if task is not None:
            self.assertEqual(told, [])
            task.start()
        return told

    def test_a_service_is_asked(self) -> None:
        response = Response(200)

        async def answer(request: Request) -> Response:
            return response

        self.assertEqual(self.ask(answer), [response])

    def test_a_service_that_fails_at_once(self) -> None:
        error = ZeroDivisionError()

        def fail(request: Request) -> Any:
            raise error

        self.assertEqual(self.ask(fail), [error])

    def test_a_body_that_is_too_large_already(self) -> None:
        body = Body()
        body.limit = 3
        body.feed(b"four")
        self.assertEqual(self.ask(nobody, body), [body.error])
        assert isinstance(body.error, Refusal)

    def test_what_a_client_is_told(self) -> None:
        refusal = Refusal(DRAINED)
        self.assertIs(self.site.refusal(refusal, None), refusal)
        self.assertIsNone(self.site.refusal(Cancelled(), None))
        fault = self.site.refusal(ZeroDivisionError("secret"), None)
        assert fault is not None
        self.assertEqual((fault.reason, fault.detail), (INTERNAL, "ZeroDivisionError"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_the_date_is_written_once_a_second(self) -> None:
        wall = [784111777.9]
        self.site.wall = lambda: wall[0]
        self.assertEqual(self.site.date(), b"Sun, 06 Nov 1994 08:49:37 GMT")
        wall[0] += 0.5
        self.assertEqual(self.site.date(), b"Sun, 06 Nov 1994 08:49:37 GMT")
        self.world.pass_time(1)
        self.assertEqual(self.site.date(), b"Sun, 06 Nov 1994 08:49:38 GMT")
