"""Tests of what Prometheus reads: its own parser and its own checker are the judges."""

from __future__ import annotations

import shutil
import subprocess
import threading

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from toron.core.server import Server
from toron.observe.access_log import NullAccessLog
from toron.observe.families import gauge
from toron.observe.metrics import Metrics
from toron.observe.readiness import Readiness


class Dropped:
    """An access log that lost lines."""

    dropped = 3


def busy(metrics: Metrics) -> None:
    """Count at least one of everything."""
    listener = metrics.listener('web"\n\\', "https")
    listener.connections, listener.active, listener.body_in, listener.body_out = 5, 2, 100, 2000
    listener.handshake("TLSv1.3")
    relay = metrics.listener("db", "tcp")
    relay.bytes_in, relay.bytes_out = 11, 22
    dns = metrics.listener("dns", "udp")
    dns.sessions, dns.datagrams_in, dns.datagrams_out, dns.datagrams_dropped = 1, 4, 3, 2
    metrics.refused("db", "address_denied")
    route = metrics.route("shop")
    route.answered('web"\n\\', 200, 0.25)
    route.answered('web"\n\\', 999, 100)
    route.answered('web"\n\\', 0, 100)
    metrics.backend("api").retries += 1
    server = Server("http://127.0.0.1:9001")
    server.in_flight = 7
    stats = metrics.server("api", server)
    stats.connections, stats.idle, stats.probes_passed, stats.probes_failed = 9, 4, 8, 1
    stats.answered(502, 0.3)
    stats.fail("upstream_reset")
    metrics.loop_lag = 0.004


