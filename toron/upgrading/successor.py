"""The new process as the old one sees it: a program that is started, what it says, how it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Mapping
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from toron.net.handover import (
    LONGEST,
    VARIABLE,
    VERSION,
    FromNew,
    Go,
    Offer,
    Running,
    encode,
    from_new,
    left,
)
from toron.net.joining import join
from toron.net.sockets import Place
from toron.upgrading.program import Program

CHANNEL, OUTPUT, ERRORS = 3, 4, 5
"""Descriptors of the new process: the socket to this one, and what its output will be."""

LAST_WORDS = 1.0
"""Seconds that a process which has let go of the socket gets to end."""

PRINTED_MOST = 20
"""Lines of what it prints that are kept, the last ones."""


class Failed(Exception):
    """There is no new process that serves; the text says why."""


class Successor:
    """A process that was started to take this one's place."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.pid = 0
        """Of the process that will serve, as far as it is known."""
        self.printed: list[str] = []
        """What it has written to standard error, line by line."""
        self._process: Any = None
        self._channel = _Channel(self)
        self._heard: list[FromNew] = []
        self._waiting: Deferred[None] | None = None
        self._ended = ""
        self._broken = ""

    def start(
        self, program: Program, sockets: Mapping[Place, list[socket.socket]],
        detours: Mapping[Place, socket.socket],
        known: list[tuple[str, str, bool]], drained: list[tuple[str, str]],
    ) -> None:  # fmt: skip
        """Run the program with those sockets; raises OSError."""
        told, ours = left(sockets, detours, ERRORS + 1)
        offer = encode(Offer(VERSION, OUTPUT, ERRORS, told, known, drained))
        environment = {**program.environment, VARIABLE: str(CHANNEL)}
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with here, there, open(os.devnull, "r+b") as nothing, _standard(1) as out, _standard(2) as errors:
            here.setblocking(False)
            given: dict[int, int | str] = {0: nothing.fileno(), 1: "r", 2: "r", CHANNEL: there.fileno()}
            given |= {OUTPUT: out.fileno(), ERRORS: errors.fileno()}
            given |= dict(enumerate(ours, ERRORS + 1))
            self._process = self._reactor.spawnProcess(
                _Watch(self), program.command[0], program.command, env=environment, path=program.folder,
                childFDs=given,
            )  # fmt: skip
            join(self._reactor, here, self._channel)
        self.pid = self._process.pid
        self._channel.transport.write(offer)

    async def hear(self, kind: type[Any], until: float) -> Any:
        """The next message, which has to be a `kind`, within the time that ends at `until`; raises Failed."""
        while not self._heard:
            await self._something(until)
            if self._heard:
                break
            if self._broken:
                raise Failed(self._broken)
            if not self._channel.open:
                raise Failed(await self._how_it_ended())
            if self._reactor.seconds() >= until:
                raise Failed("it is not ready in time")
        message = self._heard.pop(0)
        if isinstance(message, Running) and kind is not Running:
            self.pid = message.pid
            return await self.hear(kind, until)
        if not isinstance(message, kind):
            raise Failed(f"it says {type(message).__name__!r} where {kind.__name__!r} is expected")
        return message

    async def _something(self, until: float) -> None:
        """Wait until something has happened, or the time is over."""
        self._waiting = Deferred()
        late = self._reactor.callLater(max(0.0, until - self._reactor.seconds()), self._happened)
        await self._waiting
        if late.active():
            late.cancel()

    async def _how_it_ended(self) -> str:
        """Whoever lets go of the socket ends, and says why before that."""
        end = self._reactor.seconds() + LAST_WORDS
        while not self._ended and self._reactor.seconds() < end:
            await self._something(end)
        return self._ended or "it has let go of the sockets"

    def go(self) -> None:
        """Tell it to serve."""
        self._channel.transport.write(encode(Go()))

    def kill(self) -> None:
        """End it at once: nobody is served by it yet."""
        if self._process is None:
            return  # it could not be started
        with contextlib.suppress(ProcessExitedAlready):
            self._process.signalProcess("KILL")
        # A daemon is another process than the one that was started; while it holds the socket, it lives.
        if self._channel.open:
            if self.pid != self._process.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)
            self._channel.transport.abortConnection()

    def part(self) -> None:
        """There is nothing more to be said."""
        self._channel.transport.loseConnection()

    # --- what happens to it -------------------------------------------------------------------

    def said(self, line: bytes) -> None:
        """A line came."""
        try:
            self._heard.append(from_new.decode(line))
        except msgspec.DecodeError as error:
            self._broken = f"what it says can not be understood: {error}"
        self._happened()

    def prints(self, line: bytes) -> None:
        """It has written a line to its standard error, or to standard output before it ran."""
        text = line.decode(errors="backslashreplace").rstrip()
        if text:
            self.printed = [*self.printed, text][-PRINTED_MOST:]

    def ended(self, failure: Failure) -> None:
        """The process that was started is no more, and has printed all that it had to."""
        status: Any = failure.value
        if status.signal is not None:
            self._ended = f"it died by signal {status.signal} ({signal.strsignal(status.signal)})"
        else:
            self._ended = f"it ended with {status.exitCode}"
        self._happened()

    def lost(self) -> None:
        """It has let go of the socket."""
        self._happened()

    def _happened(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)


def _standard(fd: int) -> Any:
    """A copy of standard output or standard error; nothing where it was closed."""
    try:
        return os.fdopen(os.dup(fd), "wb", buffering=0)
    except OSError:
        return open(os.devnull, "wb")


class _Channel(LineOnlyReceiver):
    """The old process's end of the socket."""

    delimiter = b"\n"
    MAX_LENGTH = LONGEST
    transport: Any

    def __init__(self, successor: Successor) -> None:
        self._successor = successor
        self.open = False

    def connectionMade(self) -> None:
        self.open = True

    def lineReceived(self, line: bytes) -> None:  # noqa: N802  # overrides
        self._successor.said(line)

    def connectionLost(self, reason: Any = None) -> None:
        self.open = False
        self._successor.lost()


class _Watch(ProcessProtocol):
    """Reads what the process prints, line by line, and sees it end."""

    def __init__(self, successor: Successor) -> None:
        self._successor = successor
        self._begun = {1: b"", 2: b""}

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: N802, N803  # overrides
        *lines, self._begun[childFD] = (self._begun[childFD] + data).split(b"\n")
        for line in lines:
            self._successor.prints(line)

    def childConnectionLost(self, childFD: int) -> None:  # noqa: N802, N803  # overrides
        self._successor.prints(self._begun.pop(childFD, b""))

    def processEnded(self, reason: Failure) -> None:  # noqa: N802  # overrides
        self._successor.ended(reason)
