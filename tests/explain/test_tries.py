"""Which servers were asked, and why the others were passed over, in words."""

from __future__ import annotations

from typing import Any

from tests.explain.case import ExplainCase
from tests.observe.test_recent import line
from toron.compose import rehearse
from toron.core.trail import Trail
from toron.explain.record import BackendStep
from toron.explain.tries import UNKNOWN, backend_of

TEXT = """
listeners: [{protocol: http, port: 80}]
routes: [{backend: api}]
backends:
  api:
    url: http://10.0.0.1:1
    servers:
      - http://10.0.0.1:2
      - {url: "http://10.0.0.1:3", backup: true}
"""


class Tries(ExplainCase):
    def setUp(self) -> None:
        super().setUp()
        self.known = self.loaded(TEXT)
        self.rehearsed = rehearse(self.known)
        self.backend = self.rehearsed.backend("api", "routes", 0, "backend")
        self.trail = Trail()

    def told(self, trail: Trail | None, **more: Any) -> BackendStep:
        path = ("routes", 0, "backend")
        return backend_of(self.known, self.rehearsed, "api", path, trail, line(**more))

    def test_one_after_the_other(self) -> None:
        one, two, _ = self.backend.servers
        self.trail.pick(self.backend, one, (), 0.0, 0.001)
        self.trail.failed("upstream_reset", "so", 0.0025)
        self.trail.pick(self.backend, two, (one,), 0.0, 0.003)
        self.trail.answered(200, 0.5)
        step = self.told(self.trail)
        self.assertEqual((step.name, self.short(step.place), step.balancer), ("api", "4:3", "round-robin"))
        first, second = step.tries
        self.assertEqual((first.server, self.short(first.place)), ("10.0.0.1:1", "5:5"))
        self.assertEqual((first.outcome, first.reason, first.detail), ("failed", "upstream_reset", "so"))
        self.assertEqual((first.began_ms, first.ended_ms), (1.0, 2.5))
        self.assertEqual((second.outcome, second.status, second.ended_ms), ("answered", 200, 500.0))
        self.assertEqual([first.why, second.why], ["round-robin picks it", "the only one that can be asked"])
        self.assertEqual(
            [(other.name, self.short(other.place), other.why) for other in second.others],
            [
                ("10.0.0.1:1", "5:5", "was tried already"),
                ("10.0.0.1:3", "8:9", "a backup, asked only while no other server can be"),
            ],
        )

    def test_nobody_was_left(self) -> None:
        for server in self.backend.servers:
            self.backend.drain(server, True)
        self.trail.pick(self.backend, None, (), 0.0, None)
        (one,) = self.told(self.trail).tries
        self.assertEqual((one.server, one.outcome, one.why), (None, "unanswered", "nobody can be asked"))
        self.assertEqual({other.why for other in one.others}, {"it drains: nobody new is led to it"})

    def test_who_is_bound_and_who_is_asked_again(self) -> None:
        one = self.backend.servers[0]
        for by in ("cookie", "again"):
            self.trail.pick(self.backend, one, (), 0.0, 0.0, by)
        why = [each.why for each in self.told(self.trail).tries]
        self.assertEqual(why, ["the client's cookie names it", "the same once more"])

    def test_what_was_not_written_down(self) -> None:
        step = self.told(None, server="10.0.0.1:2")
        self.assertEqual((step.tries, step.note), ([], UNKNOWN))
        (server,) = step.servers
        self.assertEqual((server.name, self.short(server.place)), ("10.0.0.1:2", "7:9"))
        self.assertEqual(self.told(None).servers, [])
