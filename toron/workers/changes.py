"""Waits until all workers are ready for a change, or one of them is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from toron.core.wait import Wait
from toron.workers.messages import Drop, Prepared
from toron.workers.process import WorkerProcess

PATIENCE = 30.0
"""Seconds that a worker may take to get ready."""


class Changes:
    """One change at a time; each has a number."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.number = 0
        """Of the last change that was begun."""
        self._told: list[WorkerProcess] = []
        self._missing: set[WorkerProcess] = set()
        """Those that have not answered."""
        self._ready: Wait[None] | None = None

    @property
    def pending(self) -> bool:
        """Whether somebody has to answer yet."""
        return self._ready is not None

    async def begin(self, told: Sequence[WorkerProcess]) -> None:
        """Wait for the answers of those that were told; raises OSError with what the first one says is wrong.

        Then all of them are told that nothing comes of it. Who is gone meanwhile is not waited for.
        """
        self.number += 1
        self._told, self._missing = [*told], {*told}
        if not told:
            return
        ready = self._ready = Wait()
        late = self._reactor.callLater(PATIENCE, self._late)
        try:
            await ready
        except BaseException:
            for worker in self._told:
                worker.tell(Drop(self.number))
            raise
        finally:
            self._ready = None
            if late.active():
                late.cancel()

    def prepared(self, worker: WorkerProcess, message: Prepared) -> None:
        """A worker has answered."""
        if message.number != self.number or worker not in self._missing:
            return
        if message.why:
            self._fail(f"worker {worker.number}: {message.why}")
        else:
            self.gone(worker)

    def gone(self, worker: WorkerProcess) -> None:
        """Nothing more has to come from it."""
        self._missing.discard(worker)
        if not self._missing and self._ready is not None:
            self._ready.fire(None)

    def _late(self) -> None:
        numbers = " and ".join(sorted(str(worker.number) for worker in self._missing))
        self._fail(f"worker {numbers} did not get ready within {PATIENCE:g} s")

    def _fail(self, why: str) -> None:
        if self._ready is not None and self._missing:
            self._missing.clear()
            self._ready.fail(OSError(why))
