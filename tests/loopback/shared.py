"""A test case whose tests share one gateway, because to start one takes longer than to test it."""

from __future__ import annotations

import socket
import time
from typing import Any, ClassVar

from tests.loopback.case import LoopbackTestCase, P, Startable
from tests.loopback.gateway import WORKERS, Gateway
from tests.loopback.sockets import LOOPBACK, eventually


class SharedTestCase(LoopbackTestCase):
    """What `prepare` keeps runs until another class of this kind begins, or the tests are over.

    Trial has no fixtures for classes. The gateway's first listener must refuse `!!!!` at once: the
    line of that in the access log shows where one test ends and the next begins.
    """

    gateway: ClassVar[Gateway]
    _owner: ClassVar[type[SharedTestCase] | None] = None
    _kept: ClassVar[list[Startable]] = []

    @classmethod
    def prepare(cls) -> None:
        """Keep what the tests of this class share, and set `gateway`."""
        raise NotImplementedError

    @classmethod
    def keep(cls, peer: P) -> P:
        """Start a peer for all tests of this class."""
        SharedTestCase._kept.append(peer)
        peer.start()
        return peer

    def setUp(self) -> None:
        """Prepare, where that was not done yet; then wait until nothing of the last test is left."""
        cls = type(self)
        if SharedTestCase._owner is not cls:
            SharedTestCase._owner = None
            while SharedTestCase._kept:
                SharedTestCase._kept.pop().close()
            cls.prepare()
            SharedTestCase._owner = cls
        port = next(iter(self.gateway.ports.values()))
        with socket.create_connection((LOOPBACK, port)) as mark:
            self._mark = f"{LOOPBACK}:{mark.getsockname()[1]}"
            mark.sendall(b"!!!!")
            eventually(self._is_quiet, what="the end of what the last test did")
        if WORKERS:
            # The mark is a line of one worker; another may still have some of the last test's.
            time.sleep(0.3)
        self._seen = len(self.gateway.access())

    def _is_quiet(self) -> bool:
        lines = self.gateway.access()
        if not any(line["peer"] == self._mark for line in lines):
            return False
        began = sum(line.get("event") == "start" for line in lines)
        ended = sum("event" not in line and "server" in line for line in lines)
        return began == ended

    def lines(self, count: int = 0) -> list[dict[str, Any]]:
        """The lines of the access log since the test began; waits for `count` of them."""
        return self.gateway.access(self._seen + count)[self._seen :]
