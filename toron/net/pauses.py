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


class _Wanted:
    """How many want short pauses now, and what the first of them found."""

    count = 0
    thresholds: tuple[int, int, int]
    switch: float


@contextmanager
def short_pauses() -> Iterator[None]:
    """As long as this lasts, threads take turns often and garbage is collected in small pieces.

    Several may ask for it at a time, and end in any order.
    """
    if not _Wanted.count:
        _Wanted.thresholds, _Wanted.switch = gc.get_threshold(), sys.getswitchinterval()
        gc.set_threshold(*_THRESHOLDS)
        sys.setswitchinterval(_SWITCH)
    _Wanted.count += 1
    try:
        yield
    finally:
        _Wanted.count -= 1
        if not _Wanted.count:
            sys.setswitchinterval(_Wanted.switch)
            gc.set_threshold(*_Wanted.thresholds)


def set_aside(*, whole: bool = False) -> None:
    """What is there now will stay: the garbage collector need not look through it from here on.

    It can not be interrupted, and takes a quarter of a second for ten thousand routes. What is set aside
    is still freed when nobody has it any more, but for what has itself: so there should be no garbage,
    which is collected first, all of it if the `whole` is looked at, as only a start has time for.
    """
    gc.collect(2 if whole else 1)
    gc.freeze()


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
