"""Runs a command of the user's: without a shell, within a time, with its output for the log."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from toron.acme.failure import AcmeFailed

_SHOWN = 200
"""Bytes of what it has printed last, for the log."""

_LAST_WORDS = 0.5
"""Seconds after its end for its output, which something that it has left behind may hold open."""

# A session of its own, so that what it starts can be ended with it.
_ALONE = """\
import os, sys
os.setsid()
try:
    os.execv(sys.argv[1], sys.argv[1:])
except OSError as error:
    sys.exit(f"it can not be started: {error.strerror}")
"""


class _Run(ProcessProtocol):
    """Waits for the end of one process; its last words are kept."""

    def __init__(self, reactor: Any) -> None:
        self.ended: Deferred[str] = Deferred()
        self.said = b""
        self._reactor = reactor
        self._how = ""
        self._closing: Any = None

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: N802, N803  # overrides
        self.said = (self.said + data)[-_SHOWN:]

    def processExited(self, reason: Failure) -> None:  # noqa: N802  # overrides
        self._how = "" if reason.check(ProcessDone) else _how(reason.value)
        self._closing = self._reactor.callLater(_LAST_WORDS, self._close)

    def _close(self) -> None:
        assert self.transport is not None
        self.transport.loseConnection()

    def processEnded(self, reason: Failure) -> None:  # noqa: N802  # overrides
        if self._closing.active():
            self._closing.cancel()
        self.ended.callback(self._how)


def _how(error: Any) -> str:
    if error.signal:
        return f"was ended by signal {error.signal}"
    return f"ended with status {error.exitCode}"


async def run_hook(reactor: Any, command: Sequence[str], seconds: float) -> None:
    """Run it to its end; AcmeFailed where that is not a good one, or does not come within `seconds`.

    The command, whose first word is a path, gets our environment and folder and no standard input. One
    that is late is killed, and what it has started with it.
    """
    run = _Run(reactor)
    late = False
    arguments = [sys.executable, "-I", "-S", "-c", _ALONE, *command]
    process = reactor.spawnProcess(
        run, sys.executable, arguments, env=dict(os.environ), childFDs={0: "w", 1: "r", 2: "r"}
    )
    process.closeChildFD(0)

    def give_up() -> None:
        nonlocal late
        late = True
        _kill(process.pid)

    timer = reactor.callLater(seconds, give_up)
    try:
        how = await run.ended
    finally:
        if timer.active():
            timer.cancel()
        _kill(process.pid)
    if late:
        how = f"did not end within {seconds:g} s"
    if how:
        said = run.said.decode("utf-8", "replace").strip()
        raise AcmeFailed(f"the hook {command[0]} {how}{f': {said}' if said else ''}", word="hook")


def _kill(pid: int | None) -> None:
    """End it and all of its session; None has ended."""
    if pid is None:
        return
    for end, number in ((os.killpg, pid), (os.kill, pid)):
        try:
            end(number, signal.SIGKILL)
        except ProcessLookupError:
            continue  # it has no session yet, or has ended just now
