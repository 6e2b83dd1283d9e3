"""Asks all workers what lives in them, for the admin API."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from toron.admin.running import Worker
from toron.net.living import MOST, Found, Wanted
from toron.workers.messages import Lives, Look
from toron.workers.process import WorkerProcess
from toron.workers.questions import Questions


class Asking:
    """The workers, as the admin port sees them."""

    def __init__(self, reactor: Any, workers: Collection[WorkerProcess]) -> None:
        self._reactor = reactor
        self._workers = workers
        self._questions: Questions[Found] = Questions(reactor, workers)

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
        answers = await self._questions.ask(lambda number: Look(number, wanted))
        found = Found(0, [])
        for each in answers:
            found.total += each.total
            found.connections += each.connections
            found.tallies += each.tallies
        found.connections.sort(key=lambda each: each.since)
        del found.connections[max(0, min(wanted.limit, MOST)) :]
        return found

    def lives(self, worker: WorkerProcess, message: Lives) -> None:
        """A worker answers."""
        self._questions.answer(worker, message.number, message.found)

    def leave(self, worker: WorkerProcess) -> None:
        """It is gone, and will not answer."""
        self._questions.leave(worker)
