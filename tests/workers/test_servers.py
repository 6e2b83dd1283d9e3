"""What one worker, or a check, finds out about a server all workers hear."""

from __future__ import annotations

from typing import Any

from tests.workers.case import ONE, TWO, SupervisorCase
from toron.core.server import Server
from toron.workers.messages import Drained, Ejected, Health, Published, Suspected


class Servers(SupervisorCase):
    def setUp(self) -> None:
        super().setUp()
        self.processes = self.start(0, 1)
        self.backend = self.part.backends["api"]
        self.now = self.reactor.seconds()

    def heard(self) -> list[list[Any]]:
        return [process.heard() for process in self.processes]

    def test_what_checks_find(self) -> None:
        _, check = self.part.checks[1]
        check.tell(self.backend.servers[1], False, "no answer")
        message = Health("api", TWO, False, "no answer")
        self.assertEqual(self.heard(), [[message], [message]])
        self.assertFalse(self.backend.servers[1].healthy)
        self.assertIn("server api/127.0.0.1:2 is down: no answer", self.said)
        self.processes[0].dies()
        self.reactor.advance(1)
        begin = self.processes[2].heard()[0]
        self.assertEqual([message.healthy for message in begin.servers], [True, False])

    def test_an_ejection(self) -> None:
        message = Ejected("api", ONE, self.now + 30, 1, "upstream_reset")
        self.processes[1].says(message)
        self.assertEqual(self.heard(), [[message], []])
        self.assertEqual(self.backend.servers[0].eject_until, self.now + 30)
        self.assertIn("server api/127.0.0.1:1 is down: upstream_reset", self.said)
        self.processes[0].dies()
        self.reactor.advance(1)
        begin = self.processes[2].heard()[0]
        self.assertIn(Ejected("api", ONE, self.now + 30, 1, "ejected before"), begin.servers)
        self.reactor.advance(29)
        self.assertNotIn("server api/127.0.0.1:1 is up: ejection over", self.said)
        self.reactor.advance(1)
        self.assertIn("server api/127.0.0.1:1 is up: ejection over", self.said)

    def test_draining(self) -> None:
        self.backend.drain(self.backend.servers[0], True)
        self.assertEqual(self.heard(), [[Drained("api", ONE, True)]] * 2)
        self.processes[0].dies()
        self.reactor.advance(1)
        self.assertIn(Drained("api", ONE, True), self.processes[2].heard()[0].servers)
        self.backend.drain(self.backend.servers[0], False)
        self.assertIn(Drained("api", ONE, False), self.processes[1].heard())

    def test_a_set(self) -> None:
        self.part.discovered.add("api")
        self.backend.publish([Server(TWO), Server("http://127.0.0.1:3", 5, 1)])
        message = Published("api", [(TWO, 1, 0, "127.0.0.1"), ("http://127.0.0.1:3", 5, 1, "127.0.0.1")])
        self.assertEqual(self.heard(), [[message], [message]])
        self.backend.publish([Server(TWO), Server("http://127.0.0.1:3", 5, 1)])
        self.assertEqual(self.heard(), [[], []])
        self.processes[0].says(
            Suspected("api", ONE, self.now + 10), Ejected("api", ONE, self.now + 9, 1, "x")
        )
        self.assertEqual([server.suspect_until for server in self.backend.servers], [0, 0])
        self.processes[0].dies()
        self.reactor.advance(1)
        begin = self.processes[2].heard()[0]
        self.assertEqual(begin.servers[0], message, "before anything is said of one of them")

    def test_a_suspicion(self) -> None:
        message = Suspected("api", TWO, self.now + 10)
        self.processes[0].says(message)
        self.assertEqual(self.heard(), [[], [message]])
        self.processes[1].dies()
        self.reactor.advance(1)
        self.assertIn(message, self.processes[2].heard()[0].servers)

    def test_both_eject_the_same(self) -> None:
        for process in self.processes:
            process.says(Ejected("api", ONE, self.now + 30, 1, "upstream_reset"))
        self.assertEqual(self.said.count("server api/127.0.0.1:1 is down: upstream_reset"), 1)

    def test_no_more_than_may_be_out(self) -> None:
        self.processes[0].says(Ejected("api", ONE, self.now + 30, 1, "upstream_reset"))
        self.heard()
        self.processes[1].says(Ejected("api", TWO, self.now + 30, 1, "upstream_reset"))
        self.assertEqual(self.heard(), [[], [Ejected("api", TWO, 0.0, 0, "too many are ejected")]])
        self.assertEqual(self.backend.servers[1].eject_until, 0.0)
