"""Keeps the loop's pauses short while much is made beside it or on it."""

from __future__ import annotations

import gc
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

_THRESHOLDS = (5_000, 4, 1_000)
"""The collector looks at little at a time, and all but never at everything: it can not be interrupted."""

_SWITCH = 0.001
"""Seconds after which another thread lets the loop's go on; Python's own 5 ms are felt by every request."""

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
