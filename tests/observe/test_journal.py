"""What ended is counted, and written where there is a log for it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from toron.core.backend import Backend
from toron.core.body import Body
from toron.core.message import Request
from toron.core.refusal import CLIENT_GONE, DENIED, IDLE_TIMEOUT, NO_ROUTE, Reason, Refusal
from toron.core.server import Server
from toron.core.trail import Trail
from toron.observe.access_log import NullAccessLog
from toron.observe.journal import Journal
from toron.observe.metrics import Metrics
from toron.observe.readiness import Readiness
from toron.observe.recent import Chart, Recent, Wanted
from toron.wire.headers import Headers


class Kept:
    """An access log that keeps its lines."""

    enabled = True
    dropped = 0

    def __init__(self) -> None:
        self.lines: list[Any] = []

    def write(self, line: Any) -> None:
        self.lines.append(line)


class JournalCase(SynchronousTestCase):
    """One listener, at second 100 of its clock."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(100)
        self.kept = Kept()
        self.metrics = Metrics(Readiness(), self.clock.seconds, "1", NullAccessLog())
        self.stats = self.metrics.listener("web", "http")
        self.server = Server("http://127.0.0.1:9001")

    def journal(self, kind: Any = "connection", log: Any = None) -> Journal:
        kept: Any = self.kept
        return Journal(kind, log or kept, self.metrics, self.stats, self.clock.seconds)

    @property
    def line(self) -> Any:
        (line,) = self.kept.lines
        return line

    def connection(self, **more: Any) -> Any:
        values: dict[str, Any] = {
            "client_ip": "192.0.2.1", "peer_ip": "192.0.2.9", "peer_port": 5, "accepted": 98.5,
            "hello": None, "tls": None, "id": "", "trail": None, "passed": 0,
        }  # fmt: skip
        return SimpleNamespace(**(values | more))


class Requests(JournalCase):
    """Layer 7."""

    def request(self) -> Request:
        request = Request(
            b"POST", b"/a", Headers([(b"User-Agent", b"me"), (b"Referer", b"/x")]), query=b"b", host=b"h"
        )
        request.id, request.arrived, request.route = "id1", 99.75, "shop"
        request.client_ip, request.peer_ip, request.peer_port = "192.0.2.1", "192.0.2.9", 5
        request.body = Body.of(b"12345")
        request.path = b"/what/a/middleware/made/of/it"
        return request

    def ended(self, request: Request, log: Any = None, **more: Any) -> None:
        values: dict[str, Any] = {"status": 200, "sent": 7, "reason": None, "detail": ""} | more
        server = SimpleNamespace(connection=self.connection(tls=more.pop("tls", None)))
        self.journal(log=log).request(
            server, request, values["status"], values["sent"], values["reason"], values["detail"]
        )

    def test_the_line(self) -> None:
        request = self.request()
        balancer: Any = None
        request.backend = Backend("api", [self.server], balancer)
        request.server, request.retries, request.answered_after = self.server, 2, 0.125
        request.version = (1, 1)
        self.ended(request)
        line = self.line
        self.assertEqual(
            (
                line.id,
                line.listener,
                line.client,
                line.peer,
                line.method,
                line.path,
                line.status,
                line.version,
            ),
            ("id1", "web", "192.0.2.1", "192.0.2.9:5", "POST", "/a?b", 200, "1.1"),
        )
        self.assertEqual(
            (line.backend, line.server, line.retries, line.route), ("api", "127.0.0.1:9001", 2, "shop")
        )
        self.assertEqual((line.duration_ms, line.upstream_ms), (250.0, 125.0))
        self.assertEqual((line.user_agent, line.referer, line.reason, line.tls), ("me", "/x", "", None))

    def test_the_numbers(self) -> None:
        for _ in range(2):
            self.ended(self.request())
        self.assertEqual((self.stats.body_out, self.stats.refused), (14, {}))
        route = self.metrics.route("shop")
        self.assertEqual((route.requests, route.seconds), ({("web", 200): 2}, 0.5))

    def test_a_refusal(self) -> None:
        request = self.request()
        request.middleware = "auth"
        self.ended(request, status=404, reason=NO_ROUTE, detail="why")
        self.assertEqual(
            (self.line.reason, self.line.detail, self.line.middleware), ("no_route", "why", "auth")
        )
        self.assertEqual(self.stats.refused, {"no_route": 1})

    def test_without_a_log_the_numbers_are_the_same(self) -> None:
        self.ended(self.request(), log=NullAccessLog(), status=499, reason=CLIENT_GONE)
        self.assertEqual(self.kept.lines, [])
        self.assertEqual((self.stats.body_out, self.stats.refused), (7, {"client_gone": 1}))

    def test_tls_is_described_once_a_connection(self) -> None:
        info = SimpleNamespace(
            version="TLSv1.3", cipher="C", sni="h", alpn="http/1.1", group="X", line=None, client=None
        )
        server = SimpleNamespace(connection=self.connection(tls=info))
        journal = self.journal()
        for _ in range(2):
            journal.request(server, self.request(), 200, 0, None, "")
        first, second = self.kept.lines
        self.assertIs(first.tls, second.tls)
        self.assertEqual((first.tls.version, first.tls.sni, first.tls.client), ("TLSv1.3", "h", ""))

    def test_the_clients_certificate(self) -> None:
        shown = SimpleNamespace(subject="CN=a")
        info = SimpleNamespace(version="", cipher="", sni="", alpn="", group="", line=None, client=shown)
        server = SimpleNamespace(connection=self.connection(tls=info))
        self.journal().request(server, self.request(), 200, 0, None, "")
        self.assertEqual(self.kept.lines[0].tls.client, "CN=a")


