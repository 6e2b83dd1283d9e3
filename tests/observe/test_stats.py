"""Tests of what the data path counts in."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.core.server import Server
from toron.observe.stats import BOUNDS, WORDS, Durations, ListenerStats, RouteStats, ServerStats, bump


def filled(stats: Durations) -> dict[float, int]:
    """The buckets that are not empty, by their bound."""
    return {bound: n for bound, n in zip((*BOUNDS, float("inf")), stats.buckets, strict=True) if n}


class StatsTests(SynchronousTestCase):
    """Counting."""

    def test_a_route_counts_by_listener_and_status(self) -> None:
        stats = RouteStats("shop")
        for listener, status in (("web", 200), ("web", 200), ("web", 404), ("internal", 200)):
            stats.answered(listener, status, 0.02)
        self.assertEqual(stats.requests, {("web", 200): 2, ("web", 404): 1, ("internal", 200): 1})
        self.assertEqual(filled(stats), {0.025: 4})
        self.assertAlmostEqual(stats.seconds, 0.08)

    def test_a_bound_belongs_to_its_bucket(self) -> None:
        stats = RouteStats("shop")
        for seconds in (0.0, 0.001, 0.0011, 60.0, 60.1):
            stats.answered("web", 200, seconds)
        self.assertEqual(filled(stats), {0.001: 2, 0.0025: 1, 60.0: 1, float("inf"): 1})

    def test_a_server_counts_answers_and_failures(self) -> None:
        stats = ServerStats("api", Server("http://127.0.0.1:80"))
        stats.answered(200, 0.5)
        stats.answered(503, 0.6)
        stats.answered(503, 0.6)
        stats.fail("upstream_reset")
        self.assertEqual(stats.requests, {200: 1, 503: 2})
        self.assertEqual(filled(stats), {0.5: 1, 1.0: 2})
        self.assertEqual(stats.failures, {"upstream_reset": 1})

    def test_a_listener_counts_words(self) -> None:
        stats = ListenerStats("web")
        stats.refuse("bad_host")
        stats.refuse("bad_host")
        stats.handshake("TLSv1.3")
        self.assertEqual((stats.refused, stats.handshakes), ({"bad_host": 2}, {"TLSv1.3": 1}))

    def test_words_are_bounded(self) -> None:
        counts: dict[str, int] = {}
        for n in range(WORDS + 50):
            bump(counts, f"word-{n}")
        bump(counts, "word-0")
        self.assertEqual((len(counts), counts["word-0"], counts["other"]), (WORDS + 1, 2, 50))
