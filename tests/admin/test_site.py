"""Tests of the admin port over loopback, with the standard library's client and raw bytes."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase, TestCase

from toron.admin.site import is_loopback, make_site
from toron.observe.access_log import NullAccessLog
from toron.observe.metrics import Metrics
from toron.observe.readiness import Readiness

Answer = tuple[int, dict[str, str], bytes]

REACTOR: Any = reactor


class SiteTests(TestCase):
    """The site, asked by a client in a thread."""

    def setUp(self) -> None:
        self.readiness = Readiness()
        self.metrics = Metrics(self.readiness, REACTOR.seconds, "1", NullAccessLog())
        self.port = 0
        self.listen(loopback=True)
        self.said: list[Any] = []
        globalLogPublisher.addObserver(self.said.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.said.append)

    def listen(self, loopback: bool) -> None:
        """Serve on a free port."""
        site = make_site(self.metrics, self.readiness, REACTOR, loopback=loopback)
        port = REACTOR.listenTCP(0, site, interface="127.0.0.1")
        self.port = port.getHost().port
        self.addCleanup(port.stopListening)

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> Deferred[Answer]:
        """One request of the standard library's client."""

        def exchange() -> Answer:
            client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                client.request(method, path, body, headers)
                answer = client.getresponse()
                fields = {name.lower(): value for name, value in answer.getheaders()}
                return answer.status, fields, answer.read()
            finally:
                client.close()

        return deferToThread(exchange)

    def say(self, data: bytes) -> Deferred[bytes]:
        """Send bytes, and read until the other side closes."""

        def exchange() -> bytes:
            with socket.create_connection(("127.0.0.1", self.port), timeout=10) as peer:
                peer.sendall(data)
                got = b""
                while more := peer.recv(65536):
                    got += more
                return got

        return deferToThread(exchange)

    async def test_metrics(self) -> None:
        self.metrics.route("shop").answered("web", 200, 0.1)
        status, fields, body = await self.ask("/metrics")
        self.assertEqual((status, fields["content-type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        self.assertIn(b'toron_http_requests_total{code="200",listener="web",route="shop"} 1.0\n', body)
        self.assertEqual(int(fields["content-length"]), len(body))

    async def test_metrics_are_written_in_a_thread(self) -> None:
        seen: list[threading.Thread] = []

        def exposition() -> tuple[bytes, str]:
            seen.append(threading.current_thread())
            return b"x 1\n", "text/plain"

        self.metrics.exposition = exposition  # type: ignore[method-assign]
        self.assertEqual((await self.ask("/metrics"))[2], b"x 1\n")
        self.assertNotIn(threading.main_thread(), seen)
        self.assertEqual(len(seen), 1)

    async def test_a_query_changes_nothing(self) -> None:
        self.assertEqual((await self.ask("/healthz?verbose=1"))[0], 200)

    async def test_alive_and_ready(self) -> None:
        for path, text in (("/healthz", b"ok\n"), ("/readyz", b"ready\n")):
            status, fields, body = await self.ask(path)
            self.assertEqual((status, body), (200, text))
            self.assertEqual(
                {name: fields[name] for name in fields if name != "date"},
                {"server": "toron", "content-type": "text/plain; charset=utf-8", "cache-control": "no-store",
                 "x-content-type-options": "nosniff", "content-length": str(len(text))},
            )  # fmt: skip

    async def test_not_ready_says_why(self) -> None:
        self.readiness.hold("draining")
        self.readiness.hold('backend "api" has no server')
        status, fields, body = await self.ask("/readyz")
        self.assertEqual((status, fields["content-type"]), (503, "application/json"))
        self.assertEqual(json.loads(body), ["draining", 'backend "api" has no server'])
        self.assertEqual((await self.ask("/healthz"))[0], 200)
        self.readiness.release("draining")
        self.assertEqual((await self.ask("/readyz"))[0], 503)

    async def test_head_is_get_without_a_body(self) -> None:
        for path in ("/healthz", "/readyz", "/metrics", "/nothing"):
            status, fields, _ = await self.ask(path)
            bare, head, body = await self.ask(path, "HEAD")
            self.assertEqual((bare, head["content-type"], body), (status, fields["content-type"], b""))
            self.assertGreater(int(head["content-length"]), 0)

    async def test_anything_else_is_not_found(self) -> None:
        for path in ("/", "/metrics/", "/metrics/x", "//healthz", "/healthz%00", "/Metrics", "/%6detrics"):
            status, fields, body = await self.ask(path)
            self.assertEqual((status, fields["content-type"]), (404, "application/json"), path)
            self.assertEqual(json.loads(body)["pages"], ["/metrics", "/healthz", "/readyz"])

    async def test_only_get_and_head(self) -> None:
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get"):
            status, fields, body = await self.ask("/metrics", method)
            self.assertEqual((status, fields["allow"]), (405, "GET, HEAD"), method)
            self.assertEqual(json.loads(body)["status"], 405)

    async def test_a_body_is_thrown_away(self) -> None:
        status, _, body = await self.ask("/healthz", "GET", b"x" * 1_000_000)
        self.assertEqual((status, body), (200, b"ok\n"))
        kind = {"content-type": "application/x-www-form-urlencoded"}
        self.assertEqual((await self.ask("/healthz", "POST", b"a=1", **kind))[0], 405)

    async def test_a_host_that_is_not_loopback_is_refused(self) -> None:
        for host, status in (
            ("localhost", 200), (f"localhost:{self.port}", 200), ("LOCALHOST.:1", 200),
            ("127.0.0.1", 200), ("[::1]:9901", 200), ("127.1.2.3:80", 200), ("evil.example", 403),
            ("localhost.evil.example", 403), ("127.0.0.1.evil.example:9901", 403), ("", 403),
            ("10.0.0.1", 403), ("::1", 403),
        ):  # fmt: skip
            got, _, _ = await self.ask("/metrics", host=host)
            self.assertEqual(got, status, host)

    async def test_two_hosts_must_both_be_loopback(self) -> None:
        got = await self.say(
            b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
        )
        self.assertTrue(got.startswith(b"HTTP/1.1 403 "), got)

    async def test_a_host_in_the_target_finds_no_page(self) -> None:
        got = await self.say(
            b"GET http://evil.example/metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        self.assertTrue(got.startswith(b"HTTP/1.1 404 "), got)

    async def test_an_old_client_without_a_host(self) -> None:
        got = await self.say(b"GET /healthz HTTP/1.0\r\n\r\n")
        self.assertTrue(got.startswith((b"HTTP/1.1 200 ", b"HTTP/1.0 200 ")), got)
        self.assertTrue(got.endswith(b"ok\n"), got)

    async def test_on_another_address_any_host_will_do(self) -> None:
        self.listen(loopback=False)
        self.assertEqual((await self.ask("/metrics", host="toron.internal:9901"))[0], 200)

    async def test_garbage_is_a_bad_request(self) -> None:
        got = await self.say(b"\x16\x03\x01\x00\xa5\r\n\r\n")
        self.assertTrue(got.startswith(b"HTTP/1.1 400 "), got)

    async def test_options_of_everything(self) -> None:
        got = await self.say(b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        self.assertTrue(got.startswith(b"HTTP/1.1 404 "), got)
        self.assertNotIn(b"Twisted", got)

    async def test_a_client_that_leaves_before_its_page_is_no_error(self) -> None:
        asked = Deferred[None]()

        def exposition() -> tuple[bytes, str]:
            REACTOR.callFromThread(asked.callback, None)
            gone.wait(10)
            return b"", "text/plain"

        gone = threading.Event()
        self.metrics.exposition = exposition  # type: ignore[method-assign]
        with socket.create_connection(("127.0.0.1", self.port)) as peer:
            peer.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await asked
        await deferLater(REACTOR, 0.05, lambda: None)
        gone.set()
        await deferLater(REACTOR, 0.05, lambda: None)
        self.assertEqual([event for event in self.said if event.get("log_failure")], [])

    async def test_a_page_that_fails_is_an_error_without_details(self) -> None:
        def exposition() -> tuple[bytes, str]:
            raise RuntimeError("secret")

        self.metrics.exposition = exposition  # type: ignore[method-assign]
        status, _, body = await self.ask("/metrics")
        self.assertEqual((status, json.loads(body)["status"]), (500, 500))
        self.assertNotIn(b"secret", body)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    async def test_requests_are_in_no_log(self) -> None:
        await self.ask("/healthz")
        self.assertEqual([event for event in self.said if "healthz" in str(event)], [])


class IsLoopbackTests(SynchronousTestCase):
    """Which hosts are this machine."""

    def test_hosts(self) -> None:
        for host, is_it in (
            (b"localhost", True), (b"localhost:", True), (b"localhost:1:2", False),
            (b"[::1]", True), (b"[::1", False),
            (b"[127.0.0.1]", False), (b"::1", False), (b"[::ffff:10.0.0.1]", False), (b"2130706433", False),
            (b"127.0.0.1:x", False), (b"\xff", False), (b"localhost\n", False), (b" localhost", False),
        ):  # fmt: skip
            self.assertEqual(is_loopback(host), is_it, host)
