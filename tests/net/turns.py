"""A reactor whose clock and whose turns are in the hands of the test."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IHalfCloseableDescriptor
from twisted.internet.main import CONNECTION_DONE
from twisted.internet.task import Clock
from twisted.python.failure import Failure


class Turns(Clock):
    """Looks at descriptors when it is asked to, and as Twisted's reactors do it."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[Any] = set()
        self.writers: set[Any] = set()

    def addReader(self, reader: Any) -> None:
        self.readers.add(reader)

    def removeReader(self, reader: Any) -> None:
        self.readers.discard(reader)

    def addWriter(self, writer: Any) -> None:
        self.writers.add(writer)

    def removeWriter(self, writer: Any) -> None:
        self.writers.discard(writer)

    def getThreadPool(self) -> None:
        """There are no threads: a test that needs one says what it would have done."""

    def turn(self) -> None:
        """One look at all descriptors."""
        poll = select.poll()
        known: dict[int, Any] = {}
        for descriptor in self.readers | self.writers:
            number = descriptor.fileno()
            known[number] = descriptor
            mask = select.POLLIN * (descriptor in self.readers) | select.POLLOUT * (
                descriptor in self.writers
            )
            poll.register(number, mask)
        for number, event in poll.poll(0):
            self._serve(known[number], event)
        self.advance(0)

    def _serve(self, descriptor: Any, event: int) -> None:
        why: Any = None
        reading = descriptor in self.readers
        if event & (select.POLLHUP | select.POLLERR) and not event & select.POLLIN:
            why = CONNECTION_DONE
        else:
            if event & select.POLLIN and reading:
                why = descriptor.doRead()
            if not why and event & select.POLLOUT and descriptor in self.writers:
                reading = False
                why = descriptor.doWrite()
        if not why:
            return
        self.removeReader(descriptor)
        failure = Failure(why)
        if reading and why is CONNECTION_DONE and IHalfCloseableDescriptor.providedBy(descriptor):
            descriptor.readConnectionLost(failure)
        else:
            self.removeWriter(descriptor)
            descriptor.connectionLost(failure)

    def until(self, true: Callable[[], Any]) -> None:
        """Take turns until something is true; AssertionError when it is not for two seconds."""
        end = time.monotonic() + 2
        while not true():
            self.turn()
            assert time.monotonic() < end, "it does not come true"
