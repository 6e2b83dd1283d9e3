"""Coroutines on values that come later: where they go on, how they are cancelled, what they leave behind."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from toron.core.wait import Cancelled, Task, Wait, as_deferred


class Ended:
    """Remembers what a task ended with."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, BaseException | None]] = []

    def __call__(self, result: Any, error: BaseException | None) -> None:
        self.calls.append((result, error))

    @property
    def result(self) -> Any:
        """The result, where it ended once and well."""
        ((result, error),) = self.calls
        if error is not None:
            raise AssertionError(repr(error))
        return result

    @property
    def error(self) -> BaseException:
        """The error, where it ended once and badly."""
        ((result, error),) = self.calls
        if error is None or result is not None:
            raise AssertionError(repr(result))
        return error


def started(awaitable: Awaitable[Any]) -> tuple[Task[Any], Ended]:
    ended = Ended()
    task = Task(awaitable, ended)
    task.start()
    return task, ended


class Case(SynchronousTestCase):
    """No test may leave a Deferred behind whose failure nobody saw."""

    def tearDown(self) -> None:
        gc.collect()
        self.assertEqual(self.flushLoggedErrors(), [])


class Waits(Case):
    def test_a_coroutine_that_waits_for_nothing_ends_at_once(self) -> None:
        async def work() -> int:
            return 7

        task, ended = started(work())
        self.assertEqual(ended.result, 7)
        self.assertTrue(task.done)

    def test_nothing_runs_before_the_start(self) -> None:
        ran: list[int] = []

        async def work() -> None:
            ran.append(1)

        ended = Ended()
        task = Task(work(), ended)
        self.assertEqual((ran, ended.calls, task.done), ([], [], False))
        task.start()
        self.assertEqual((ran, task.done), ([1], True))

    def test_an_exception_is_the_end(self) -> None:
        async def work() -> None:
            raise KeyError("x")

        self.assertIsInstance(started(work())[1].error, KeyError)

    def test_goes_on_when_fired(self) -> None:
        wait: Wait[str] = Wait()

        async def work() -> str:
            return "got " + await wait

        task, ended = started(work())
        self.assertEqual((ended.calls, task.done, wait.done), ([], False, False))
        wait.fire("it")
        self.assertEqual(ended.result, "got it")
        self.assertTrue(wait.done)

    def test_a_failure_is_raised_where_it_waits(self) -> None:
        wait: Wait[None] = Wait()

        async def work() -> str:
            try:
                await wait
            except KeyError:
                return "caught"
            return "not raised"

        _, ended = started(work())
        wait.fail(KeyError())
        self.assertEqual(ended.result, "caught")

    def test_only_the_first_outcome_counts(self) -> None:
        def outcome(*steps: Callable[[Wait[int]], None]) -> Any:
            wait: Wait[int] = Wait()

            async def work() -> int:
                return await wait

            _, ended = started(work())
            for step in steps:
                step(wait)
                # Whoever asks again gets what came first.
                self.assertEqual(repr(started(work())[1].calls), repr(ended.calls))
            return ended.calls[0][0] if ended.calls[0][1] is None else type(ended.calls[0][1])

        def one(wait: Wait[int]) -> None:
            wait.fire(1)

        def two(wait: Wait[int]) -> None:
            wait.fire(2)

        def bad(wait: Wait[int]) -> None:
            wait.fail(KeyError())

        self.assertEqual(outcome(one, two), 1)
        self.assertEqual(outcome(one, bad), 1)
        self.assertEqual(outcome(bad, one), KeyError)
        self.assertEqual(outcome(bad, bad, two), KeyError)

    def test_fired_before_it_is_awaited_and_awaited_again(self) -> None:
        wait: Wait[int] = Wait()
        wait.fire(3)
        broken: Wait[int] = Wait()
        broken.fail(KeyError())

        async def work() -> tuple[int, int]:
            for _ in range(3):
                try:
                    await broken
                except KeyError:
                    continue
                raise AssertionError
            return await wait, await wait

        self.assertEqual(started(work())[1].result, (3, 3))
        self.assertEqual(started(work())[1].result, (3, 3))

    def test_none_and_other_false_values_come_through(self) -> None:
        for value in (None, 0, b"", False):
            wait: Wait[Any] = Wait()

            async def work(wait: Wait[Any] = wait) -> Any:
                return await wait

            _, ended = started(work())
            wait.fire(value)
            self.assertIs(ended.result, value)

    def test_firing_what_nobody_awaits_harms_nobody(self) -> None:
        Wait[int]().fire(1)
        Wait[int]().fail(KeyError())

    def test_a_second_waiter_is_told(self) -> None:
        wait: Wait[int] = Wait()

        async def work() -> int:
            return await wait

        _, first = started(work())
        _, second = started(work())
        self.assertIsInstance(second.error, RuntimeError)
        wait.fire(5)
        self.assertEqual(first.result, 5)

    def test_a_waiter_that_was_cancelled_makes_room_for_another(self) -> None:
        wait: Wait[int] = Wait()

        async def work() -> int:
            return await wait

        task, first = started(work())
        task.cancel()
        _, second = started(work())
        wait.fire(5)
        self.assertIsInstance(first.error, Cancelled)
        self.assertEqual(second.result, 5)

    def test_what_nobody_can_wait_for_is_an_error_inside(self) -> None:
        class Odd:
            def __await__(self) -> Any:
                yield 42

        async def work() -> str:
            try:
                await Odd()
            except TypeError as error:
                return str(error)
            return ""

        self.assertIn("42", started(work())[1].result)

    def test_what_was_there_before_anybody_could_wait(self) -> None:
        """Other awaitables than ours may hand over what has come already."""
        fired: Wait[int] = Wait()
        fired.fire(1)

        class Odd:
            def __init__(self, thing: Any) -> None:
                self.thing = thing

            def __await__(self) -> Any:
                yield self.thing
                return "went on"

        for thing in (fired, succeed(1)):
            self.assertEqual(started(Odd(thing))[1].result, "went on")
        self.assertIsInstance(started(Odd(fail(KeyError())))[1].error, KeyError)

    def test_a_wait_under_another_driver_is_an_error_instead_of_a_wrong_value(self) -> None:
        async def work() -> Any:
            return await Wait[int]()

        self.failureResultOf(Deferred.fromCoroutine(work()), RuntimeError)

    def test_steps_of_many_values(self) -> None:
        waits: list[Wait[int]] = [Wait() for _ in range(50)]

        async def work() -> list[int]:
            return [await wait for wait in waits]

        _, ended = started(work())
        for number, wait in reversed(list(enumerate(waits))):
            wait.fire(number)
        self.assertEqual(ended.result, list(range(50)))

    def test_ten_thousand_values_that_are_there(self) -> None:
        async def work() -> int:
            total = 0
            for number in range(10_000):
                wait: Wait[int] = Wait()
                wait.fire(number)
                total += await wait
                total += await succeed(0)
            return total

        self.assertEqual(started(work())[1].result, sum(range(10_000)))

    def test_ten_thousand_values_that_come(self) -> None:
        feed: list[Wait[int]] = [Wait()]

        async def work() -> int:
            total = 0
            for _ in range(10_000):
                total += await feed[-1]
            return total

        _, ended = started(work())
        for _ in range(10_000):
            wait = feed[-1]
            feed.append(Wait())
            wait.fire(1)
        self.assertEqual(ended.result, 10_000)

    def test_a_task_may_start_and_wake_others_from_inside(self) -> None:
        said: list[str] = []
        gate: Wait[None] = Wait()

        async def inner() -> None:
            said.append("inner waits")
            await gate
            said.append("inner goes on")

        async def outer() -> None:
            started(inner())
            said.append("outer opens")
            gate.fire(None)
            said.append("outer ends")

        started(outer())
        self.assertEqual(said, ["inner waits", "outer opens", "inner goes on", "outer ends"])

    def test_a_task_may_be_started_where_another_ends(self) -> None:
        said: list[int] = []

        async def work(number: int) -> int:
            return number

        def next_one(result: int | None, error: BaseException | None) -> None:
            assert result is not None
            said.append(result)
            if result < 3:
                Task(work(result + 1), next_one).start()

        Task(work(1), next_one).start()
        self.assertEqual(said, [1, 2, 3])

    def test_the_end_of_the_process_is_not_swallowed(self) -> None:
        for kind in (KeyboardInterrupt, SystemExit):

            async def work(kind: type[BaseException] = kind) -> None:
                raise kind

            ended = Ended()
            self.assertRaises(kind, Task(work(), ended).start)
            self.assertIsInstance(ended.error, kind)


