"""What was counted, for those who look at how it grows."""

from __future__ import annotations

from tests.admin.case import CLOCK, ApiCase
from toron.observe.stats import BOUNDS


class Traffic(ApiCase):
    def test_routes_and_servers(self) -> None:
        metrics = self.gateway.metrics
        for status, seconds in ((200, 0.002), (502, 0.3)):
            metrics.route("api").answered("web", status, seconds)
        server = self.composition.groups[0].backend.servers[0]
        server.in_flight = 2
        counted = metrics.server("api", server)
        counted.answered(200, 0.01)
        counted.answered(503, 0.01)
        counted.fail("upstream_reset")
        metrics.listener("web").opened()
        found = self.ask("GET /traffic").body
        self.assertEqual((found["time"], found["connections"], found["bounds"]), (CLOCK, 1, list(BOUNDS)))
        route = next(each for each in found["routes"] if each["name"] == "api")
        self.assertEqual((route["requests"], route["errors"], sum(route["buckets"])), (2, 1, 2))
        told = next(each for each in found["servers"] if each["name"] == "127.0.0.1:1")
        self.assertEqual(
            (told["backend"], told["requests"], told["errors"], told["active"]), ("api", 2, 2, 2)
        )
