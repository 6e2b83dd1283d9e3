"""A TCP listener sends each connection where its client's address leads."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.net.http_fakes import outcome
from toron.core.connection_routing import ConnectionPattern, ConnectionRouter
from toron.core.networks import Networks
from toron.core.refusal import Refusal
from toron.listeners.tcp import serve_tcp
from toron.net.connection import Connection


class Routing(SynchronousTestCase):
    """Two routes."""

    def test_by_address(self) -> None:
        served: list[tuple[str, str]] = []

        def to(name: str) -> Any:
            async def serve(connection: Connection) -> None:
                served.append((name, connection.client_ip))

            return serve

        serve = serve_tcp(
            ConnectionRouter(
                [
                    (ConnectionPattern(networks=Networks(["192.0.2.0/24"])), to("near")),
                    (ConnectionPattern(networks=Networks(["198.51.100.0/24"])), to("far")),
                ]
            )
        )
        for ip in ("192.0.2.1", "198.51.100.1"):
            connection = Connection(Clock(), "l4", None, ("127.0.0.1", 1), ("127.0.0.1", 2))
            connection.client_ip = ip  # as after a PROXY header
            self.assertEqual(outcome(serve(connection)), [None])
        self.assertEqual(served, [("near", "192.0.2.1"), ("far", "198.51.100.1")])
        (refusal,) = outcome(serve(Connection(Clock(), "l4", None, ("127.0.0.1", 1), ("127.0.0.1", 2))))
        assert isinstance(refusal, Refusal)
        self.assertEqual(refusal.reason.word, "no_route")
