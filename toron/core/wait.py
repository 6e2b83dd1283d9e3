"""Drives coroutines on values that come later, without a Deferred at each step.

A `Wait` is awaited by one coroutine and fired once; a `Task` runs a coroutine and goes on when
what it waits for has come. Deferreds may be awaited too, so plug-ins can use any Twisted API.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


class Cancelled(BaseException):
    """Raised inside a task's coroutine, where it waits, when nobody wants its result any more."""


class Wait(Generic[T]):
    """A value that comes later, for one waiter; `fire` or `fail` it once."""

    __slots__ = ("_error", "_task", "_value", "done")

    def __init__(self) -> None:
        self.done = False
        self._task: Task[Any] | None = None
        self._value: T | None = None
        self._error: BaseException | None = None

    def fire(self, value: T) -> None:
        """Give the value; nothing happens when there is one already."""
        if self.done:
            return
        self.done = True
        self._value = value
        task, self._task = self._task, None
        if task is not None:
            task.go_on()

    def fail(self, error: BaseException) -> None:
        """Give an exception instead of a value; nothing happens when there is a value already."""
        if self.done:
            return
        self.done = True
        self._error = error
        task, self._task = self._task, None
        if task is not None:
            task.go_on()

    def __await__(self) -> Generator[Wait[T], None, T]:
        if not self.done:
            yield self
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]

    def wake(self, task: Task[Any] | None) -> None:
        """Name the task to go on with; None forgets it."""
        self._task = task


class Task(Generic[T]):
    """One coroutine under way; `ended(result, error)` is called once, exactly one of them set.

    A cancelled task calls `ended(None, Cancelled())` unless its coroutine ends by itself first.
    """

    __slots__ = ("_coroutine", "_ended", "_on", "_running", "done")

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, T],
        ended: Callable[[T | None, BaseException | None], None],
    ) -> None:
        self._coroutine = coroutine
        self._ended = ended
        self._on: Any = None
        self._running = False
        self.done = False

    def start(self) -> None:
        """Run to the first wait, or to the end."""
        self._step(None)

    def go_on(self) -> None:
        """What was waited for has come."""
        self._on = None
        self._step(None)

    def cancel(self) -> None:
        """Raise Cancelled where the coroutine waits; nothing happens once it is done."""
        if self.done or self._running:
            return
        waited, self._on = self._on, None
        if isinstance(waited, Wait):
            waited.wake(None)
        self._step(Cancelled())
        if isinstance(waited, Deferred):
            waited.addErrback(_drop)
            waited.cancel()

    def _step(self, thrown: BaseException | None) -> None:
        coroutine = self._coroutine
        self._running = True
        try:
            while True:
                on = coroutine.send(None) if thrown is None else coroutine.throw(thrown)
                thrown = None
                if type(on) is Wait:
                    if on.done:
                        continue
                    self._on = on
                    on.wake(self)
                    return
                if not isinstance(on, Deferred):
                    thrown = TypeError(f"a task may wait for a Wait or a Deferred, not {on!r}")
                    continue
                resumed = _Resumed(self)
                on.addBoth(resumed)
                if resumed.fired:
                    thrown = resumed.error
                    continue
                self._on = on
                resumed.armed = True
                return
        except StopIteration as stop:
            self.done = True
            self._ended(stop.value, None)
        except BaseException as error:
            self.done = True
            if isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit):
                raise
            self._ended(None, error)
        finally:
            self._running = False


class _Resumed:
    """Continues a task when a Deferred has its result."""

    __slots__ = ("armed", "error", "fired", "task")

    def __init__(self, task: Task[Any]) -> None:
        self.task = task
        self.fired = False
        self.armed = False
        self.error: BaseException | None = None

    def __call__(self, result: Any) -> Any:
        self.fired = True
        if isinstance(result, Failure):
            self.error = result.value
        if self.armed and self.task._on is not None:
            self.task._on = None
            self.task._step(self.error)
        return None if isinstance(result, Failure) else result


def _drop(failure: Failure) -> None:
    """A cancelled Deferred's failure has nobody to go to."""


def as_deferred(awaitable: Awaitable[T]) -> Deferred[T]:
    """Run an awaitable as a task; its Deferred cancels it."""

    async def run() -> T:
        return await awaitable

    task: Task[T] | None = None
    deferred: Deferred[T] = Deferred(lambda _: task.cancel() if task else None)

    def ended(result: T | None, error: BaseException | None) -> None:
        if deferred.called:
            return
        if error is not None:
            deferred.errback(Failure(error))
        else:
            deferred.callback(result)  # type: ignore[arg-type]

    task = Task(run(), ended)
    task.start()
    return deferred
