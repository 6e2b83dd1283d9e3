"""What the admin port can ask of the gateway."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from tests.admin.case import ApiCase
from toron.admin.problem import Refused
from toron.admin.running import Running, Worker
from toron.core.wait import as_deferred
from toron.net.living import Found, Wanted


class Workers:
    """A fleet of one."""

    def workers(self) -> list[Worker]:
        return [Worker(1, 100, True, 5.0, 0.001, 2.0, 70 << 20)]

    async def connections(self, wanted: Wanted) -> Found:
        return Found(wanted.limit, [])


class Asking(ApiCase):
    def test_without_anything_that_controls_it(self) -> None:
        gateway = Running(
            self.reactor, lambda: 5.0, "1", self.gateway.metrics, self.readiness, self.composition
        )
        self.assertIs(gateway.serving, self.composition)
        refused = self.assertRaises(Refused, lambda: gateway.configuring)
        self.assertEqual(refused.details.status, 501)

    def test_what_serves_after_a_reload(self) -> None:
        self.assertIs(self.gateway.serving, self.composition)
        self.assertIsNone(self.gateway.composed, "nothing else holds what may be replaced")
        self.ask("POST /reload")
        self.assertIsNot(self.gateway.serving, self.composition)

    def test_workers_know_what_lives(self) -> None:
        self.gateway.fleet = Workers()
        self.assertEqual(self.ask("GET /connections?limit=7").body, {"total": 7, "connections": []})
        (worker,) = self.ask("GET /status").body["workers"]
        self.assertEqual((worker["number"], worker["pid"], worker["ready"]), (1, 100, True))

    def test_numbers_are_brought_up_to_date_first(self) -> None:
        fresh: Deferred[None] = Deferred()
        self.gateway.metrics.refresh = lambda: fresh
        done = as_deferred(self.gateway.refresh())
        self.assertNoResult(done)
        fresh.callback(None)
        self.successResultOf(done)