class Connections(JournalCase):
    """Layer 4."""

    def test_refused(self) -> None:
        self.journal("tcp").refused(self.connection(), Refusal(DENIED, "by a guard"))
        line = self.line
        self.assertEqual(
            (line.kind, line.client, line.peer, line.duration_ms), ("tcp", "192.0.2.1", "192.0.2.9:5", 1500.0)
        )
        self.assertEqual((line.reason, line.detail, line.bytes_in), ("address_denied", "by a guard", None))
        self.assertEqual(self.stats.refused, {"address_denied": 1})

    def test_started(self) -> None:
        self.journal("tcp").started(self.connection(), "db", self.server)
        self.assertEqual(
            (self.line.event, self.line.backend, self.line.server), ("start", "db", "127.0.0.1:9001")
        )
        self.assertIsNone(self.line.duration_ms)

    def test_a_name_that_was_asked_for(self) -> None:
        hello: Any = SimpleNamespace(sni="db.example", alpn=[b"a", b"b"])
        self.journal("sni").started(self.connection(hello=hello), "db", self.server)
        self.assertEqual((self.line.sni, self.line.alpn), ("db.example", b"a,b"))

    def relay(self, reason: Any) -> Any:
        side = SimpleNamespace
        return SimpleNamespace(reason=reason, client=side(received=3), server=side(received=4))

    def test_where_tls_was_ended(self) -> None:
        tls = SimpleNamespace(
            version="TLSv1.3", cipher="TLS_A", sni="a.test", alpn="h2", group="X25519MLKEM768", line=None,
            client=None,
        )  # fmt: skip
        hello = SimpleNamespace(sni="a.test", alpn=[b"h2"])
        self.journal("tls").started(self.connection(hello=hello, tls=tls), "db", self.server)
        self.assertEqual((self.line.tls.version, self.line.tls.group), ("TLSv1.3", "X25519MLKEM768"))
        self.assertIs(self.line.tls, tls.line)

    def test_udp_has_none_of_that(self) -> None:
        connection = self.connection()
        del connection.tls
        self.journal("udp").refused(connection, Refusal(DENIED))
        self.assertIsNone(self.line.tls)

    def test_relayed(self) -> None:
        journal = self.journal("tcp")
        journal.relayed(self.connection(), "db", self.server, self.relay(None))
        journal.relayed(self.connection(), "db", self.server, self.relay(IDLE_TIMEOUT))
        well, cut = self.kept.lines
        self.assertEqual((well.bytes_in, well.bytes_out, well.reason, well.event), (3, 4, "", ""))
        self.assertEqual((cut.reason, self.stats.refused), ("idle_timeout", {"idle_timeout": 1}))

    def test_a_session(self) -> None:
        session = self.connection(
            backend="dns",
            server=self.server,
            bytes_in=1,
            bytes_out=2,
            packets_in=3,
            packets_out=4,
            reason=None,
        )
        self.journal("udp").session(session)
        line = self.line
        self.assertEqual((line.kind, line.backend, line.server), ("udp", "dns", "127.0.0.1:9001"))
        self.assertEqual((line.bytes_in, line.bytes_out, line.packets_in, line.packets_out), (1, 2, 3, 4))

    def test_without_a_log_refusals_are_counted(self) -> None:
        journal = self.journal("udp", NullAccessLog())
        journal.refused(self.connection(), Refusal(DENIED))
        journal.relayed(self.connection(), "db", self.server, self.relay(IDLE_TIMEOUT))
        journal.started(self.connection(), "db", self.server)
        session = self.connection(backend="dns", server=self.server, reason=CLIENT_GONE)
        journal.session(session)
        self.assertEqual((self.kept.lines, sum(self.stats.refused.values())), ([], 3))


class Remembered(JournalCase):
    """What is kept for those who ask why."""

    def setUp(self) -> None:
        super().setUp()
        self.recent = Recent(5, 5.0, lambda: 7.0)

    def journal(self, kind: Any = "connection", log: Any = None) -> Journal:
        kept: Any = self.kept
        return Journal(
            kind,
            log or kept,
            self.metrics,
            self.stats,
            self.clock.seconds,
            self.recent,
            Chart(),
            lambda: "id7",
        )

    def request(self, status: int, reason: Reason | None = None, trail: Trail | None = None) -> None:
        request = Request(b"GET", b"/", Headers())
        request.trail = trail
        server = SimpleNamespace(connection=self.connection())
        self.journal().request(server, request, status, 0, reason, "")

    def test_requests(self) -> None:
        self.request(200)
        self.request(404)
        self.assertEqual(self.recent.find(Wanted()), [])
        self.request(200, None, Trail())
        self.request(404, NO_ROUTE)
        self.request(500)
        found = [kept.line for kept in self.recent.find(Wanted())]
        self.assertEqual(found, self.kept.lines[:1:-1], "the very lines of the log")

    def test_a_connection_keeps_its_name(self) -> None:
        connection = self.connection()
        self.journal("tcp").started(connection, "db", self.server)
        self.journal("tcp").refused(connection, Refusal(DENIED))
        self.assertEqual([line.id for line in self.kept.lines], ["id7", "id7"])
        self.assertEqual([kept.line.id for kept in self.recent.find(Wanted())], ["id7"])

    def test_without_a_log(self) -> None:
        self.journal(log=NullAccessLog()).refused(self.connection(), Refusal(DENIED))
        self.assertEqual([kept.line.time for kept in self.recent.find(Wanted())], [7.0])
