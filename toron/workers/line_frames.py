"""Hands a worker's access lines to the parent, which alone writes the file."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from toron.workers.messages import Lines

HELD = 16 << 20
"""Bytes that may wait for a parent that is behind."""


@implementer(IPushProducer)
class LineFrames:
    """In place of a `LineWriter`: sends batches of lines, and never blocks.

    With one process that writes there is no line with another's in its middle, wherever they go:
    a pipe promises that for its first 4096 bytes only. It is the parent, too, that opened the
    file before privileges were dropped. A batch that a worker has sent in part when it is killed is
    no frame, and nothing of it is written.
    """

    is_open = True

    def __init__(self, tell: Callable[[Any], None], ended: Callable[[], None]) -> None:
        self.lost = 0
        """Lines that were not sent."""
        self._tell = tell
        self._ended = ended
        self._paused = False
        self._stopping = False
        self._waiting: deque[bytes] = deque()
        self._held = 0

    def open(self) -> None:
        """The parent has opened it."""

    def start(self) -> None:
        """There is no thread to start."""

    def reopen(self) -> None:
        """The parent does."""

    def put(self, data: bytes) -> bool:
        """Send whole lines; False where too much waits already."""
        if not self._paused:
            self._tell(Lines(data))
            return True
        if self._held + len(data) > HELD:
            return False
        self._waiting.append(data)
        self._held += len(data)
        return True

    def stop(self) -> None:
        """End once everything before is sent."""
        self._stopping = True
        if not self._waiting:
            self._ended()

    def give_up(self) -> None:
        """Wait for the parent no longer."""
        self.lost += sum(data.count(b"\n") for data in self._waiting)
        self._waiting.clear()

    # --- called by the channel's transport ----------------------------------------------------

    def pauseProducing(self) -> None:
        """The parent is behind."""
        self._paused = True

    def resumeProducing(self) -> None:
        """It is no more."""
        self._paused = False
        while self._waiting and not self._paused:
            data = self._waiting.popleft()
            self._held -= len(data)
            self._tell(Lines(data))
        if self._stopping and not self._waiting:
            self._ended()

    def stopProducing(self) -> None:
        """The parent is gone."""
        self.give_up()