class Deferreds(Case):
    def test_a_result_that_comes(self) -> None:
        deferred: Deferred[int] = Deferred()

        async def work() -> int:
            return await deferred + 1

        _, ended = started(work())
        self.assertEqual(ended.calls, [])
        deferred.callback(1)
        self.assertEqual(ended.result, 2)

    def test_the_result_is_left_to_others(self) -> None:
        deferred: Deferred[int] = Deferred()

        async def work() -> int:
            return await deferred

        started(work())
        seen: list[int] = []
        deferred.addCallback(seen.append)
        deferred.callback(4)
        self.assertEqual(seen, [4])

    def test_results_that_are_there(self) -> None:
        async def work() -> str:
            try:
                await fail(KeyError())
            except KeyError:
                return await succeed("caught")
            return ""

        self.assertEqual(started(work())[1].result, "caught")

    def test_a_failure_that_comes(self) -> None:
        deferred: Deferred[int] = Deferred()

        async def work() -> int:
            return await deferred

        _, ended = started(work())
        deferred.errback(KeyError("x"))
        self.assertIsInstance(ended.error, KeyError)

    def test_a_deferred_is_something_to_run(self) -> None:
        deferred: Deferred[int] = Deferred()
        task, ended = started(deferred)
        self.assertFalse(task.done)
        deferred.callback(6)
        self.assertEqual(ended.result, 6)
        self.assertEqual(started(succeed(8))[1].result, 8)
        self.assertIsInstance(started(fail(KeyError()))[1].error, KeyError)

    def test_a_wait_is_something_to_run(self) -> None:
        wait: Wait[int] = Wait()
        _, ended = started(wait)
        wait.fire(6)
        self.assertEqual(ended.result, 6)

    def test_what_is_no_awaitable_ends_in_an_error(self) -> None:
        for thing in (None, 5, "response"):
            self.assertIsInstance(started(thing)[1].error, TypeError)  # type: ignore[arg-type]

    def test_deferreds_and_waits_in_turns(self) -> None:
        wait: Wait[int] = Wait()
        first: Deferred[int] = Deferred()
        second: Deferred[int] = Deferred()

        async def work() -> list[int]:
            return [await first, await wait, await second]

        _, ended = started(work())
        first.callback(1)
        second.callback(3)
        wait.fire(2)
        self.assertEqual(ended.result, [1, 2, 3])


