"""One worker as its parent sees it: a process, the socket to it, and what it prints."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from toron.net.joining import join
from toron.workers.messages import Begin, Channel, FromWorker, from_worker

COMMAND = (sys.executable, "-P", "-m", "toron.workers.worker")

CONTROL = 3
"""The worker's descriptor of the socket between the two; those it is given besides follow."""

# Worked out before a daemon leaves the folder it was started in.
_PATH = [os.path.abspath(entry) for entry in sys.path]


class WorkerProcess:
    """A process that serves; `heard` gets its messages, `printed` its lines, `gone` how it ended.

    It is gone when the process has ended and all that it said before has been heard.
    """

    def __init__(
        self,
        number: int,
        seat: int,
        heard: Callable[[WorkerProcess, FromWorker], None],
        printed: Callable[[WorkerProcess, str], None],
        gone: Callable[[WorkerProcess, str], None],
    ) -> None:
        self.number = number
        """From 1 on; one that takes another's place takes its number."""
        self.seat = seat
        self.pid = 0
        self.ready = False
        self.problem = ""
        """Why it can not start."""
        self.started = 0.0
        self.lag = 0.0
        self.cpu = 0.0
        self.resident = 0
        self.dropped = 0
        self._heard = heard
        self._printed = printed
        self._gone = gone
        self._how: str | None = None
        self._channel = _ParentsEnd(self)
        self._process: Any = None

    def start(self, reactor: Any, begin: Begin, descriptors: Sequence[int]) -> None:
        """Run the program with those descriptors, from CONTROL + 1 on; raises OSError."""
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(_PATH)}
        environment.pop("NOTIFY_SOCKET", None)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with ours, theirs, open(os.devnull, "rb") as nothing:
            ours.setblocking(False)
            given: dict[int, int | str] = {0: nothing.fileno(), 1: "r", 2: "r", CONTROL: theirs.fileno()}
            given |= dict(enumerate(descriptors, CONTROL + 1))
            # The number is for people who look at a list of processes.
            command = [*COMMAND, str(self.number)]
            self._process = reactor.spawnProcess(
                _Watch(self), command[0], command, env=environment, childFDs=given
            )
            join(reactor, ours, self._channel)
        self.pid = self._process.pid
        self.started = reactor.seconds()
        self.tell(begin)

    def tell(self, message: Any) -> None:
        """Send a message; nothing happens when it is gone."""
        self._channel.tell(message)

    def give(self, message: Any, descriptors: Sequence[int]) -> None:
        """Send a message with descriptors; nothing happens when it is gone."""
        self._channel.give(message, descriptors)

    def kill(self) -> None:
        """End it at once."""
        try:
            self._process.signalProcess("KILL")
        except ProcessExitedAlready:
            return

    # --- what happens to it -------------------------------------------------------------------

    def heard(self, message: FromWorker) -> None:
        """It says something."""
        self._heard(self, message)

    def printed(self, line: bytes) -> None:
        """It, or the interpreter it runs in, has printed something."""
        text = line.decode(errors="backslashreplace").rstrip()
        if text:
            self._printed(self, text)

    def ended(self, failure: Failure) -> None:
        """The process is no more."""
        status: Any = failure.value
        if status.signal is not None:
            self._how = f"died by signal {status.signal} ({signal.strsignal(status.signal)})"
        else:
            self._how = f"ended with {status.exitCode}"
        self.parted()

    def parted(self) -> None:
        """One of the two has happened: the process has ended, or the socket to it has."""
        if self._how is not None and not self._channel.open:
            how, self._how = self._how, None
            self._gone(self, how)


class _ParentsEnd(Channel):
    """The parent's end of the socket."""

    def __init__(self, worker: WorkerProcess) -> None:
        super().__init__(from_worker)
        self._worker = worker

    def heard(self, message: FromWorker) -> None:
        self._worker.heard(message)

    def lost(self) -> None:
        self._worker.parted()


class _Watch(ProcessProtocol):
    """Reads what the process prints, line by line, and sees it end."""

    def __init__(self, worker: WorkerProcess) -> None:
        self._worker = worker
        self._begun = {1: b"", 2: b""}

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: N802, N803  # overrides
        """Something was printed."""
        *lines, self._begun[childFD] = (self._begun[childFD] + data).split(b"\n")
        for line in lines:
            self._worker.printed(line)

    def childConnectionLost(self, childFD: int) -> None:  # noqa: N802, N803  # overrides
        """Nothing more will be."""
        self._worker.printed(self._begun.pop(childFD, b""))

    def processExited(self, reason: Failure) -> None:  # noqa: N802  # overrides
        """The process has ended; what it printed may still be on its way."""
        self._worker.ended(reason)
