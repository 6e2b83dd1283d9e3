"""Asks all workers something, and waits for their answers, for none of them too long."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Generic, TypeVar

from toron.core.wait import Wait
from toron.workers.process import WorkerProcess

T = TypeVar("T")

SECONDS = 2.0
"""How long a worker is waited for; one that does not answer is left out."""


class Questions(Generic[T]):
    """Those of one kind; each has a number, which its answers have, too."""

    def __init__(self, reactor: Any, workers: Collection[WorkerProcess]) -> None:
        self._reactor = reactor
        self._workers = workers
        self._number = 0
        self._waiting: dict[int, _Question[T]] = {}

    async def ask(self, message: Callable[[int], Any]) -> list[T]:
        """The answers of all that serve and answer in time, to what `message` makes of the number."""
        asked = {each for each in self._workers if each.ready}
        if not asked:
            return []
        self._number += 1
        number = self._number
        question = self._waiting[number] = _Question(asked)
        for each in asked:
            each.tell(message(number))
        late = self._reactor.callLater(SECONDS, question.over)
        await question.answered
        del self._waiting[number]
        if late.active():
            late.cancel()
        return question.found

    def answer(self, worker: WorkerProcess, number: int, found: T) -> None:
        """A worker answers the question of that number."""
        question = self._waiting.get(number)
        if question is not None and worker in question.left:
            question.found.append(found)
            question.miss(worker)

    def leave(self, worker: WorkerProcess) -> None:
        """It is gone, and will not answer."""
        for question in list(self._waiting.values()):
            question.miss(worker)


class _Question(Generic[T]):
    """One question, until all have answered or it is too late for the rest."""

    def __init__(self, asked: set[WorkerProcess]) -> None:
        self.found: list[T] = []
        self.answered: Wait[None] = Wait()
        self.left = asked
        """Who has not answered."""
        self._over = False

    def miss(self, worker: WorkerProcess) -> None:
        """Wait no longer for this one."""
        self.left.discard(worker)
        if not self.left:
            self.over()

    def over(self) -> None:
        """Wait for nobody any more."""
        self.left = set()
        if not self._over:
            self._over = True
            self.answered.fire(None)