class Cancelling(Case):
    def test_before_the_start(self) -> None:
        ran: list[int] = []

        async def work() -> None:
            ran.append(1)

        ended = Ended()
        task = Task(work(), ended)
        task.cancel()
        self.assertIsInstance(ended.error, Cancelled)
        task.start()
        task.cancel()
        self.assertIsInstance(ended.error, Cancelled)
        self.assertEqual(ran, [])

    def test_where_it_waits(self) -> None:
        wait: Wait[None] = Wait()
        said: list[str] = []

        async def work() -> None:
            try:
                await wait
            except Cancelled:
                said.append("cancelled")
                raise
            finally:
                said.append("finally")

        task, ended = started(work())
        task.cancel()
        self.assertIsInstance(ended.error, Cancelled)
        self.assertEqual(said, ["cancelled", "finally"])
        wait.fire(None)
        task.cancel()
        self.assertEqual(len(ended.calls), 1)

    def test_after_the_end_nothing_happens(self) -> None:
        async def work() -> int:
            return 1

        task, ended = started(work())
        task.cancel()
        self.assertEqual(ended.result, 1)

    def test_cancelled_is_not_caught_by_accident(self) -> None:
        async def work() -> None:
            try:
                await Wait[None]()
            except Exception:
                raise AssertionError("it is not an error") from None

        task, ended = started(work())
        task.cancel()
        self.assertIsInstance(ended.error, Cancelled)

    def test_a_coroutine_may_end_in_its_own_way(self) -> None:
        async def returns() -> str:
            try:
                await Wait[None]()
            except Cancelled:
                return "partly"
            return ""

        async def raises() -> None:
            try:
                await Wait[None]()
            except Cancelled:
                raise KeyError from None

        task, ended = started(returns())
        task.cancel()
        self.assertEqual(ended.result, "partly")
        task, ended = started(raises())
        task.cancel()
        self.assertIsInstance(ended.error, KeyError)

    def test_a_finally_may_wait(self) -> None:
        cleaned: Wait[str] = Wait()
        said: list[str] = []

        async def work() -> None:
            try:
                await Wait[None]()
            finally:
                said.append(await cleaned)

        task, ended = started(work())
        task.cancel()
        self.assertEqual((ended.calls, task.done), ([], False))
        cleaned.fire("clean")
        self.assertEqual(said, ["clean"])
        self.assertIsInstance(ended.error, Cancelled)

    def test_a_finally_that_waits_can_be_cancelled_too(self) -> None:
        async def work() -> None:
            try:
                await Wait[None]()
            finally:
                await Wait[None]()

        task, ended = started(work())
        task.cancel()
        self.assertEqual(ended.calls, [])
        task.cancel()
        self.assertIsInstance(ended.error, Cancelled)

    def test_from_inside_it_comes_at_the_next_wait(self) -> None:
        said: list[str] = []
        tasks: list[Task[None]] = []

        async def work() -> None:
            tasks[0].cancel()
            said.append("still running")
            await succeed(None)
            said.append("nothing to wait for")
            await Wait[None]()
            said.append("never")

        ended = Ended()
        tasks.append(Task(work(), ended))
        tasks[0].start()
        self.assertEqual(said, ["still running", "nothing to wait for"])
        self.assertIsInstance(ended.error, Cancelled)

    def test_from_inside_it_comes_once(self) -> None:
        cleaned: Wait[str] = Wait()
        tasks: list[Task[str]] = []

        async def work() -> str:
            tasks[0].cancel()
            try:
                await Wait[None]()
            except Cancelled:
                return await cleaned
            return ""

        ended = Ended()
        tasks.append(Task(work(), ended))
        tasks[0].start()
        self.assertEqual(ended.calls, [])
        cleaned.fire("clean")
        self.assertEqual(ended.result, "clean")

    def test_from_inside_a_deferred_it_waits_for_next_is_cancelled(self) -> None:
        cancelled: list[Deferred[None]] = []
        deferred: Deferred[None] = Deferred(cancelled.append)
        tasks: list[Task[None]] = []

        async def work() -> None:
            tasks[0].cancel()
            await deferred

        ended = Ended()
        tasks.append(Task(work(), ended))
        tasks[0].start()
        self.assertIsInstance(ended.error, Cancelled)
        self.assertEqual(cancelled, [deferred])

    def test_from_inside_a_coroutine_that_ends_keeps_its_result(self) -> None:
        tasks: list[Task[int]] = []

        async def work() -> int:
            tasks[0].cancel()
            return 3

        ended = Ended()
        tasks.append(Task(work(), ended))
        tasks[0].start()
        self.assertEqual(ended.result, 3)

    def test_by_what_it_woke(self) -> None:
        """A response that is written may end the connection, and with it the task that writes."""
        wait: Wait[None] = Wait()
        gate: Wait[None] = Wait()
        tasks: list[Task[None]] = []

        async def killer() -> None:
            await gate
            tasks[0].cancel()

        async def work() -> None:
            await wait
            gate.fire(None)
            await Wait[None]()

        started(killer())
        ended = Ended()
        tasks.append(Task(work(), ended))
        tasks[0].start()
        wait.fire(None)
        self.assertIsInstance(ended.error, Cancelled)

    def test_where_it_ends(self) -> None:
        calls: list[BaseException | None] = []

        async def work() -> None:
            return None

        def ended(_: None, error: BaseException | None) -> None:
            calls.append(error)
            task.cancel()

        task = Task(work(), ended)
        task.start()
        self.assertEqual(calls, [None])

    def test_a_deferred_is_cancelled_with_it(self) -> None:
        cancelled: list[Deferred[None]] = []
        deferred: Deferred[None] = Deferred(cancelled.append)

        async def work() -> None:
            await deferred

        task, ended = started(work())
        task.cancel()
        self.assertIsInstance(ended.error, Cancelled)
        self.assertEqual(cancelled, [deferred])
        self.assertTrue(deferred.called)

    def test_a_deferred_that_comes_after_all(self) -> None:
        deferred: Deferred[int] = Deferred(lambda it: it.callback(1))

        async def work() -> int:
            return await deferred

        task, ended = started(work())
        task.cancel()
        self.assertIsInstance(ended.error, Cancelled)

    def test_the_end_of_a_cancelled_deferred_does_not_wake_the_next_wait(self) -> None:
        deferred: Deferred[None] = Deferred()
        cleaned: Wait[str] = Wait()
        said: list[str] = []

        async def work() -> None:
            try:
                await deferred
            finally:
                said.append(await cleaned)

        task, ended = started(work())
        task.cancel()
        self.assertTrue(deferred.called)
        self.assertEqual((said, ended.calls), ([], []))
        cleaned.fire("clean")
        self.assertEqual(said, ["clean"])
        self.assertIsInstance(ended.error, Cancelled)

    def test_nor_does_it_wake_another_deferred(self) -> None:
        deferred: Deferred[None] = Deferred()
        after: Deferred[str] = Deferred()

        async def work() -> str:
            try:
                await deferred
            except Cancelled:
                return await after
            return ""

        task, ended = started(work())
        task.cancel()
        self.assertEqual(ended.calls, [])
        after.callback("after")
        self.assertEqual(ended.result, "after")

    def test_nested_tasks(self) -> None:
        said: list[str] = []

        async def inner() -> None:
            try:
                await Wait[None]()
            finally:
                said.append("inner")

        async def outer() -> None:
            try:
                await as_deferred(inner())
            finally:
                said.append("outer")

        task, ended = started(outer())
        task.cancel()
        self.assertIsInstance(ended.error, Cancelled)
        self.assertEqual(said, ["outer", "inner"])


