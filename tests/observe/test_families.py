"""Tests of the metric families, one by one."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import Metric
from twisted.trial.unittest import SynchronousTestCase

from toron.core.server import Server
from toron.observe.families import (
    BOUND_NAMES,
    EVERY,
    by_code,
    code,
    counter,
    discovery_families,
    gauge,
    histogram,
    listener_families,
    route_families,
    server_families,
)
from toron.observe.stats import DiscoveryStats, Durations, ListenerStats, RouteStats, ServerStats


def shown(families: Iterable[Metric]) -> dict[str, list[tuple[dict[str, str], float]]]:
    """The samples of the families that have any, by name."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in families:
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


class Shapes(SynchronousTestCase):
    """What families are made of."""

    def test_counters_and_gauges(self) -> None:
        samples = [(("x", "y"), 2.0), (("x", "z"), 0.0)]
        labelled = [({"a": "x", "b": "y"}, 2.0), ({"a": "x", "b": "z"}, 0.0)]
        self.assertEqual(shown([counter("n", "text", ["a", "b"], samples)]), {"n_total": labelled})
        self.assertEqual(shown([gauge("n", "text", ["a", "b"], samples)]), {"n": labelled})

    def test_a_histogram_counts_upwards(self) -> None:
        durations = Durations()
        durations.buckets[0], durations.buckets[2], durations.buckets[-1] = 1, 2, 4
        durations.seconds = 12.5
        found = shown([histogram("n", "text", ["a"], [(("x",), durations)])])
        buckets = {labels["le"]: number for labels, number in found["n_bucket"]}
        self.assertEqual(tuple(buckets), BOUND_NAMES)
        counts = [buckets[le] for le in ("0.001", "0.0025", "0.005", "60.0", "+Inf")]
        self.assertEqual(counts, [1, 1, 3, 3, 7])
        self.assertEqual((found["n_count"], found["n_sum"]), ([({"a": "x"}, 7)], [({"a": "x"}, 12.5)]))
        self.assertEqual(durations.buckets[2], 2)

    def test_statuses_that_are_none_are_one(self) -> None:
        words = [code(status) for status in (-1, 0, 99, 100, 200, 599, 600, 10**6)]
        self.assertEqual(words, ["other", "other", "other", "100", "200", "599", "other", "other"])
        counted = [(("a",), 200, 3), (("a",), 0, 1), (("b",), 0, 5), (("a",), 999, 2)]
        self.assertEqual(by_code(counted), [(("a", "200"), 3), (("a", "other"), 3), (("b", "other"), 5)])


class Families(SynchronousTestCase):
    """What is shown of whom."""

    def test_a_listener_shows_what_its_protocol_has(self) -> None:
        every = {"toron_connections_total", "toron_connections_active"}
        relayed = every | {"toron_bytes_received_total", "toron_bytes_sent_total"}
        bodies = {"toron_http_request_body_bytes_total", "toron_http_response_body_bytes_total"}
        datagrams = {f"toron_udp_datagrams_{what}_total" for what in ("received", "sent", "dropped")}
        sessions = datagrams | {"toron_udp_sessions"}
        for protocol, names in (
            ("http", every | bodies),
            ("https", every | bodies),
            ("http3", every | bodies | datagrams),
            ("tcp", relayed),
            ("tls", relayed),
            ("sni", relayed),
            ("udp", relayed | sessions),
            ("sni-udp", relayed | sessions),
            ("", relayed | bodies | sessions),
        ):
            self.assertEqual(set(shown(listener_families([ListenerStats("a", protocol)]))), names, protocol)
        self.assertEqual(shown(listener_families([ListenerStats("a", "smtp")])), {})

    def test_words_are_shown_once_they_are_counted(self) -> None:
        for protocol in EVERY:
            stats = ListenerStats("a", protocol)
            stats.refuse("denied")
            stats.handshake("TLSv1.3")
            found = shown(listener_families([stats]))
            self.assertEqual(found["toron_refused_total"], [({"listener": "a", "reason": "denied"}, 1)])
            self.assertEqual("toron_tls_handshakes_total" in found, protocol in ("", "tls", "https", "http3"))

    def test_routes_by_listener_and_status(self) -> None:
        stats = RouteStats("shop")
        for listener, status in (("a", 200), ("b", 200), ("a", 200), ("a", 0), ("a", 700)):
            stats.answered(listener, status, 0.1)
        found = shown(route_families([stats, RouteStats("quiet")]))
        counts = {(ls["listener"], ls["code"]): n for ls, n in found["toron_http_requests_total"]}
        self.assertEqual(counts, {("a", "200"): 2, ("b", "200"): 1, ("a", "other"): 2})
        durations = found["toron_http_request_duration_seconds_count"]
        self.assertEqual(durations, [({"route": "shop"}, 5), ({"route": "quiet"}, 0)])

    def test_a_server_is_ejected_until_it_is_not(self) -> None:
        server = Server("tcp://10.0.0.1:1")
        server.eject_until = 5.0
        for now, ejected in ((0, 1), (4.9, 1), (5.0, 0)):
            [(labels, number)] = shown(server_families([ServerStats("db", server)], now))[
                "toron_server_ejected"
            ]
            self.assertEqual((labels, number), ({"backend": "db", "server": "10.0.0.1:1"}, ejected))

    def test_a_server_that_drains(self) -> None:
        stats = ServerStats("api", Server("http://127.0.0.1:80"))
        stats.server.draining = True
        labels = {"backend": "api", "server": "127.0.0.1:80"}
        self.assertEqual(shown(server_families([stats], 0.0))["toron_server_draining"], [(labels, 1.0)])

    def test_discovery(self) -> None:
        stats = DiscoveryStats("api")
        stats.found, stats.failed, stats.servers, stats.stale = 3, 1, 2, True
        found = shown(discovery_families([stats]))
        self.assertEqual(
            found["toron_discovery_total"],
            [({"backend": "api", "result": "found"}, 3.0), ({"backend": "api", "result": "failed"}, 1.0)],
        )
        self.assertEqual(found["toron_discovery_servers"], [({"backend": "api"}, 2.0)])
        self.assertEqual(found["toron_discovery_stale"], [({"backend": "api"}, 1.0)])

    def test_only_servers_of_http_have_response_times(self) -> None:
        for url, has in (("http://a", 1), ("https://a", 1), ("tcp://a:1", 0), ("udp://a:1", 0)):
            found = shown(server_families([ServerStats("b", Server(url))], 0))
            self.assertEqual(len(found.get("toron_upstream_response_seconds_count", ())), has, url)

    def test_nothing_to_show_is_nothing(self) -> None:
        self.assertEqual(shown([*listener_families([]), *route_families([]), *server_families([], 0)]), {})
