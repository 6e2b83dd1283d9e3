"""Asks all workers what they remember of requests, for the admin API."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from msgspec.json import decode

from toron.observe.recent import Wanted
from toron.workers.messages import Recall, Recalled
from toron.workers.process import WorkerProcess
from toron.workers.questions import Questions


class Recalling:
    """The memory of all workers: each has its own."""

    def __init__(self, reactor: Any, workers: Collection[WorkerProcess]) -> None:
        self._questions: Questions[Any] = Questions(reactor, workers)

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
        return await self._questions.ask(lambda number: Recall(number, wanted))

    def recalled(self, worker: WorkerProcess, message: Recalled) -> None:
        """A worker answers."""
        self._questions.answer(worker, message.number, decode(message.data))

    def leave(self, worker: WorkerProcess) -> None:
        """It is gone, and will not answer."""
        self._questions.leave(worker)
