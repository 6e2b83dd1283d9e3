"""Keeps the loop's pauses short while much is made beside it or on it."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_THRESHOLDS = (5_000, 4, 1_000)
"""The collector looks at little at a time, and all but never at everything: it can not be interrupted."""

_SWITCH = 0.001
"""Seconds after which another thread lets the loop's go on; Python's own 5 ms are felt by every request."""


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
