"""A reactor that starts no process, and a worker that the test plays."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from toron.workers.messages import encode, from_parent


class FakeProcess:
    """A process as `spawnProcess` gives it, with its end of the socket."""

    def __init__(self, reactor: FakeReactor, protocol: Any, command: list[str], **more: Any) -> None:
        self.pid = 1000 + len(reactor.processes)
        self.protocol, self.command, self.more = protocol, command, more
        self.given = {fd: to for fd, to in more["childFDs"].items() if isinstance(to, int)}
        self.killed = 0
        self.alive = True
        self.channel: Any = None

    def signalProcess(self, name: str) -> None:
        if not self.alive:
            raise ProcessExitedAlready
        assert name == "KILL"
        self.killed += 1

    # --- what the worker does -----------------------------------------------------------------

    def says(self, *messages: Any) -> None:
        for message in messages:
            data = encode(message)
            self.channel.dataReceived(len(data).to_bytes(4, "big") + data)

    def heard(self) -> list[Any]:
        """What it was told since the last time."""
        data = self.channel.transport.value()
        self.channel.transport.clear()
        found = []
        while data:
            size = int.from_bytes(data[:4], "big")
            found.append(from_parent.decode(data[4 : 4 + size]))
            data = data[4 + size :]
        return found

    def prints(self, data: bytes, fd: int = 2) -> None:
        self.protocol.childDataReceived(fd, data)

    def closes(self) -> None:
        self.channel.connectionLost()

    def exits(self, code: int | None = 0, signal: int | None = None) -> None:
        self.alive = False
        why = ProcessTerminated(code, signal, None) if code or signal else ProcessDone(None)
        self.protocol.processExited(Failure(why))

    def dies(self, signal: int | None = 9, code: int | None = None) -> None:
        self.closes()
        self.exits(code, signal)


class Transport(StringTransport):
    """One that takes descriptors, too."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[int] = []

    def sendFileDescriptor(self, descriptor: int) -> None:
        self.given.append(descriptor)


class FakeReactor(Clock):
    """Starts no process; what is adopted is a StringTransport."""

    def __init__(self) -> None:
        super().__init__()
        self.processes: list[FakeProcess] = []
        self.problem: OSError | None = None
        self.stopped = 0

    def spawnProcess(self, protocol: Any, executable: str, args: list[str], **more: Any) -> FakeProcess:
        if self.problem is not None:
            raise self.problem
        self.processes.append(FakeProcess(self, protocol, args, **more))
        return self.processes[-1]

    def adoptStreamConnection(self, fd: int, family: int, factory: Any) -> None:
        assert family == socket.AF_UNIX and fd >= 0
        self.processes[-1].channel = channel = factory.buildProtocol(None)
        channel.makeConnection(Transport())

    def callWhenRunning(self, function: Any, *arguments: Any) -> None:
        function(*arguments)

    def callFromThread(self, function: Any, *arguments: Any) -> None:
        function(*arguments)

    def getThreadPool(self) -> Any:
        """Threads that are this one."""
        return self

    def callInThreadWithCallback(self, told: Any, function: Any, *arguments: Any) -> None:
        told(True, function(*arguments))

    def addSystemEventTrigger(self, *arguments: Any) -> None:
        self.trigger = arguments

    def stop(self) -> None:
        self.stopped += 1
