"""Asks all workers what lives in them, for the admin API."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from twisted.internet.defer import Deferred

from toron.admin.running import Worker
from toron.net.living import MOST, Found, Wanted
from toron.workers.messages import Lives, Look
from toron.workers.process import WorkerProcess

SECONDS = 2.0
"""How long a worker is waited for; one that does not answer is left out."""


class Asking:
    """The workers, as the admin port sees them."""

    def __init__(self, reactor: Any, workers: Collection[WorkerProcess]) -> None:
        self._reactor = reactor
        self._workers = workers
        self._number = 0
        self._waiting: dict[int, _Question] = {}

    def workers(self) -> list[Worker]:
        """All that live."""
        now = self._reactor.seconds()
        return [
            Worker(
                each.number, each.pid, each.ready, round(now - each.started, 3), each.lag, each.cpu,
                each.resident,
            )
            for each in self._workers
        ]  # fmt: skip

    async def connections(self, wanted: Wanted) -> Found:
        """What lives in all of them."""
        asked = {each for each in self._workers if each.ready}
        if not asked:
            return Found(0, [])
        self._number += 1
        number = self._number
        question = self._waiting[number] = _Question(asked)
        for each in asked:
            each.tell(Look(number, wanted))
        late = self._reactor.callLater(SECONDS, question.over)
        await question.answered
        del self._waiting[number]
        if late.active():
            late.cancel()
        connections = sorted(question.found.connections, key=lambda each: each.since)
        first = connections[: max(0, min(wanted.limit, MOST))]
        return Found(question.found.total, first, question.found.tallies)

    def lives(self, worker: WorkerProcess, message: Lives) -> None:
        """A worker answers."""
        question = self._waiting.get(message.number)
        if question is not None:
            question.answer(worker, message.found)

    def leave(self, worker: WorkerProcess) -> None:
        """It is gone, and will not answer."""
        for question in list(self._waiting.values()):
            question.answer(worker, Found(0, []))


class _Question:
    """One question, until all have answered or it is too late for the rest."""

    def __init__(self, asked: set[WorkerProcess]) -> None:
        self.found = Found(0, [])
        self.answered: Deferred[None] = Deferred()
        self._left = asked

    def answer(self, worker: WorkerProcess, found: Found) -> None:
        if worker not in self._left:
            return
        self._left.discard(worker)
        self.found.total += found.total
        self.found.connections += found.connections
        self.found.tallies += found.tallies
        if not self._left:
            self.over()

    def over(self) -> None:
        """Wait for nobody any more."""
        self._left = set()
        if not self.answered.called:
            self.answered.callback(None)
