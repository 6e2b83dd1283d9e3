"""Adds up what workers count, and shows it with how they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client.core import Metric
from twisted.internet.defer import Deferred, succeed

from toron.observe.deltas import Sum
from toron.observe.families import counter, gauge
from toron.observe.metrics import Metrics
from toron.workers.messages import Counted, Report
from toron.workers.process import WorkerProcess

FRESH = 0.5
"""Seconds a page of metrics waits at most for what workers have counted."""


class Tally:
    """The sums over all workers, in the metrics of the parent."""

    def __init__(self, reactor: Any, metrics: Metrics) -> None:
        self.restarts = 0
        """Workers that were replaced."""
        self._reactor = reactor
        self._metrics = metrics
        self._sums: dict[WorkerProcess, Sum] = {}
        self._report = 0
        self._asked: set[WorkerProcess] = set()
        self._fresh: Deferred[None] | None = None
        metrics.refresh = self.refresh
        metrics.more.append(self.families)

    def join(self, worker: WorkerProcess) -> None:
        """One more counts."""
        self._sums[worker] = Sum(self._metrics)

    def leave(self, worker: WorkerProcess) -> None:
        """It is gone: what it counted stays, what it held does not."""
        self._sums.pop(worker).forget()
        self._answered(worker)
        self._note_lag()

    def counted(self, worker: WorkerProcess, message: Counted) -> None:
        """A worker says what it has counted since the last time."""
        self._sums[worker].add(message.grown)
        self._metrics.dropped_by_workers += message.dropped - worker.dropped
        worker.dropped = message.dropped
        worker.lag, worker.cpu, worker.resident = message.lag, message.cpu, message.resident
        self._note_lag()
        if message.number == self._report:
            self._answered(worker)

    def _note_lag(self) -> None:
        self._metrics.worker_lag = max((worker.lag for worker in self._sums), default=0.0)

    def refresh(self) -> Deferred[None]:
        """Fires when workers have said what they have counted until now, or after half a second."""
        answered: Deferred[None] = Deferred()
        if self._fresh is None:
            self._asked = {worker for worker in self._sums if worker.ready}
            if not self._asked:
                return succeed(None)
            self._report += 1
            for worker in self._asked:
                worker.tell(Report(self._report))
            self._fresh = Deferred()
            late = self._reactor.callLater(FRESH, self._answer)
            self._fresh.addCallback(lambda _: late.cancel() if late.active() else None)
        self._fresh.addCallback(lambda _: answered.callback(None))
        return answered

    def _answered(self, worker: WorkerProcess) -> None:
        self._asked.discard(worker)
        if not self._asked:
            self._answer()

    def _answer(self) -> None:
        fresh, self._fresh = self._fresh, None
        self._asked = set()
        if fresh is not None:
            fresh.callback(None)

    def families(self) -> Iterator[Metric]:
        """What there is to say of the workers themselves; any thread may ask."""
        ready = [worker for worker in list(self._sums) if worker.ready]
        yield gauge("toron_workers", "Workers that serve.", [], [((), len(ready))])
        yield counter("toron_worker_restarts", "Workers that were replaced.", [], [((), self.restarts)])
        # Of two with one number the first one drains.
        latest = {(str(worker.number),): worker for worker in ready}
        for name, attribute, text in (
            ("toron_worker_event_loop_lag_seconds", "lag", "How late the worker's event loop was."),
            ("toron_worker_cpu_seconds", "cpu", "CPU time of the process that is this worker now."),
            ("toron_worker_resident_memory_bytes", "resident", "Memory of the worker."),
        ):
            yield gauge(
                name, text, ["worker"], [(labels, getattr(w, attribute)) for labels, w in latest.items()]
            )
