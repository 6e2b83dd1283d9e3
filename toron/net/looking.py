"""Looks at something again and again, for as long as it is part of a tree that runs."""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall


class Looking(Service):
    """Calls `look` every `step` seconds, for the first time after one of them."""

    def __init__(self, reactor: Any, step: float) -> None:
        self._reactor = reactor
        self._step = step
        self._call: LoopingCall | None = None

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        self._call = LoopingCall(self.look)
        self._call.clock = self._reactor
        self._call.start(self._step, now=False)

    def stopService(self) -> None:
        super().stopService()  # type: ignore[no-untyped-call]
        if self._call is not None and self._call.running:
            self._call.stop()

    def look(self) -> None:
        """Look now."""
        raise NotImplementedError
