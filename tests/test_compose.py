"""A configuration becomes a tree without opening anything; what cannot be used is told with its place."""

from __future__ import annotations

import datetime
import os
import random
import socket
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from tests.net.test_quic_identities import pair
from toron import plugin
from toron.compose import Composition, Part, compose, compose_parent, compose_worker, rehearse
from toron.config.load import Loaded, load
from toron.config.place import Invalid
from toron.core.message import Request, Response
from toron.core.refusal import Refusal
from toron.core.wait import Task
from toron.net.gateway import Gateway
from toron.net.http_site import HttpSite
from toron.net.inheritance import Inheritance, Inherited
from toron.net.key_pair import self_signed
from toron.net.quic_endpoint import QuicEndpoint
from toron.net.quic_sni import QuicListener
from toron.net.sockets import Sockets
from toron.wire.headers import Headers

CLOCK = 1_800_000_000.0


class Reactor(MemoryReactorClock):
    """One that nothing may be opened with."""

    def callFromThread(self, function: Any, *arguments: Any) -> None:  # overrides
        self.callLater(0, function, *arguments)


class ComposeCase(SynchronousTestCase):
    """Composes what a test writes."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.reactor = Reactor()

    def compose(self, text: str, environ: Mapping[str, str] | None = None) -> Gateway:
        path = self.folder / "a.yaml"
        path.write_text(textwrap.dedent(text).lstrip("\n"))
        loaded = load(str(path), plugin, environ or {}, now=CLOCK)
        return compose(loaded, self.reactor, random.Random(1), lambda: CLOCK, self.fail)

    def said(self, text: str) -> str:
        """The problems, without the file's name."""
        invalid = self.assertRaises(Invalid, self.compose, text)
        return str(invalid).replace(f"{self.folder}/a.yaml:", "").replace(f"{self.folder.resolve()}/", "")

    def ask(self, gateway: Gateway, path: bytes, listener: int = 0, **more: Any) -> Response:
        """What a listener answers, where nothing has to be waited for."""
        request = Request(b"GET", path, Headers([(b"Host", b"a")]), host=b"a", client_ip="127.0.0.1", **more)
        ended: list[Any] = []
        service: Any = self.site(gateway, listener).service(request)
        Task(service, lambda response, error: ended.append(error or response)).start()
        (result,) = ended
        self.request = request
        if isinstance(result, BaseException):
            raise result
        assert isinstance(result, Response)
        return result

    def site(self, gateway: Gateway, listener: int = 0) -> HttpSite:
        """What the HTTP listeners share, found by what is told of a stop."""
        drain: Any = gateway.draining[listener]
        site: HttpSite = drain.__self__
        return site