class AsDeferred(Case):
    def test_results(self) -> None:
        async def work() -> int:
            return 1

        async def broken() -> None:
            raise KeyError

        self.assertEqual(self.successResultOf(as_deferred(work())), 1)
        self.failureResultOf(as_deferred(broken()), KeyError)

    def test_later(self) -> None:
        wait: Wait[int] = Wait()
        deferred = as_deferred(wait)
        self.assertNoResult(deferred)
        wait.fire(2)
        self.assertEqual(self.successResultOf(deferred), 2)

    def test_cancelled(self) -> None:
        said: list[str] = []

        async def work() -> None:
            try:
                await Wait[None]()
            except Cancelled:
                said.append("cancelled")
                raise

        deferred = as_deferred(work())
        deferred.cancel()
        self.assertEqual(said, ["cancelled"])
        self.failureResultOf(deferred, CancelledError)

    def test_a_cancelled_coroutine_that_returns(self) -> None:
        async def work() -> str:
            try:
                await Wait[None]()
            except Cancelled:
                return "partly"
            return ""

        deferred = as_deferred(work())
        deferred.cancel()
        self.assertEqual(self.successResultOf(deferred), "partly")

    def test_a_cancelled_coroutine_that_takes_its_time(self) -> None:
        for outcome in (lambda wait: wait.fire(None), lambda wait: wait.fail(KeyError())):
            cleaned: Wait[None] = Wait()

            async def work(cleaned: Wait[None] = cleaned) -> None:
                try:
                    await Wait[None]()
                finally:
                    await cleaned

            deferred = as_deferred(work())
            deferred.cancel()
            self.failureResultOf(deferred, CancelledError)
            outcome(cleaned)

    def test_cancelled_from_inside(self) -> None:
        gate: Wait[None] = Wait()
        deferreds: list[Deferred[None]] = []
        said: list[str] = []

        async def work() -> None:
            await gate
            deferreds[0].cancel()
            said.append("still running")
            try:
                await Wait[None]()
            finally:
                said.append("cancelled")

        deferreds.append(as_deferred(work()))
        gate.fire(None)
        self.failureResultOf(deferreds[0], CancelledError)
        self.assertEqual(said, ["still running", "cancelled"])

    def test_a_task_that_is_not_cancelled_itself_sees_an_ordinary_error(self) -> None:
        inner = as_deferred(Wait[None]())

        async def outer() -> str:
            try:
                await inner
            except Exception as error:
                return type(error).__name__
            return ""

        _, ended = started(outer())
        inner.cancel()
        self.assertEqual(ended.result, "CancelledError")


