"""Runs a probe against a real socket, and says what it found."""

from __future__ import annotations

import random
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.trial.unittest import TestCase

from tests.loopback.backends import CountingBackend, Script
from tests.loopback.sockets import LOOPBACK
from toron.core.server import Server
from toron.core.wait import as_deferred
from toron.interfaces import Environment, Probe
from toron.net.dial import Dialer
from toron.net.sweep import Sweep

reactor: Any = installed


class ProbeCase(TestCase):
    """A backend with a script, and what probes need."""

    timeout = 10

    def setUp(self) -> None:
        self.environment = Environment("test", reactor, random.Random(1), Logger())
        self.dialer = Dialer(reactor, 2.0, None)
        self.sweep = Sweep(reactor)
        self.sweep.startService()
        self.addCleanup(self.sweep.stopService)

    def backend(self, answer: bytes | Script | None) -> CountingBackend:
        made = CountingBackend(answer)
        made.start()
        self.addCleanup(made.close)
        return made

    def probing(self, probe: Probe, port: int) -> Deferred[None]:
        return as_deferred(probe(Server(f"tcp://{LOOPBACK}:{port}")))

    async def why(self, probe: Probe, port: int) -> str:
        """Why the probe fails, empty when it passes."""
        try:
            await self.probing(probe, port)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return ""
