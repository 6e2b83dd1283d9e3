"""Tells each worker what is answered to ACME directories, which ask whichever of them they come to."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from toron.acme.http_01 import Answers
from toron.workers.messages import Answering
from toron.workers.process import WorkerProcess


class Proofs:
    """The answers of the parent, and who has to hear of them: all of `workers`."""

    def __init__(self, answers: Answers, workers: Collection[WorkerProcess]) -> None:
        self._answers = answers
        self._workers = workers
        answers.changed.append(self._tell)

    def known(self) -> Iterator[Answering]:
        """What a new worker has to know."""
        if self._answers.texts:
            yield Answering(dict(self._answers.texts))

    def _tell(self) -> None:
        message = Answering(dict(self._answers.texts))
        for worker in self._workers:
            worker.tell(message)