class AnyOrder(Case):
    """Whatever happens in whatever order: a task ends once, and everything it began is cleaned up."""

    @given(
        st.lists(st.sampled_from(["wait", "deferred", "fired", "succeeded"]), max_size=5),
        st.lists(st.sampled_from(["fire", "fail", "cancel"]), max_size=12),
    )
    def test_ends_once(self, steps: list[str], happenings: list[str]) -> None:
        waits: list[Wait[int] | Deferred[int]] = []
        began: list[int] = []
        cleaned: list[int] = []
        for kind in steps:
            thing: Wait[int] | Deferred[int] = Wait() if kind in ("wait", "fired") else Deferred()
            if kind == "fired" and isinstance(thing, Wait):
                thing.fire(0)
            elif kind == "succeeded" and isinstance(thing, Deferred):
                thing.callback(0)
            waits.append(thing)

        async def work() -> str:
            for number, thing in enumerate(waits):
                began.append(number)
                try:
                    await thing
                finally:
                    cleaned.append(number)
            return "whole"

        def pending() -> Wait[int] | Deferred[int] | None:
            at = began[-1] if began else None
            return None if at is None or len(began) == len(cleaned) else waits[at]

        task, ended = started(work())
        wanted = "whole"
        for happening in happenings:
            thing_now = pending()
            if thing_now is None:
                break
            if happening == "fire":
                if isinstance(thing_now, Wait):
                    thing_now.fire(1)
                else:
                    thing_now.callback(1)
                continue
            if happening == "cancel":
                task.cancel()
                wanted = "Cancelled"
            elif isinstance(thing_now, Wait):
                thing_now.fail(KeyError())
                wanted = "KeyError"
            else:
                thing_now.errback(KeyError())
                wanted = "KeyError"
            self.assertIsNone(pending())
        if pending() is not None:
            self.assertEqual((ended.calls, task.done), ([], False))
            task.cancel()
            wanted = "Cancelled"
        self.assertTrue(task.done)
        ((result, error),) = ended.calls
        self.assertEqual(result if error is None else type(error).__name__, wanted)
        self.assertEqual(cleaned, began)
