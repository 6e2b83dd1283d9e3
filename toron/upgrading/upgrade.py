"""Has a new process take over: starts it, waits until it could serve, lets it, and drains this one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from toron.core.wait import Task
from toron.net.gateway import Gateway
from toron.net.handover import Ready, Serving
from toron.net.sockets import Sockets
from toron.upgrading.detours import Detours
from toron.upgrading.program import Program
from toron.upgrading.successor import Failed, Successor

SWITCH = 5.0
"""Seconds in which the new process, told to, has to serve."""

ANSWERS = 0.3
"""Seconds in which whoever asked for this hears how it went, before this process begins to end."""


class Outcome(Struct):
    """What became of an upgrade."""

    result: str
    """`upgraded`, `failed` (this process serves on), or `refused`: there was nothing to try."""
    why: str = ""
    """Why not."""
    pid: int = 0
    """Of the process that serves now."""
    version: str = ""
    """Its version of toron."""
    old_pid: int = 0
    """Of the process that drains."""
    left: int = 0
    """The connections that are still in that."""
    linger: float = 0.0
    """Seconds that they have."""
    printed: list[str] = []
    """What the new process has written to standard error."""


class Upgrade:
    """Of one gateway. `leave` is called when another process has taken over: this one has to stop then."""

    def __init__(
        self,
        reactor: Any,
        root: Gateway,
        sockets: Sockets,
        program: Program,
        pid: Callable[[], int],
        leave: Callable[[], None],
    ) -> None:
        self._reactor = reactor
        self._root = root
        self._sockets = sockets
        self._program = program
        self._pid = pid
        self._leave = leave
        self._successor: Successor | None = None
        self._waiting: list[Deferred[Outcome]] = []
        self._detours: Detours
        self._gone_to = 0
        self.log = Logger(namespace="toron")
        reactor.addSystemEventTrigger("before", "shutdown", self.give_up)

    def ask(self) -> Deferred[Outcome]:
        """Upgrade; fires with what became of it. Asked in the midst of one, it is the same one."""
        asked: Deferred[Outcome] = Deferred()
        self._waiting.append(asked)
        refusal = self._refusal()
        if refusal:
            self.log.warn("no upgrade: {why}", why=refusal)
            self._over(Outcome("refused", refusal, self._gone_to or self._pid()), None)
        elif self._successor is None:
            self._root.handing_over = True
            Task(self._upgrade(), self._over).start()
        else:
            self.log.warn("an upgrade is under way, one is enough")
        return asked

    def _refusal(self) -> str:
        if self._gone_to:
            return f"process {self._gone_to} has taken over, ask that one"
        if self._root.stopping:
            return "this process is stopping"
        if not self._root.opened:
            return "this process is still starting"
        return self._program.obstacle

    def give_up(self) -> None:
        """Stop it: this process is to end, and nothing is to come of it."""
        if self._successor is not None and not self._gone_to:
            self._successor.kill()

    def _over(self, outcome: Outcome | None, error: BaseException | None) -> None:
        if error is not None:
            self.log.failure("an upgrade failed", Failure(error))
            outcome = Outcome("failed", f"{type(error).__name__}: {error}", self._pid())
        assert outcome is not None
        if outcome.result == "failed":
            self._root.handing_over = False
            self._successor = None
        waiting, self._waiting = self._waiting, []
        for asked in waiting:
            asked.callback(outcome)

    # --- the steps ----------------------------------------------------------------------------

    async def _upgrade(self) -> Outcome:
        successor = self._successor = Successor(self._reactor)
        self._detours = Detours(self._reactor)
        try:
            ready = await self._started(successor)
            await self._switched(successor)
        except BaseException as error:
            # Left alone it would serve as soon as the socket to it is closed.
            successor.kill()
            self._detours.drop()
            if not isinstance(error, Failed | OSError):
                raise
            return self._kept(successor, str(error))
        return self._handed(successor, ready)

    async def _started(self, successor: Successor) -> Ready:
        """The new process, which could serve; raises Failed or OSError."""
        within = self._root.start_within
        self.log.info("starting the process that is to take over, it has {within:g} s", within=within)
        until = self._reactor.seconds() + within
        root, sockets = self._root, self._sockets.now()
        with self._detours.theirs(sockets, root.listeners) as theirs:
            successor.start(self._program, sockets, theirs, root.known(), root.drained())
        ready: Ready = await successor.hear(Ready, until)
        self.log.info(
            "process {pid} (toron {version}) is ready, and takes over {takes} of {all} addresses{closes}",
            pid=successor.pid, version=ready.version, takes=ready.takes, all=len(self._sockets.now()),
            closes=f", closes {', '.join(ready.closes)}" if ready.closes else "",
        )  # fmt: skip
        return ready

    async def _switched(self, successor: Successor) -> None:
        """Let nobody in any more, and the new one do so; raises Failed, and then people are let in again."""
        self._detours.take()
        self._root.pause()
        try:
            successor.go()
            await successor.hear(Serving, self._reactor.seconds() + SWITCH)
        except BaseException:
            self._detours.drop()
            if not self._root.stopping:
                self._root.resume()
            raise

    def _kept(self, successor: Successor, why: str) -> Outcome:
        for line in successor.printed:
            self.log.error("the new process said: {line}", line=line)
        self.log.error(
            "no upgrade: process {pid} does not take over: {why}; this one serves on",
            pid=successor.pid, why=why,
        )  # fmt: skip
        return Outcome("failed", why, self._pid(), printed=successor.printed)

    def _handed(self, successor: Successor, ready: Ready) -> Outcome:
        root = self._root
        self._gone_to = successor.pid
        successor.part()
        root.notify(f"MAINPID={successor.pid}")
        left, linger = root.active(), root.linger
        root.handed_over()
        self.log.info(
            "process {pid} serves; this one finishes {left} connections, for at most {linger:g} s",
            pid=successor.pid, left=left, linger=linger,
        )  # fmt: skip
        self._reactor.callLater(ANSWERS, self._leave)
        return Outcome(
            "upgraded", "", successor.pid, ready.version, self._pid(), left, linger, successor.printed
        )
