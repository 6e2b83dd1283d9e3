"""Turns toron's own reactor by hand, beside the one that runs the tests."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

from twisted.internet.main import CONNECTION_DONE
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from toron.net.reactor import EPollReactor
from toron.net.tcp import LeanServer

CLOSED = Failure(CONNECTION_DONE)


class TurningCase(SynchronousTestCase):
    """Has a reactor that looks at its descriptors only when it is told to."""

    def setUp(self) -> None:
        self.reactor: Any = EPollReactor()
        self.addCleanup(self._close)

    def _close(self) -> None:
        for each in [*self.reactor.removeAll(), *self.reactor._internalReaders]:
            each.connectionLost(CLOSED)
        self.reactor._poller.close()

    def turn(self) -> None:
        """Do what is due, and look once at every descriptor."""
        self.reactor.iterate(0)

    def turn_until(self, done: Callable[[], object]) -> None:
        """Turn until it is so; fails after ten seconds."""
        limit = time.monotonic() + 10
        while not done():
            self.assertLess(time.monotonic(), limit, "it does not happen")
            self.reactor.iterate(0.01)

    def sockets(self, family: int = socket.AF_INET) -> tuple[socket.socket, socket.socket]:
        """Two ends of a connection; the far one waits, for a short time, and is closed in the end."""
        if family == socket.AF_UNIX:
            far, near = socket.socketpair()
        else:
            with socket.create_server(("127.0.0.1", 0)) as listening:
                far = socket.create_connection(listening.getsockname())
                near, _ = listening.accept()
        far.settimeout(10)
        near.setblocking(False)
        self.addCleanup(far.close)
        return far, near

    def connected(self, protocol: Any) -> tuple[LeanServer, socket.socket]:
        """A protocol on a lean transport, and the far end of its connection."""
        far, near = self.sockets()
        transport = self.transport(near, protocol, far.getsockname())
        protocol.makeConnection(transport)
        return transport, far

    def transport(self, near: socket.socket, protocol: Any, peer: Any) -> LeanServer:
        """What `connected` makes, of the kind that is under test."""
        return LeanServer(near, protocol, peer, None, 0, self.reactor)  # type: ignore[arg-type]