class Tree(ComposeCase):
    """What there is, and in which order."""

    text = """
        listeners:
          - {name: web, protocol: http, port: 80}
          - {name: more, protocol: http, port: 81}
          - {name: raw, protocol: tcp, port: 82, backend: db}
          - {name: dns, protocol: udp, port: 53, echo: {}}
        routes:
          - {match: {path: /a}, listeners: [web], respond: {body: a}}
          - {name: named, match: {path: /b}, backend: api}
          - {match: [{host: b.example, path: /b}, {path: /c}], backend: api}
        backends:
          api: {servers: ["http://127.0.0.1:1", "http://127.0.0.1:2"], health: {path: /}}
          db: {servers: ["tcp://127.0.0.1:3"]}
        access_log: access.log
        admin: {}
        drain: {delay: 3s, limit: 4s}
    """

    def test_nothing_is_opened(self) -> None:
        self.compose(self.text)
        self.assertEqual((self.reactor.tcpServers, self.reactor.getReaders()), ([], []))
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertFalse((self.folder / "access.log").exists())

    def test_the_order_of_the_start(self) -> None:
        gateway = self.compose(self.text)
        names = [type(service).__name__ for service in gateway]
        self.assertEqual(
            names,
            [
                "AccessLog",
                "Sweep",
                "CertificateCare",
                "Stapling",
                "FreshTickets",
                "HealthCheck",
                "HealthCheck",
                *["StreamListener"] * 3,
                "UdpListener",
                "AdminListener",
            ],
        )
        self.assertEqual([bound.listener for bound in gateway.bound], ["web", "more", "raw", "dns", "admin"])
        self.assertEqual([listener.listener for listener in gateway.listeners], ["web", "more", "raw", "dns"])
        self.assertEqual([type(service).__name__ for service in gateway.last], ["AdminListener", "AccessLog"])
        self.assertEqual(len(gateway.closing), 1, "the routes to one backend share its connections")

    def test_discovered_servers(self) -> None:
        (self.folder / "servers.yaml").write_text("servers: ['https://127.0.0.1:1', 'https://127.0.0.1:2']")
        gateway = self.compose(
            """
            listeners: [{protocol: http, port: 80}, {name: raw, protocol: tcp, port: 81, backend: db}]
            routes:
              - backend: {discovery: {file: {path: servers.yaml, scheme: https}}, health: {initial: down}}
            backends:
              db: {discovery: {dns: {name: db.internal, port: 5, scheme: tcp, resolvers: "127.0.0.1:1"}}}
            """
        )
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        names = [type(service).__name__ for service in gateway]
        always = ["NullAccessLog", "Sweep", "CertificateCare", "Stapling", "FreshTickets"]
        self.assertEqual(
            names,
            [
                *always,
                "Members",
                "Members",
                *["StreamListener"] * 2,
            ],
        )
        self.assertEqual((len(gateway.awaited), gateway.held), (2, gateway.listeners))
        members: dict[str, Any] = {each.backend.name: each for each in gateway if hasattr(each, "backend")}
        self.assertEqual(set(members), {"db", "file"})
        file = members["file"]
        file.startService()
        self.assertEqual([server.healthy for server in file.backend.servers], [False, False])
        self.assertEqual([type(service).__name__ for service in file], ["Discovery", *["HealthCheck"] * 2])
        self.assertEqual(sum(known.called for known in gateway.awaited), 1)
        file.stopService()

    def test_what_is_known_of_servers(self) -> None:
        config = """
            listeners: [{protocol: http, port: 80}]
            routes: [{backend: api}]
            backends:
              api: {servers: ["http://127.0.0.1:1", "http://127.0.0.1:2"], health: {initial: down}}
              other: {url: "http://127.0.0.1:3"}
            """
        old = self.compose(config)
        self.assertEqual((old.known(), old.unsure()), ([], True))
        known = [("api", "http://127.0.0.1:1", True), ("api", "http://127.0.0.1:2", False)]
        gateway = self.compose(config)
        gateway.recall([*known, ("api", "http://gone", True), ("other", "http://127.0.0.1:3", False)])
        self.assertEqual((gateway.known(), gateway.unsure()), (known, False))
        self.assertEqual((gateway.start_within, gateway.linger), (30.0, 600.0))
        self.assertEqual(gateway.drained(), [])
        drained = [("api", "http://127.0.0.1:2"), ("other", "http://127.0.0.1:3")]
        gateway.drain_servers([*drained, ("api", "http://gone"), ("gone", "http://127.0.0.1:1")])
        self.assertEqual(gateway.drained(), drained)
        again = self.compose(config)
        again.recall(known[:1])
        self.assertEqual((again.known(), again.unsure()), (known[:1], True))

    def test_sockets_that_were_left(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as web:
            sockets = Sockets({(False, "127.0.0.1", 80, ""): [web]})
            path = self.folder / "a.yaml"
            path.write_text("listeners: [{protocol: tcp, address: 127.0.0.1, port: 80, echo: {}}]\n")
            loaded = load(str(path), plugin, {}, now=CLOCK)
            made = Composition(loaded, self.reactor, random.Random(1), lambda: CLOCK, sockets=sockets)
            gateway = made.whole(self.fail)
            gateway.listeners[0].bind()
            self.assertEqual(gateway.listeners[0].port, web.getsockname()[1])
            again = Composition(loaded, self.reactor, random.Random(1), lambda: CLOCK, before=made)
            self.assertIs(again.sockets, sockets)
            gateway.listeners[0].stop_accepting()

    def test_a_file_of_servers_that_is_wrong(self) -> None:
        (self.folder / "servers.yaml").write_text("servers:\n  - {url: 'http://a', wait: 3}\n")
        said = self.said(
            """
            listeners: [{protocol: http, port: 80}]
            routes: [{backend: b}]
            backends: {b: {discovery: {file: {path: servers.yaml}}}}
            """
        )
        self.assertEqual(said.partition(": ")[0], "3:16")
        self.assertIn("servers.yaml:2:23: unknown key 'wait': did you mean 'weight'?", said)

    def test_sni_over_udp(self) -> None:
        gateway = self.compose(
            """
            listeners:
              - {protocol: sni, port: 443, backend: {url: "tcp://127.0.0.1:1"}}
              - protocol: sni
                transport: udp
                port: 443
                timeouts: {handshake: 3s}
                routes: [{match: {sni: a.example, alpn: [h3]}, backend: one}]
              - {protocol: sni, transport: udp, port: 444, idle: 5s, sessions: 7, backend: one}
            backends:
              one: {url: "udp://127.0.0.1:1"}
            """
        )
        _, routed, plain = gateway.listeners
        assert isinstance(routed, QuicListener)
        assert isinstance(plain, QuicListener)
        self.assertEqual(
            [each.listener for each in gateway.listeners], ["sni-443", "sni-udp-443", "sni-udp-444"]
        )
        self.assertEqual((routed.idle, routed.hello_seconds, routed.stats.protocol), (60.0, 3.0, "sni-udp"))
        self.assertEqual((plain.idle, plain.hello_seconds, plain._most), (5.0, 10.0, 7))
        self.assertEqual(routed._router.find("127.0.0.1", "a.example", [b"h3"]).name, "one")
        self.assertIs(plain._router.find("127.0.0.1"), routed._router.find("127.0.0.1", "a.example", [b"h3"]))
        self.assertRaises(Refusal, routed._router.find, "127.0.0.1", "b.example", [b"h3"])
        self.assertEqual([each.server.name for each in plain._server_stats.values()], ["127.0.0.1:1"])

    def test_no_admin_no_log(self) -> None:
        gateway = self.compose("listeners: [{protocol: tcp, port: 1, echo: {}}]")
        self.assertEqual(
            [type(service).__name__ for service in gateway],
            ["NullAccessLog", "Sweep", "CertificateCare", "Stapling", "FreshTickets", "StreamListener"],
        )

    def test_routes_have_names(self) -> None:
        gateway = self.compose(self.text)
        self.assertEqual(self.ask(gateway, b"/a").body, b"a")
        self.assertEqual(self.request.route, "1:*/a")
        for path, host, name in (
            (b"/b", b"a", "named"),
            (b"/b", b"b.example", "3:b.example/b"),
            (b"/c", b"a", "3:b.example/b"),
        ):
            request = Request(b"GET", path, Headers(), host=host, client_ip="127.0.0.1")
            coroutine: Any = self.site(gateway).service(request)
            coroutine.close()
            self.assertEqual(request.route, name)

    def test_routes_of_other_listeners(self) -> None:
        gateway = self.compose(self.text)
        failure = self.assertRaises(Refusal, self.ask, gateway, b"/a", 1)
        self.assertEqual(failure.reason.word, "no_route")

    def test_limits_and_times_of_a_listener(self) -> None:
        gateway = self.compose("""
            listeners:
              - protocol: http
                port: 80
                limits: {head: 1k, fields: 2, body: 3k, requests: 4}
                timeouts: {head: 5s, body: 6s, keepalive: 7s, write: 8s}
            routes: [{echo: {}}]
        """)
        site = self.site(gateway)
        self.assertEqual(
            (site.head_most, site.fields_most, site.body_limit, site.max_requests), (1024, 2, 3072, 4)
        )
        self.assertEqual(
            (site.head_seconds, site.body_seconds, site.keepalive_seconds, site.write_seconds), (5, 6, 7, 8)
        )
        self.assertEqual(site.scheme, b"http")

    def test_a_named_middleware_is_made_once(self) -> None:
        gateway = self.compose("""
            listeners: [{protocol: http, port: 80}]
            routes:
              - {match: {path: /a}, middlewares: [few], respond: {body: a}}
              - {match: {path: /b}, middlewares: [few], respond: {body: b}}
              - {match: {path: /c}, middlewares: [{rate-limit: {rate: 1/h}}], respond: {body: c}}
            middlewares: {few: {type: rate-limit, rate: 1/h}}
        """)
        self.assertEqual(self.ask(gateway, b"/a").status, 200)
        failure = self.assertRaises(Refusal, self.ask, gateway, b"/b")
        self.assertEqual((failure.reason.word, self.ask(gateway, b"/c").status), ("rate_limited", 200))

    def test_ids_are_of_this_start_and_never_the_same(self) -> None:
        site = self.site(
            self.compose("""
            listeners: [{protocol: http, port: 80}]
            routes: [{echo: {}}]
        """)
        )
        ids = [site.new_id() for _ in range(100)]
        self.assertEqual((len(set(ids)), len({each.split("-")[0] for each in ids})), (100, 1))

    def test_an_unknown_host_in_the_clear_and_over_tls(self) -> None:
        gateway = self.compose("""
            listeners:
              - {protocol: http, port: 80}
              - {protocol: https, port: 443, certificates: [{self_signed: [a.example]}]}
            routes: [{match: {host: a.example}, respond: {body: a}}]
        """)
        words = [self.assertRaises(Refusal, self.ask, gateway, b"/", index).reason.word for index in (0, 1)]
        self.assertEqual(words, ["no_route", "unknown_host"])

    def test_a_server_that_was_not_checked_yet(self) -> None:
        gateway = self.compose("""
            listeners: [{protocol: http, port: 80}]
            routes: [{backend: {url: "http://127.0.0.1:1", health: {initial: down}}}]
        """)
        failure = self.assertRaises(Refusal, self.ask, gateway, b"/")
        self.assertEqual(failure.reason.word, "no_server_available")


class Rehearsals(ComposeCase):
    """What `toron check` does besides loading."""

    def rehearse(self, text: str) -> None:
        path = self.folder / "a.yaml"
        path.write_text(textwrap.dedent(text).lstrip("\n"))
        rehearse(load(str(path), plugin, {}, now=CLOCK))

    def test_all_is_well(self) -> None:
        self.rehearse(Tree.text)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["a.yaml"])

    def test_something_is_wrong(self) -> None:
        text = (
            "listeners: [{protocol: http, port: 80}]\nroutes: [{middlewares: [{jwt: {keys: x}}], echo: {}}]"
        )
        self.assertIn(":2:25: cannot read the key file", str(self.assertRaises(Invalid, self.rehearse, text)))


