"""Does work in a thread, so that the loop serves meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.threads import deferToThreadPool

from toron.net.pauses import short_pauses

T = TypeVar("T")


async def beside(reactor: Any, work: Callable[[], T]) -> T:
    """What `work` returns; raises what it raises."""
    with short_pauses():
        found: T = await deferToThreadPool(reactor, reactor.getThreadPool(), work)
    return found
