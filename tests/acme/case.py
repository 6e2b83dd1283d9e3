"""A test that drives coroutines on a clock of its own, with a folder for state."""

from __future__ import annotations

import os
import random
from collections.abc import Awaitable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.acme.fake_directory import ROOT, FakeDirectory
from toron.acme.wanted import Wanted
from toron.core.wait import as_deferred

T = TypeVar("T")

NOW = 1_800_000_000.0
"""Unix seconds when a test begins."""


class InTurn(Clock):
    """A clock whose threads do at once what they are asked for."""

    def getThreadPool(self) -> Any:  # as reactors have it
        return self

    def callInThreadWithCallback(self, done: Any, function: Any, *arguments: Any) -> None:
        done(True, function(*arguments))

    def callFromThread(self, function: Any, *arguments: Any) -> None:
        function(*arguments)


class AcmeCase(SynchronousTestCase):
    """Time, chance, a directory and a folder."""

    def setUp(self) -> None:
        self.clock = InTurn()
        self.random = random.Random(1)
        self.directory = FakeDirectory(self.wall)
        self.folder = os.path.abspath(self.mktemp())
        self.said: list[str] = []
        globalLogPublisher.addObserver(self._hear)
        self.addCleanup(globalLogPublisher.removeObserver, self._hear)

    def _hear(self, event: LogEvent) -> None:
        if event.get("log_namespace") == "toron":
            self.said.append(formatEvent(event))

    def wall(self) -> float:
        """Unix seconds."""
        return NOW + self.clock.seconds()

    def later(self, awaitable: Awaitable[T], seconds: float = 30.0) -> Deferred[T]:
        """What comes of it within some time."""
        found = as_deferred(awaitable)
        self.pass_time(seconds)
        return found

    def done(self, awaitable: Awaitable[T], seconds: float = 30.0) -> T:
        """Its result, or what it raises, within some time."""
        return self.successResultOf(self.later(awaitable, seconds))  # type: ignore[no-any-return]

    def fails(self, awaitable: Awaitable[Any], kind: type[Exception], seconds: float = 30.0) -> Any:
        """The error it ends with within some time."""
        return self.failureResultOf(self.later(awaitable, seconds), kind).value

    def pass_time(self, seconds: float) -> None:
        """In small steps."""
        end = self.clock.seconds() + seconds
        while self.clock.seconds() < end:
            due = [call.getTime() for call in self.clock.getDelayedCalls()]
            following = min([end, *(at for at in due if at > self.clock.seconds())])
            self.clock.advance(following - self.clock.seconds())

    def wanted(self, *names: str, **more: Any) -> Wanted:
        """A certificate of the directory."""
        return Wanted(names or ("a.test",), self.folder, f"{ROOT}/dir", **more)
