"""The test case whose peers are stopped when the test ends, however it ends."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from twisted.trial.unittest import SynchronousTestCase

from tests.loopback.gateway import WORKERS
from tests.loopback.one_process import ONE_PROCESS


class Startable(Protocol):
    """What a test can start: a program, or a backend in this process."""

    def start(self) -> None:
        """Returns when it answers."""

    def close(self) -> None:
        """Returns when nothing of it is left."""


P = TypeVar("P", bound=Startable)


class LoopbackTestCase(SynchronousTestCase):
    """A test with real sockets; what it starts is closed in reverse order."""

    def run(self, result: Any) -> None:
        """Run the test, unless several processes serve and it assumes one."""
        reason = ONE_PROCESS.get(self.id().removeprefix("tests.loopback.")) if WORKERS else None
        if reason is None:
            super().run(result)  # type: ignore[no-untyped-call]
            return
        result.startTest(self)
        result.addSkip(self, reason)
        result.stopTest(self)

    def start(self, peer: P) -> P:
        """Starts a peer for the rest of this test."""
        # Registered first: a peer that does not come up has a folder, and perhaps a process.
        self.addCleanup(peer.close)
        peer.start()
        return peer
