"""Runs guards and middlewares that wait for nothing, and says of the others that they do."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from toron.core.refusal import Refusal
from toron.core.wait import Cancelled, Task


@dataclass(slots=True)
class Ran:
    """How it went: a value, a refusal, or a sentence about why that is not known here."""

    value: Any = None
    refusal: Refusal | None = None
    unknown: str = ""


def run(awaitable: Awaitable[Any]) -> Ran:
    """Run it as far as it goes without waiting; what waits is cancelled."""
    ran = Ran(unknown="it waits for something that only a running gateway has")

    def ended(value: Any, error: BaseException | None) -> None:
        if isinstance(error, Refusal):
            ran.refusal, ran.unknown = error, ""
        elif error is None:
            ran.value, ran.unknown = value, ""
        elif not isinstance(error, Cancelled):
            ran.unknown = f"it needs a running gateway: {type(error).__name__}: {error}"

    task: Task[Any] = Task(awaitable, ended)
    task.start()
    task.cancel()
    return ran
