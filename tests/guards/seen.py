"""A connection as a guard sees it."""

from __future__ import annotations

import random
from collections.abc import Coroutine
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import Logger

from toron.core.wait import Task
from toron.interfaces import Environment

ENVIRONMENT = Environment("test", Clock(), random.Random(1), Logger())


class Seen:
    """From one address, directly."""

    def __init__(self, client_ip: str) -> None:
        self.client_ip = self.peer_ip = client_ip
        self.client_port = 50000
        self.listener = "test"


class Outcome:
    """How a coroutine ended, if it did: `word` is the reason of a refusal."""

    def __init__(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self.done = False
        self.word = ""
        self.error: BaseException | None = None
        self.task = Task(coroutine, self._ended)
        self.task.start()

    def _ended(self, result: None, error: BaseException | None) -> None:
        self.done = True
        self.error = error
        reason = getattr(error, "reason", None)
        self.word = reason.word if reason else ""
