"""A parent in front of workers that the test plays."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.workers.fakes import FakeProcess, FakeReactor
from toron import plugin
from toron.config.load import load
from toron.workers.messages import Ready
from toron.workers.place import supervise
from toron.workers.supervisor import Supervisor

CONFIG = """
listeners:
  - {name: web, protocol: http, address: 127.0.0.1, port: 0, guards: [{connections: {total: 2}}]}
  - {name: dns, protocol: udp, address: 127.0.0.1, port: 0, echo: {}}
routes:
  - {match: {path: /}, middlewares: [{rate-limit: {rate: 1/s}}], backend: api}
backends:
  api:
    servers: ["http://127.0.0.1:1", "http://127.0.0.1:2"]
    health: {path: /}
    passive_health: {failures: 2, base: 30s, max_ejected: 50%}
    sticky: {}
drain: {limit: 7s}
access_log: access.log
workers: 2
"""


ONE, TWO = "http://127.0.0.1:1", "http://127.0.0.1:2"
"""The servers of `api`, in these tests and in those of a worker."""


class SupervisorCase(SynchronousTestCase):
    def setUp(self) -> None:
        folder = self.folder = Path(self.mktemp())
        folder.mkdir()
        path = folder / "a.yaml"
        path.write_text(CONFIG)
        self.reactor = FakeReactor()
        self.failures: list[str] = []
        self.said: list[str] = []
        globalLogPublisher.addObserver(self.note)
        self.addCleanup(globalLogPublisher.removeObserver, self.note)
        self.place = supervise(
            load(str(path), plugin, {}), 2, self.reactor, random.Random(1), lambda: 1.8e9, self.fail,
            self.failures.append,
        )  # fmt: skip
        self.gateway = self.place.root
        self.supervisor = next(each for each in self.gateway if isinstance(each, Supervisor))
        self.part = self.supervisor._part
        self.addCleanup(self.close)
        for doors in self.part.doors:
            doors.bind()

    def close(self) -> None:
        for doors in self.part.doors:
            doors.stop_accepting()

    def note(self, event: Any) -> None:
        self.said.append(formatEvent(event))

    def start(self, *ready: int) -> list[FakeProcess]:
        """Starts the workers; those at these places are ready."""
        self.reactor.advance(100)
        self.supervisor.startService()
        for place in ready:
            self.reactor.processes[place].says(Ready())
        for process in self.reactor.processes:
            if process.channel.transport.value():
                process.begin = process.heard()[0]  # type: ignore[attr-defined]
        return self.reactor.processes

    def samples(self) -> dict[str, float]:
        """The supervisor's own metrics."""
        found = [sample for family in self.supervisor._tally.families() for sample in family.samples]
        return {s.name + "".join(s.labels.values()): s.value for s in found}
