"""A limit ends the step that is under way when it passes, and none that is over."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.net.http_fakes import outcome
from toron.core.refusal import DEADLINE, REASONS, Refusal
from toron.core.wait import Cancelled, Task, Wait
from toron.net.sweep import Sweep
from toron.services._time_limit import TimeLimit


class Limits(SynchronousTestCase):
    """Ten seconds."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.sweep = Sweep(self.clock)
        self.limit = TimeLimit(self.sweep, 10.0)
        self.stopped: list[str] = []

    def late(self) -> None:
        self.clock.advance(10.1)
        self.sweep.look()

    def forgotten(self) -> bool:
        return not self.sweep._timed

    def test_a_step_under_way(self) -> None:
        self.limit.begin(lambda: self.stopped.append("one"))
        self.limit.end()
        self.limit.begin(lambda: self.stopped.append("two"))
        self.late()
        self.assertEqual((self.stopped, self.limit.passed), (["two"], True))
        self.assertTrue(self.forgotten())

    def test_the_last_step(self) -> None:
        self.limit.begin(lambda: self.stopped.append("one"))
        self.limit.last()
        self.assertFalse(self.forgotten())
        self.limit.end()
        self.assertTrue(self.forgotten())

    def test_no_step_is_left(self) -> None:
        self.limit.last()
        self.assertTrue(self.forgotten())

    async def step(self, wait: Wait[str]) -> str:
        try:
            return await wait
        except Cancelled:
            self.stopped.append("step")
            raise

    def test_an_awaited_step(self) -> None:
        wait: Wait[str] = Wait()
        got = outcome(self.limit.over(self.step(wait)))
        wait.fire("done")
        self.assertEqual(got, ["done"])
        self.late()
        self.assertEqual(self.stopped, [])

    def test_an_awaited_step_that_fails(self) -> None:
        wait: Wait[str] = Wait()
        error = ValueError()
        got = outcome(self.limit.over(self.step(wait)))
        wait.fail(error)
        self.assertEqual(got, [error])

    def test_an_awaited_step_that_is_late(self) -> None:
        got = outcome(self.limit.over(self.step(Wait())))
        self.late()
        assert isinstance(got[0], Refusal)
        self.assertEqual((got[0].reason.word, self.stopped), ("upstream_total_timeout", ["step"]))

    def test_what_it_fails_with(self) -> None:
        failure = self.limit.failure()
        self.assertEqual(
            (failure.reason, failure.untouched, failure.ours),
            (REASONS["upstream_total_timeout"], False, False),
        )
        failure = TimeLimit(self.sweep, 1.0, DEADLINE, ours=True).failure(untouched=True)
        self.assertEqual((failure.reason, failure.untouched, failure.ours), (DEADLINE, True, True))

    def test_an_awaited_step_that_nobody_wants(self) -> None:
        got: list[object] = []
        task = Task(self.limit.over(self.step(Wait())), lambda result, error: got.append(error))
        task.start()
        task.cancel()
        self.assertIsInstance(got[0], Cancelled)
        self.assertEqual(self.stopped, ["step"])