class MetricsTests(SynchronousTestCase):
    """The exposition."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.readiness = Readiness()
        self.metrics = Metrics(self.readiness, self.clock.seconds, "1.2.3", Dropped())

    def samples(self, *names: str) -> dict[tuple[str, ...], float]:
        """What is shown of these names: name and label values to number."""
        text, _ = self.metrics.exposition()
        found: dict[tuple[str, ...], float] = {}
        for family in text_string_to_metric_families(text.decode()):
            for sample in family.samples:
                if sample.name in names:
                    key = (sample.name, *(f"{k}={v}" for k, v in sample.labels.items()))
                    self.assertNotIn(key, found)
                    found[key] = sample.value
        return found

    def promtool(self, text: bytes) -> None:
        """Have Prometheus's own checker read it."""
        tool = shutil.which("promtool")
        if tool is None:
            self.fail("promtool is missing: install the Debian package prometheus")
        done = subprocess.run([tool, "check", "metrics"], input=text, capture_output=True, timeout=30)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, b""))

    def test_promtool_finds_nothing_wrong(self) -> None:
        self.promtool(self.metrics.exposition()[0])
        busy(self.metrics)
        self.promtool(self.metrics.exposition()[0])

    def test_promtool_would_find_something(self) -> None:
        self.assertRaises(self.failureException, self.promtool, b"# TYPE x counter\nx 1\n")

    def test_what_workers_add(self) -> None:
        self.metrics.worker_lag, self.metrics.loop_lag = 0.5, 0.1
        self.metrics.dropped_by_workers = 4
        self.metrics.more.append(lambda: [gauge("toron_workers", "Some.", [], [((), 2)])])
        found = self.samples(
            "toron_event_loop_lag_seconds", "toron_access_log_dropped_total", "toron_workers"
        )
        self.assertEqual(list(found.values()), [0.5, 7, 2])
        self.assertEqual(self.metrics.dropped, 3, "of this process")
        self.metrics.worker_lag = 0.0
        self.assertEqual(list(self.samples("toron_event_loop_lag_seconds").values()), [0.1])

    def test_stats_by_their_keys(self) -> None:
        busy(self.metrics)
        found = dict(self.metrics.everything())
        self.assertEqual(
            sorted(found),
            [
                ("backend", "api"), ("listener", "db"), ("listener", "dns"), ("listener", 'web"\n\\'),
                ("route", "shop"), ("server", "api", "127.0.0.1:9001"),
            ],
        )  # fmt: skip
        for key, stats in found.items():
            self.assertIs(self.metrics.find(key), stats)
        self.assertIsNone(self.metrics.find(("server", "api", "gone:1")))
        self.assertIs(self.metrics.find(("route", "new")), self.metrics.route("new"))
        self.assertRaises(ValueError, self.metrics.find, ("cookie",))

    def test_looking_makes_nothing(self) -> None:
        metrics, server = self.metrics, Server("http://a:1")
        before = metrics.exposition()[0].count(b"\n")
        self.assertIsNone(metrics.of_listener("nope"))
        self.assertIsNone(metrics.of_server("nope", server))
        self.assertEqual(metrics.answered("nope"), {})
        self.assertEqual(metrics.exposition()[0].count(b"\n"), before)
        stats = metrics.listener("some")
        stats.active = 3
        counted = metrics.server("b", server)
        metrics.route("r").answered("some", 200, 0.1)
        metrics.of_certificates.ends = lambda: [("a.example", 5.0)]
        self.assertIs(metrics.of_listener("some"), stats)
        self.assertIs(metrics.of_server("b", server), counted)
        self.assertEqual(metrics.answered("r"), {("some", 200): 1})
        self.assertIn(counted, metrics.all_servers())
        self.assertIn("r", [each.name for each in metrics.all_routes()])
        self.assertGreaterEqual(metrics.connections, 3)
        certificates = metrics.certificates
        certificates.clear()
        self.assertEqual(metrics.certificates["a.example"], 5.0, "a copy")

    def test_the_content_type_says_which_text(self) -> None:
        self.assertEqual(self.metrics.exposition()[1], "text/plain; version=0.0.4; charset=utf-8")

    def test_every_number_is_there(self) -> None:
        busy(self.metrics)
        web = 'listener=web"\n\\'
        api, server = "backend=api", "server=127.0.0.1:9001"
        wanted = {
            ("toron_ready",): 1, ("toron_event_loop_lag_seconds",): 0.004,
            ("toron_access_log_dropped_total",): 3,
            ("toron_http_requests_total", "code=200", web, "route=shop"): 1,
            ("toron_http_requests_total", "code=other", web, "route=shop"): 2,
            ("toron_http_request_duration_seconds_count", "route=shop"): 3,
            ("toron_http_request_duration_seconds_sum", "route=shop"): 200.25,
            ("toron_http_request_body_bytes_total", web): 100,
            ("toron_http_response_body_bytes_total", web): 2000,
            ("toron_connections_total", web): 5, ("toron_connections_total", "listener=db"): 0,
            ("toron_connections_total", "listener=dns"): 0,
            ("toron_connections_active", web): 2, ("toron_connections_active", "listener=db"): 0,
            ("toron_connections_active", "listener=dns"): 0,
            ("toron_tls_handshakes_total", web, "version=TLSv1.3"): 1,
            ("toron_refused_total", "listener=db", "reason=address_denied"): 1,
            ("toron_bytes_received_total", "listener=db"): 11, ("toron_bytes_sent_total", "listener=db"): 22,
            ("toron_bytes_received_total", "listener=dns"): 0, ("toron_bytes_sent_total", "listener=dns"): 0,
            ("toron_udp_sessions", "listener=dns"): 1,
            ("toron_udp_datagrams_received_total", "listener=dns"): 4,
            ("toron_udp_datagrams_sent_total", "listener=dns"): 3,
            ("toron_udp_datagrams_dropped_total", "listener=dns"): 2,
            ("toron_retries_total", api): 1,
            ("toron_server_up", api, server): 1, ("toron_server_ejected", api, server): 0,
            ("toron_server_in_flight", api, server): 7,
            ("toron_upstream_connections_total", api, server): 9,
            ("toron_upstream_connections_idle", api, server): 4,
            ("toron_upstream_requests_total", api, "code=502", server): 1,
            ("toron_upstream_response_seconds_count", api, server): 1,
            ("toron_upstream_failures_total", api, "reason=upstream_reset", server): 1,
            ("toron_probes_total", api, "result=passed", server): 8,
            ("toron_probes_total", api, "result=failed", server): 1,
        }  # fmt: skip
        self.assertEqual(self.samples(*{key[0] for key in wanted}), wanted)

    def test_buckets_are_cumulative(self) -> None:
        for seconds in (0.0005, 0.02, 0.02, 59, 61):
            self.metrics.route("shop").answered("web", 200, seconds)
        found = self.samples("toron_http_request_duration_seconds_bucket")
        buckets = {key[1].removeprefix("le="): n for key, n in found.items()}
        self.assertEqual(
            [(le, buckets[le]) for le in ("0.001", "0.01", "0.025", "30.0", "60.0", "+Inf")],
            [("0.001", 1), ("0.01", 1), ("0.025", 3), ("30.0", 3), ("60.0", 4), ("+Inf", 5)],
        )

    def test_it_says_what_runs_and_as_which_process(self) -> None:
        text = self.metrics.exposition()[0]
        self.assertIn(b'toron_build_info{python="3.', text)
        self.assertIn(b'version="1.2.3"} 1.0', text)
        self.assertIn(b"process_resident_memory_bytes ", text)

    def test_a_server_s_state_is_that_of_the_scrape(self) -> None:
        server = Server("tcp://10.0.0.1:5432")
        self.metrics.server("db", server)
        key = ("backend=db", "server=10.0.0.1:5432")
        for healthy, until, up, ejected in ((True, 0, 1, 0), (False, 5, 0, 1), (True, 4, 1, 0)):
            server.healthy, server.eject_until = healthy, until
            self.clock.advance(2)
            self.assertEqual(
                self.samples("toron_server_up", "toron_server_ejected"),
                {("toron_server_up", *key): up, ("toron_server_ejected", *key): ejected},
            )

    def test_readiness_is_that_of_the_scrape(self) -> None:
        self.readiness.hold("draining")
        self.assertEqual(self.samples("toron_ready"), {("toron_ready",): 0})

    def test_the_same_name_is_the_same_stats(self) -> None:
        for ask in (self.metrics.listener, self.metrics.route, self.metrics.backend):
            self.assertIs(ask("a"), ask("a"))
            self.assertIsNot(ask("a"), ask("b"))

    def test_what_is_gone_does_not_come_back_with_late_news(self) -> None:
        metrics = self.metrics
        for key in (("route", "gone"), ("route", "kept"), ("listener", "web"), ("backend", "b")):
            self.assertIsNotNone(metrics.find(key))
        metrics.keep({"web": "http"}, {"kept"}, {})
        found = {
            key: metrics.find(key) is not None
            for key in (
                ("route", "gone"),
                ("route", "kept"),
                ("route", ""),
                ("listener", "web"),
                ("backend", "b"),
            )
        }
        self.assertEqual(list(found.values()), [False, True, True, True, False])

    def test_a_server_that_takes_a_name_over_keeps_what_was_counted(self) -> None:
        old, new = Server("http://127.0.0.1:1"), Server("http://127.0.0.1:1")
        self.metrics.server("api", old).connections += 5
        self.metrics.server("api", new).connections += 1
        new.in_flight = 2
        self.metrics.forget_server("api", old)
        wanted = {"toron_server_in_flight": 2.0, "toron_upstream_connections_total": 6.0}
        self.assertEqual({key[0]: n for key, n in self.samples(*wanted).items()}, wanted)
        self.metrics.forget_server("api", new)
        self.metrics.forget_server("api", new)
        self.assertEqual(self.samples(*wanted), {})

    def test_discovery_is_there_once_it_is_asked_for(self) -> None:
        self.assertNotIn(b"toron_discovery_total{", self.metrics.exposition()[0])
        self.metrics.discovery("api").found = 3
        self.assertIs(self.metrics.discovery("api"), self.metrics.discovery("api"))
        said = b'toron_discovery_total{backend="api",result="found"} 3.0'
        self.assertIn(said, self.metrics.exposition()[0])

    def test_two_sets_of_metrics_share_nothing(self) -> None:
        other = Metrics(Readiness(), self.clock.seconds, "2", NullAccessLog())
        other.route("shop").answered("web", 200, 1)
        self.assertEqual(self.samples("toron_http_requests_total"), {})

    def test_it_may_be_read_while_it_counts(self) -> None:
        # New keys come all the time; a scrape in another thread must not trip over them.
        over = threading.Event()
        errors: list[BaseException] = []

        def scrape() -> None:
            try:
                while not over.is_set():
                    self.metrics.exposition()
            except BaseException as error:
                errors.append(error)

        scraper = threading.Thread(target=scrape)
        scraper.start()
        for n in range(20_000):
            self.metrics.route(f"route-{n % 50}").answered(f"web-{n % 3}", n % 600, 0.1)
            self.metrics.refused(f"web-{n % 50}", f"word-{n % 199}")
        over.set()
        scraper.join(30)
        self.assertEqual(errors, [])
        self.assertEqual(sum(self.samples("toron_http_requests_total").values()), 20_000)
