"""Keeps the loop's pauses short while much is made beside it or on it."""

from __future__ import annotations

import gc
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from twisted.internet.task import deferLater

T = TypeVar("T")

_THRESHOLDS = (5_000, 4, 1_000)
"""The collector looks at little at a time, and all but never at everything: it can not be interrupted."""

_SWITCH = 0.001
"""Seconds after which another thread lets the loop's go on; Python's own 5 ms are felt by every request."""

SLICE = 0.01
"""Seconds of work after which others get their turn."""

_PIECE = 200
"""Things that are let go between one step of `emptying` and the next."""


@contextmanager
def short_pauses() -> Iterator[None]:
    """As long as this lasts, threads take turns often and garbage is collected in small pieces."""
    thresholds, switch = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(*_THRESHOLDS)
    sys.setswitchinterval(_SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(switch)
        gc.set_threshold(*thresholds)


async def in_slices(reactor: Any, steps: Generator[None, None, T]) -> T:
    """What comes of the steps, with others running after each `SLICE`."""
    end = reactor.seconds() + SLICE
    while True:
        try:
            next(steps)
        except StopIteration as done:
            result: T = done.value
            return result
        if reactor.seconds() >= end:
            await deferLater(reactor, 0)
            end = reactor.seconds() + SLICE


def emptying(*containers: dict[Any, Any] | list[Any]) -> Generator[None]:
    """Let go of what large containers hold in small steps: let go of at once it is freed at once."""
    for container in containers:
        while container:
            if isinstance(container, dict):
                for _ in range(min(_PIECE, len(container))):
                    container.popitem()
            else:
                del container[-_PIECE:]
            yield