class Problems(ComposeCase):
    """What only shows when it is put together is an error of the configuration like any other."""

    def routes(self, route: str, more: str = "") -> str:
        return f"listeners: [{{protocol: http, port: 80}}]\nroutes:\n  - {route}\n{more}"

    def test_a_middleware(self) -> None:
        said = self.said(self.routes("{middlewares: [{jwt: {keys: none.json}}], respond: {body: a}}"))
        self.assertRegex(said, r"^3:20: cannot read the key file .*none\.json: No such file or directory$")

    def test_a_redirect(self) -> None:
        said = self.said(self.routes("{redirect: {to: 'https://a.example/', host: b.example}}"))
        self.assertRegex(said, r"^3:\d+: ")

    def test_a_cookie_without_a_secret(self) -> None:
        backend = '{url: "http://127.0.0.1:1", sticky: {secret: ""}}'
        self.assertRegex(self.said(self.routes(f"{{backend: {backend}}}")), r"^3:\d+: .*secret")

    def test_an_authority_that_is_none(self) -> None:
        (self.folder / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        backend = '{url: "https://127.0.0.1:1", tls: {ca: ca.pem}}'
        self.assertRegex(self.said(self.routes(f"{{backend: {backend}}}")), r"^3:\d+: .*ca\.pem")

    def test_a_plug_in_of_somebody_else(self) -> None:
        module = plugin.find("balancers", "random")

        def refuse(options: Any, environment: Any) -> Any:
            raise ValueError("not today: try tomorrow")

        self.patch(module, "make", refuse)
        said = self.said(self.routes('{backend: {url: "http://127.0.0.1:1", balance: random}}'))
        self.assertEqual(said, "3:43: not today: try tomorrow")


class Http3(ComposeCase):
    """A listener of an extra."""

    text = """
        listeners:
          - {protocol: http3, port: 443, certificates: [{self_signed: a.example}], sessions: 7, retry: always}
        routes: [{respond: {body: hello}}]
    """

    def test_it_leads_to_the_routes(self) -> None:
        gateway = self.compose(self.text)
        (listener,) = gateway.listeners
        assert isinstance(listener, QuicEndpoint)
        self.assertEqual(
            (listener.listener, listener.port, listener.stats.protocol), ("http3-443", 443, "http3")
        )
        self.assertEqual(self.ask(gateway, b"/").body, b"hello")
        self.assertEqual(self.site(gateway).scheme, b"https")
        with self.assertRaises(Refusal):
            only = self.compose(self.text.replace("respond:", "match: {host: b.example}, respond:"))
            self.ask(only, b"/")

    def test_the_extra_is_missing(self) -> None:
        for name in ("toron.listeners.http3", "toron.net.quic_endpoint", "toron.net.quic_identities"):
            with self.subTest(name):
                kept = sys.modules[name]
                sys.modules[name] = None  # type: ignore[assignment]
                try:
                    said = self.said(self.text)
                finally:
                    sys.modules[name] = kept
                expected = "HTTP/3 needs an extra that is not installed here: pip install 'toron[http3]'"
                self.assertEqual(said.splitlines()[-1], f"2:6: {expected}")

    def test_a_key_that_is_of_no_use_to_quic(self) -> None:
        made = pair(ec.generate_private_key(ec.SECP256K1()))
        (self.folder / "odd.pem").write_bytes(made.chain + made.key)
        text = self.text.replace("self_signed: a.example", "cert: odd.pem, key: odd.pem")
        self.assertIn("its key can not be used for QUIC", self.said(text))


class Workers(ComposeCase):
    """A parent, and what it hands to its workers."""

    text = """
        listeners:
          - {name: web, protocol: https, port: 443, certificates: [{self_signed: [a.test]}]}
          - {name: dns, protocol: udp, port: 53, echo: {}, guards: [{connections: {total: 3}}]}
        routes:
          - {middlewares: [limit], backend: api}
          - {match: {path: /b}, middlewares: [limit, {rate-limit: {rate: 1/s}}], backend: api}
        middlewares: {limit: {type: rate-limit, rate: 5/s}}
        backends:
          api:
            servers: ["https://127.0.0.1:1", "https://127.0.0.1:2"]
            health: {path: /, initial: down}
            sticky: {}
            tls: {ca: ca.pem}
        access_log: access.log
        admin: {}
        drain: {delay: 3s, limit: 4s}
        workers: 2
    """

    def setUp(self) -> None:
        super().setUp()
        pair = self_signed(["ca.test"], datetime.datetime.now(datetime.UTC))
        (self.folder / "ca.pem").write_bytes(pair.chain)
        self.inheritance = Inheritance(4)

        path = self.folder / "a.yaml"
        path.write_text(textwrap.dedent(self.text))
        self.loaded: Loaded = load(str(path), plugin, {}, now=CLOCK)

    def parent(self) -> Part:
        return compose_parent(
            self.loaded, self.reactor, random.Random(1), lambda: CLOCK, self.fail, self.inheritance, 2
        )

    def worker(self, seat: int) -> Part:
        there = self.inheritance
        memories = {piece: [os.dup(memory.fd) for memory in those] for piece, those in there.memories.items()}
        inherited = Inherited(4, seat, there.values, memories, {}, there.unnamed)
        return compose_worker(
            self.loaded, self.reactor, random.Random(1), lambda: CLOCK, self.fail, inherited, self.writer
        )

    def writer(self, path: str, failed: Any, ended: Any) -> Any:
        self.written_to = path
        return None

    def test_what_each_of_them_does(self) -> None:
        parent, worker = self.parent(), self.worker(1)
        self.assertEqual(
            [type(service).__name__ for service in parent.root],
            ["AccessLog", "Sweep", "CertificateCare", "Stapling", *["HealthCheck"] * 2, "AdminListener"],
        )
        self.assertEqual([bound.listener for bound in parent.root.bound], ["web", "dns", "admin"])
        self.assertEqual(parent.root.listeners, parent.doors)
        self.assertEqual(
            [type(service).__name__ for service in worker.root],
            ["AccessLog", "Sweep", "FreshTickets", "StreamListener", "UdpListener"],
        )
        self.assertEqual([bound.listener for bound in worker.root.bound], ["web", "dns"])
        self.assertEqual((len(worker.root.draining), len(worker.root.closing)), (1, 1))
        self.assertEqual((parent.root._delay, worker.root._delay, worker.root._limit), (3.0, 0.0, 4.0))
        self.assertEqual(self.written_to, str(self.folder.resolve() / "access.log"))
        self.assertEqual(self.reactor.getReaders(), [])

    def test_who_is_well(self) -> None:
        parent, worker = self.parent(), self.worker(1)
        self.assertEqual(list(parent.backends), list(worker.backends))
        self.assertEqual([server.healthy for server in worker.backends["api"].servers], [False, False])
        self.assertEqual([backend.name for backend, _ in parent.checks], ["api", "api"])
        self.assertEqual(worker.checks, [])

    def test_only_the_parent_discovers(self) -> None:
        (self.folder / "servers.yaml").write_text("servers: ['http://127.0.0.1:1']")
        path = self.folder / "a.yaml"
        path.write_text(
            "listeners: [{name: web, protocol: http, port: 80}]\n"
            "routes: [{backend: b}]\n"
            "backends: {b: {discovery: {file: {path: servers.yaml}}, health: {}}}\n"
        )
        self.loaded = load(str(path), plugin, {}, now=CLOCK)
        parent = self.parent()
        (self.folder / "servers.yaml").unlink()
        worker = self.worker(1)
        self.assertEqual([len(part.root.awaited) for part in (parent, worker)], [1, 0])
        children = [
            [len(list(each)) for each in part.root if hasattr(each, "backend")] for part in (parent, worker)
        ]
        self.assertEqual(children, [[1], [0]])
        self.assertEqual((parent.checked, parent.discovered), ({"b"}, {"b"}))

    def test_secrets_and_files_are_those_of_the_parent(self) -> None:
        self.parent()
        (self.folder / "ca.pem").unlink()
        kinds = {piece[0] for piece in self.inheritance.values if isinstance(piece, tuple)}
        self.assertEqual(kinds, {"source", "secret", "dialer"})
        parts = [self.worker(seat) for seat in (1, 2)]
        pairs = [{key: source.pair for key, source in part.sources.items()} for part in parts]
        self.assertTrue(pairs[0] and None not in pairs[0].values())
        self.assertEqual(pairs[0], pairs[1])

    def test_limits_are_shared_use_by_use(self) -> None:
        self.parent()
        self.assertEqual(len(self.inheritance.memories), 3, "a guard, a named middleware, another")
        workers = [self.worker(seat) for seat in (1, 2)]
        counts = [shared for part in workers for limits in part.limits for shared in limits.shared]
        self.assertEqual([each.add("", 3) for each in counts * 2], [True, True, True, False])

    def test_nothing_is_shared_by_one_process(self) -> None:
        gateway = self.compose(self.text)
        self.assertTrue(gateway.ready_at_once)
        self.assertEqual(self.inheritance.values, {})

    def test_a_parent_finds_what_is_wrong(self) -> None:
        (self.folder / "ca.pem").write_text("no certificate")
        invalid = self.assertRaises(Invalid, self.parent)
        self.assertIn("the TLS files can not be used", str(invalid))
        (self.folder / "ca.pem").unlink()
        invalid = self.assertRaises(Invalid, self.parent)
        self.assertIn("No such file", str(invalid))
