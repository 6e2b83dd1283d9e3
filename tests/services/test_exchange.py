"""An exchange tells the backend how its server did, exactly once."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.services.upstreams import Upstreams
from toron.core.backend import Lease
from toron.core.refusal import (
    BODY_TIMEOUT,
    CLIENT_GONE,
    UPSTREAM_CLOSED,
    UPSTREAM_IDLE,
    Reason,
    Refusal,
    UpstreamFailed,
)
from toron.net.http1_client import UpstreamConnection
from toron.services._exchange import Exchange


class Exchanges(SynchronousTestCase):
    """Three failures in a row eject the server."""

    def setUp(self) -> None:
        self.up = Upstreams(self, 2, failures=3)
        self.server = self.up.servers[0]
        self.connection = UpstreamConnection(self.server, self.up.world.sweep, 1.0)

    def exchange(self) -> Exchange:
        stats = self.up.server_stats[self.server]
        exchange = Exchange(self.up.backend, Lease(self.server), stats, self.up.world.sweep, None)
        exchange.connection = self.connection
        return exchange

    def done(self, status: int, error: Refusal | None = None) -> int:
        """The failures in a row after an exchange that ended so."""
        exchange = self.exchange()
        if status:
            exchange.answered(status)
        exchange.over(error)
        self.assertEqual(self.server.in_flight, 0)
        return self.server.failures

    def failed(self, reason: Reason, ours: bool = False) -> UpstreamFailed:
        return UpstreamFailed(reason, ours=ours)

    def test_failures_in_a_row(self) -> None:
        self.assertEqual(self.done(0, self.failed(UPSTREAM_CLOSED)), 1)
        self.assertEqual(self.done(500), 2)
        self.assertEqual(self.done(404), 0, "an answer is a success")

    def test_an_answer_that_breaks_off_is_no_success(self) -> None:
        for count in (1, 2):
            self.assertEqual(self.done(200, self.failed(UPSTREAM_IDLE)), count)
        self.done(200, self.failed(UPSTREAM_IDLE))
        self.assertGreater(self.server.eject_until, 0)

    def test_over_before_the_head_was_told_of(self) -> None:
        self.done(0, self.failed(UPSTREAM_CLOSED))
        exchange = self.exchange()
        exchange.over(None)
        self.assertEqual(self.server.failures, 1)
        exchange.answered(200)
        self.assertEqual(self.server.failures, 0)

    def test_what_is_not_the_servers_fault(self) -> None:
        self.assertEqual(self.done(0, Refusal(BODY_TIMEOUT)), 0)
        self.assertEqual(self.done(0, self.failed(CLIENT_GONE, ours=True)), 0)
        self.connection.used = True
        self.assertEqual(self.done(0, self.failed(UPSTREAM_CLOSED)), 0, "stale")
        self.assertEqual(self.done(0, self.failed(UPSTREAM_IDLE)), 1)

    def test_no_connection_to_be_had(self) -> None:
        stats = self.up.server_stats[self.server]
        exchange = Exchange(self.up.backend, Lease(self.server), stats, self.up.world.sweep, None)
        error = self.failed(UPSTREAM_CLOSED)
        self.assertFalse(exchange.is_stale(error))
        exchange.never_began(error)
        self.assertEqual((self.server.in_flight, stats.failures), (0, {"upstream_closed": 1}))

    def test_not_wanted_any_more(self) -> None:
        stats = self.up.server_stats[self.server]
        Exchange(self.up.backend, Lease(self.server), stats, self.up.world.sweep, None).cancel()
        self.assertEqual(self.server.in_flight, 0)
