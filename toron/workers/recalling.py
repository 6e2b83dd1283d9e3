"""Asks all workers what they remember of requests, for the admin API."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from msgspec.json import decode
from twisted.internet.defer import Deferred

from toron.observe.recent import Wanted
from toron.workers.messages import Recall, Recalled
from toron.workers.process import WorkerProcess

SECONDS = 2.0
"""How long a worker is waited for; one that does not answer is left out."""


class Recalling:
    """The memory of all workers: each has its own."""

    def __init__(self, reactor: Any, workers: Collection[WorkerProcess]) -> None:
        self._reactor = reactor
        self._workers = workers
        self._number = 0
        self._waiting: dict[int, _Question] = {}

    async def lines(self, wanted: Wanted) -> list[dict[str, Any]]:
        """The access lines of what is as wanted, the newest first."""
        found = [line for answer in await self._ask(wanted) for line in answer]
        found.sort(key=lambda line: str(line["time"]), reverse=True)
        return found[: wanted.most]

    async def record(self, id: str) -> dict[str, Any] | None:
        """The decision record of one request; None where no worker remembers it."""
        answers: list[dict[str, Any] | None] = await self._ask(Wanted(id=id, most=1))
        return next((answer for answer in answers if answer is not None), None)

    async def _ask(self, wanted: Wanted) -> list[Any]:
        asked = {each for each in self._workers if each.ready}
        if not asked:
            return []
        self._number += 1
        number = self._number
        question = self._waiting[number] = _Question(asked)
        for each in asked:
            each.tell(Recall(number, wanted))
        late = self._reactor.callLater(SECONDS, question.over)
        await question.answered
        del self._waiting[number]
        if late.active():
            late.cancel()
        return question.found

    def recalled(self, worker: WorkerProcess, message: Recalled) -> None:
        """A worker answers."""
        question = self._waiting.get(message.number)
        if question is not None:
            question.answer(worker, decode(message.data))

    def leave(self, worker: WorkerProcess) -> None:
        """It is gone, and will not answer."""
        for question in list(self._waiting.values()):
            question.miss(worker)


class _Question:
    """One question, until all have answered or it is too late for the rest."""

    def __init__(self, asked: set[WorkerProcess]) -> None:
        self.found: list[Any] = []
        self.answered: Deferred[None] = Deferred()
        self._left = asked

    def answer(self, worker: WorkerProcess, found: Any) -> None:
        if worker in self._left:
            self.found.append(found)
            self.miss(worker)

    def miss(self, worker: WorkerProcess) -> None:
        """Wait no longer for this one."""
        self._left.discard(worker)
        if not self._left:
            self.over()

    def over(self) -> None:
        """Wait for nobody any more."""
        self._left = set()
        if not self.answered.called:
            self.answered.callback(None)
