"""Drives coroutines on values that come later, without a Deferred at each step.

A `Wait` is awaited by one coroutine and fired once; a `Task` runs a coroutine and goes on when
what it waits for has come. Deferreds may be awaited too, so plug-ins can use any Twisted API.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


class Cancelled(BaseException):
    """Raised inside a task's coroutine, where it waits, when nobody wants its result any more."""


class Wait(Generic[T]):
    """A value that comes later, for one waiter; `fire` or `fail` it once.

    Once it has fired it may be awaited again, and gives the same.
    """

    __slots__ = ("_error", "_task", "_value", "done")

    def __init__(self) -> None:
        self.done = False
        self._task: Task[Any] | None = None
        self._value: T | None = None
        self._error: BaseException | None = None

    def __class_getitem__(cls, item: Any) -> Any:
        # Compiled it inherits nothing (see setup.py), and may still be written `Wait[int]()`.
        return cls

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
            if not self.done:
                # Deferred.fromCoroutine sends whatever it does not know straight back.
                raise RuntimeError("only a Task can wait for a Wait: use as_deferred")
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]

    def wake(self, task: Task[Any] | None) -> None:
        """Name the task to go on with; None forgets it. RuntimeError when another one waits."""
        if task is not None and self._task is not None:
            raise RuntimeError("another task waits for this already")
        self._task = task


class Task(Generic[T]):
    """One awaitable under way; `ended(result, error)` is called once, with the error None or not.

    A cancelled task calls `ended(None, Cancelled())` unless its coroutine ends in another way, which
    it may: it may catch Cancelled, wait for other things, and return.
    """

    __slots__ = ("_cancelled", "_coroutine", "_ended", "_on", "_running", "done")

    def __init__(
        self,
        awaitable: Awaitable[T],
        ended: Callable[[T | None, BaseException | None], None],
    ) -> None:
        """`awaitable` is a coroutine or, from plug-ins, a Deferred; what is neither ends in TypeError."""
        self._coroutine: Any = awaitable if _is_coroutine[type(awaitable)] else _awaited(awaitable)
        self._ended = ended
        self._on: Wait[Any] | _Resumed | None = None
        self._running = False
        self._cancelled = False
        self.done = False

    def __class_getitem__(cls, item: Any) -> Any:
        return cls

    def start(self) -> None:
        """Run to the first wait, or to the end; nothing happens when it was cancelled before."""
        if not self.done:
            self._step(None)

    def go_on(self) -> None:
        """What was waited for has come."""
        self._on = None
        self._step(None)

    def cancel(self) -> None:
        """Raise Cancelled where the coroutine waits; nothing happens once it is done.

        Where it is running just now (so that this is its own doing), that is where it waits next.
        A Deferred that it waits for is cancelled.
        """
        if self.done:
            return
        if self._running:
            self._cancelled = True
            return
        waited, self._on = self._on, None
        if isinstance(waited, Wait):
            waited.wake(None)
        self._step(Cancelled())
        if isinstance(waited, _Resumed):
            waited.deferred.cancel()

    def _step(self, thrown: BaseException | None) -> None:
        coroutine = self._coroutine
        self._running = True
        try:
            while self._on is None:
                on = coroutine.send(None) if thrown is None else coroutine.throw(thrown)
                thrown = self._wait_for(on)
        except StopIteration as stop:
            self.done = True
            self._ended(stop.value, None)
        except BaseException as error:
            self.done = True
            self._ended(None, error)
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
        finally:
            self._running = False
        if self._cancelled:
            self._cancelled = False
            self.cancel()

    def _wait_for(self, on: Any) -> BaseException | None:
        """Set `_on` when there is something to wait for; else the exception to go on with, or None."""
        if isinstance(on, Wait):
            if not on.done:
                try:
                    on.wake(self)
                except RuntimeError as error:
                    return error
                self._on = on
            return None
        if not isinstance(on, Deferred):
            return TypeError(f"a task may wait for a Wait or a Deferred, not {on!r}")
        resumed = _Resumed(self, on)
        on.addBoth(resumed)
        if not resumed.fired:
            self._on = resumed
        return resumed.error


class _Resumed:
    """Goes on with a task when a Deferred has its result, if the task still waits for that."""

    __slots__ = ("deferred", "error", "fired", "task")

    def __init__(self, task: Task[Any], deferred: Deferred[Any]) -> None:
        self.task = task
        self.deferred = deferred
        self.fired = False
        self.error: BaseException | None = None

    def __call__(self, result: Any) -> Any:
        self.fired = True
        if isinstance(result, Failure):
            self.error = result.value
            result = None
        task = self.task
        if task._on is self:
            task._on = None
            task._step(self.error)
        return result


class _Kinds(dict[type, bool]):
    """Which types are coroutines. What Cython compiles has one of its own, in each module another."""

    def __missing__(self, kind: type) -> bool:
        found = self[kind] = issubclass(kind, Coroutine)
        return found


_is_coroutine = _Kinds()


async def _awaited(awaitable: Awaitable[T]) -> T:
    return await awaitable


def as_deferred(awaitable: Awaitable[T]) -> Deferred[T]:
    """Run an awaitable as a task; cancelling the Deferred cancels it.

    As everywhere in Twisted, the Deferred of a cancelled task fails with CancelledError.
    """

    def ended(result: T | None, error: BaseException | None) -> None:
        if deferred.called:
            # It was cancelled, and has failed; what the task still did has nobody to go to.
            return
        if isinstance(error, Cancelled):
            error = CancelledError()
        if error is not None:
            deferred.errback(Failure(error))
        else:
            deferred.callback(result)  # type: ignore[arg-type]

    deferred: Deferred[T] = Deferred(lambda _: task.cancel())
    task = Task(awaitable, ended)
    task.start()
    return deferred
