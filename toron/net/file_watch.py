"""Tells when a file has become another, however it was replaced, and has been left alone since."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall

_State = tuple[int, int, int, int]


class FileWatch(Service):
    """Looks at a file every `step` seconds, through links: renamed into place, written to, or a link led on.

    `changed` is called once the file is not what it was, and two looks in a row have found it the same: what
    is still being written is not read. A file that is gone is no change; it may come back.
    """

    def __init__(self, reactor: Any, path: str, changed: Callable[[], None], step: float = 0.5) -> None:
        self._reactor = reactor
        self._path = path
        self._changed = changed
        self._step = step
        self._known = self._seen = _state(path)
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
        """Look at it now."""
        state = _state(self._path)
        settled = state == self._seen
        self._seen = state
        if settled and state is not None and state != self._known:
            self._known = state
            self._changed()


def _state(path: str) -> _State | None:
    """What changes when a file does; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
