"""Ends an exchange that takes longer than it may, from its first try to its last byte."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from toron.core.refusal import TOTAL_TIMEOUT, Reason, UpstreamFailed
from toron.core.wait import Cancelled, Task, Wait
from toron.net.sweep import Sweep

T = TypeVar("T")


class TimeLimit:
    """A deadline that lies over several steps, one after the other; `passed` once it is over."""

    __slots__ = ("_last", "_ours", "_reason", "_stop", "_sweep", "deadline", "passed")

    def __init__(
        self, sweep: Sweep, seconds: float, reason: Reason = TOTAL_TIMEOUT, *, ours: bool = False
    ) -> None:
        """`reason` is what an exchange fails with; `ours` that no server is to blame for it."""
        self.passed = False
        self.deadline = sweep.now + seconds
        self._sweep = sweep
        self._reason = reason
        self._ours = ours
        self._stop: Callable[[], None] | None = None
        self._last = False
        sweep.watch(self)

    def failure(self, *, untouched: bool = False) -> UpstreamFailed:
        """What becomes of a step that is ended."""
        return UpstreamFailed(self._reason, untouched=untouched, ours=self._ours)

    def begin(self, stop: Callable[[], None]) -> None:
        """A step begins, and `stop` would end it."""
        self._stop = stop

    def end(self) -> None:
        """The step is over."""
        self._stop = None
        if self._last:
            self.forget()

    def last(self) -> None:
        """No step comes after the one that is under way, if one still is."""
        self._last = True
        if self._stop is None:
            self.forget()

    def forget(self) -> None:
        """There is nothing left to limit."""
        self._sweep.forget(self)

    def expired(self, now: float) -> None:
        """The time is over."""
        self.passed = True
        self.forget()
        if self._stop is not None:
            self._stop()

    async def over(self, step: Coroutine[Any, Any, T]) -> T:
        """Await a step that is cancelled when the time is over; UpstreamFailed then."""
        done: Wait[T] = Wait()

        def ended(result: T | None, error: BaseException | None) -> None:
            if error is None:
                done.fire(result)  # type: ignore[arg-type]
            else:
                done.fail(error)

        task = Task(step, ended)
        self.begin(task.cancel)
        task.start()
        try:
            return await done
        except Cancelled:
            if self.passed:
                raise self.failure(untouched=True) from None
            task.cancel()
            raise
        finally:
            self._stop = None
