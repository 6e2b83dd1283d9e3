"""The test case whose peers are stopped when the test ends, however it ends."""

from __future__ import annotations

from typing import Protocol, TypeVar

from twisted.trial.unittest import SynchronousTestCase


class Startable(Protocol):
    """What a test can start: a program, or a backend in this process."""

    def start(self) -> None:
        """Returns when it answers."""

    def close(self) -> None:
        """Returns when nothing of it is left."""


P = TypeVar("P", bound=Startable)


class LoopbackTestCase(SynchronousTestCase):
    """A test with real sockets; what it starts is closed in reverse order."""

    def start(self, peer: P) -> P:
        """Starts a peer for the rest of this test."""
        # Registered first: a peer that does not come up has a folder, and perhaps a process.
        self.addCleanup(peer.close)
        peer.start()
        return peer
