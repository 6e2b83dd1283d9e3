"""Keeps workers running, and tells each of them what it has to know of the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger, LogLevel

from toron.compose import Part
from toron.net.doors import Doors
from toron.workers.asking import Asking
from toron.workers.changes import Changes
from toron.workers.messages import (
    Answering,
    Begin,
    Certified,
    Change,
    Counted,
    Ejected,
    Failed,
    FromWorker,
    Hurry,
    Leaving,
    Lines,
    Lives,
    Prepared,
    Ready,
    Recalled,
    Said,
    Serve,
    Stop,
    Suspected,
    Swap,
)
from toron.workers.packing import Packed
from toron.workers.process import CONTROL, WorkerProcess
from toron.workers.proofs import Proofs
from toron.workers.recalling import Recalling
from toron.workers.servers import Servers
from toron.workers.sources import Sources
from toron.workers.tally import Tally

QUICK = 5.0
"""Seconds a worker has to live, or its successor's successor is not started at once."""

DELAYS = (0.1, 10.0)
"""Seconds until it is: at first, doubled each time, at most."""

GRACE = 5.0
"""Seconds beyond the limit of a drain after which a worker is killed."""

NONE_LEFT = "no worker"


class _Slot:
    """A place for one worker, with sockets of its own."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.number = index + 1
        self.worker: WorkerProcess | None = None
        self.failures = 0
        """Workers in a row that did not live for long."""
        self.waiting: Any = None


class Supervisor(Service):
    """The parent's part in the service tree: started after everything was bound, stopped before the rest."""

    log = Logger(namespace="toron")

    def __init__(
        self,
        reactor: Any,
        part: Part,
        packed: Packed,
        count: int,
        failed: Callable[[str], None],
    ) -> None:
        self._reactor = reactor
        self._part = part
        self._failed = failed
        self._packed = packed
        self._seats = list(range(2 * count))
        self._slots = [_Slot(index) for index in range(count)]
        self._changes = Changes(reactor)
        self._workers: list[WorkerProcess] = []
        """All that live, those too that another has taken the place of."""
        self._tally = Tally(reactor, part.metrics)
        self._servers = Servers(reactor, part, self._workers)
        self.asking = Asking(reactor, self._workers)
        self._sources = Sources(part.sources, self._workers)
        self._proofs = Proofs(part.answers, self._workers)
        self.recalling = Recalling(reactor, self._workers)
        self._begun = False
        self._serving = False
        self._stopping = False
        self._hurried = False
        self._stopped: Deferred[None] | None = None
        self._killing: Any = None
        self._loggers: dict[str, Logger] = {}

    # --- life ---------------------------------------------------------------------------------

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        # Not before: when none can be started the reactor has to be stopped.
        self._reactor.callWhenRunning(self._start_all)

    def _start_all(self) -> None:
        for slot in self._slots:
            if not self._stopping:
                self._start(slot)

    def stopService(self) -> Deferred[None]:
        """Fires when no worker is left."""
        super().stopService()  # type: ignore[no-untyped-call]
        self.give_way()
        if not self._workers:
            return succeed(None)
        self._stopped = Deferred()
        root = self._part.root
        limit = root.linger if root.lingers else self._part.composition.config.drain.limit
        self._killing = self._reactor.callLater(limit + GRACE, self._kill)
        if self._hurried:
            self.hurry()
        return self._stopped

    def give_way(self) -> None:
        """Let nobody in any more, and let workers end when they have finished."""
        self._stopping = True
        for slot in self._slots:
            if slot.waiting is not None:
                slot.waiting.cancel()
                slot.waiting = None
        for worker in self._workers:
            if worker.ready:
                worker.tell(Stop(self._part.root.lingers))
            else:
                worker.kill()

    def hurry(self) -> None:
        """A stop that is under way ends now."""
        self._hurried = True
        if self._killing is not None:
            self._killing.reset(GRACE)
            for worker in self._workers:
                worker.tell(Hurry())

    def _kill(self) -> None:
        self._killing = None
        for worker in self._workers:
            self.log.error("worker {number} does not end: it is killed", number=worker.number)
            worker.kill()

    # --- another configuration ----------------------------------------------------------------

    async def prepare(self, packed: Packed, added: Mapping[str, Doors]) -> None:
        """Let every worker get ready for it, with sockets of its own; OSError says why one can not.

        `added` are the doors of what is new, by the listener's name.
        """
        self._told = [(slot, slot.worker) for slot in self._slots if slot.worker is not None]
        for slot, worker in self._told:
            sockets = [doors.sockets[slot.index].fileno() for doors in added.values()]
            change = Change(self._changes.number + 1, packed.data, [*added], len(packed.memories))
            worker.give(change, [*sockets, *packed.descriptors])
        await self._changes.begin([worker for _, worker in self._told])

    def swap(self, part: Part, packed: Packed) -> None:
        """Let them serve it; `packed` is all that workers need which come later."""
        self._part, self._packed = part, packed
        self._servers.switch(part)
        self._sources.switch(part.sources)
        known, certificates = list(self._servers.known()), self._certificates()
        for _, worker in self._told:
            worker.tell(Swap(self._changes.number, known, certificates))

    def _certificates(self) -> list[Certified | Answering]:
        """What a worker has to know of them."""
        return [*self._sources.known(), *self._proofs.known()]

    def reopen(self) -> None:
        """Open the access log anew, once workers have handed over what belongs into the old file."""
        self._tally.refresh().addCallback(lambda _: self._part.access_log.reopen())

    # --- workers come and go ------------------------------------------------------------------

    def _start(self, slot: _Slot) -> None:
        slot.waiting = None
        if not self._seats or self._changes.pending:
            # No seat is left only when one slot's worker is ended again and again while all of them still
            # drain; and in the midst of a change it is not known yet what the next one serves.
            slot.waiting = self._reactor.callLater(1.0, self._start, slot)
            return
        seat = self._seats.pop(0)
        worker = WorkerProcess(slot.number, seat, self._heard, self._printed, self._gone)
        sockets = {doors.listener: doors.sockets[slot.index].fileno() for doors in self._part.doors}
        given = [*sockets.values(), *self._packed.descriptors]
        numbers = list(range(CONTROL + 1, CONTROL + 1 + len(given)))
        begin = Begin(
            number=slot.number,
            seats=2 * len(self._slots),
            seat=seat,
            pickled=self._packed.data,
            sockets=dict(zip(sockets, numbers, strict=False)),
            memories=numbers[len(sockets) :],
            servers=list(self._servers.known()),
            certificates=self._certificates(),
            wait=self._part.root.permit is not None and not self._serving,
        )
        slot.worker = worker
        self._workers.append(worker)
        self._tally.join(worker)
        try:
            worker.start(self._reactor, begin, given)
        except OSError as error:
            worker.problem = f"worker {worker.number} can not be started: {error}"
            self._gone(worker, "was not started")
            return
        self.log.info("worker {number} has pid {pid}", number=slot.number, pid=worker.pid)

    def _gone(self, worker: WorkerProcess, how: str) -> None:
        self._workers.remove(worker)
        self._changes.gone(worker)
        self._tally.leave(worker)
        self.asking.leave(worker)
        self.recalling.leave(worker)
        for limits in self._part.limits:
            for counts in limits.shared:
                counts.vacate(worker.seat)
        self._seats.append(worker.seat)
        slot = self._slots[worker.number - 1]
        current = slot.worker is worker
        if current:
            slot.worker = None
        if self._stopping:
            self._count_down()
        elif not self._begun:
            self._stopping = True
            why = worker.problem or f"worker {worker.number} {how} before it was ready"
            self.log.critical("{why}", why=why)
            self._failed(why)
        elif current:
            self._again(slot, worker, how)
        else:
            self.log.info("worker {number} (pid {pid}) {how}", number=worker.number, pid=worker.pid, how=how)

    def _again(self, slot: _Slot, worker: WorkerProcess, how: str) -> None:
        if not any(other.ready for other in self._workers):
            self._part.readiness.hold(NONE_LEFT)
        first, most = DELAYS
        if self._reactor.seconds() - worker.started >= QUICK:
            slot.failures = 0
        delay = min(most, first * 2.0 ** (min(slot.failures, 60) - 1)) if slot.failures else 0.0
        slot.failures += 1
        self._tally.restarts += 1
        self.log.error(
            "worker {number} (pid {pid}) {how}{why}; starting another{when}",
            number=slot.number, pid=worker.pid, how=how,
            why=f": {worker.problem}" if worker.problem else "",
            when=f" in {delay:g} s" if delay else "",
        )  # fmt: skip
        if delay:
            slot.waiting = self._reactor.callLater(delay, self._start, slot)
        else:
            self._start(slot)

    def _count_down(self) -> None:
        if self._workers or self._stopped is None:
            return
        if self._killing is not None:
            self._killing.cancel()
            self._killing = None
        stopped, self._stopped = self._stopped, None
        stopped.callback(None)

    # --- what workers say ---------------------------------------------------------------------

    def _heard(self, worker: WorkerProcess, message: FromWorker) -> None:
        match message:
            case Lines():
                self._part.access_log.pass_on(message.data)
            case Counted():
                self._tally.counted(worker, message)
            case Said():
                self._said(worker, message)
            case Ejected():
                self._servers.ejected(worker, message)
            case Suspected():
                self._servers.suspected(worker, message)
            case Lives():
                self.asking.lives(worker, message)
            case Recalled():
                self.recalling.recalled(worker, message)
            case Ready():
                self._ready(worker)
            case Failed():
                worker.problem = message.why
            case Prepared():
                self._changes.prepared(worker, message)
            case Leaving():
                self._leaving(worker)

    def _ready(self, worker: WorkerProcess) -> None:
        worker.ready = True
        self._part.readiness.release(NONE_LEFT)
        if not self._begun and all(slot.worker is not None and slot.worker.ready for slot in self._slots):
            self._begun = True
            self._part.root.could_serve()

    def serve(self) -> None:
        """Another process has served until now: workers may begin."""
        self._serving = True
        for worker in self._workers:
            worker.tell(Serve())

    def _leaving(self, worker: WorkerProcess) -> None:
        slot = self._slots[worker.number - 1]
        if slot.worker is worker and self._begun and not self._stopping:
            self.log.warn(
                "worker {number} (pid {pid}) was asked to end; starting another",
                number=worker.number, pid=worker.pid,
            )  # fmt: skip
            self._tally.restarts += 1
            # Its end, which may come before another can be started, is no reason to start one more.
            slot.worker = None
            self._start(slot)

    def _said(self, worker: WorkerProcess, message: Said) -> None:
        logger = self._loggers.get(message.namespace)
        if logger is None:
            logger = self._loggers[message.namespace] = Logger(namespace=message.namespace)
        level = LogLevel.levelWithName(message.level)
        logger.emit(level, "worker {number}: {text}", number=worker.number, text=message.text)

    def _printed(self, worker: WorkerProcess, text: str) -> None:
        self.log.error("worker {number} printed: {text}", number=worker.number, text=text)
