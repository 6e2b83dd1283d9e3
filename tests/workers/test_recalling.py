"""The memories of all workers are asked, and none is waited for too long."""

from __future__ import annotations

from typing import Any

from msgspec.json import encode
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from toron.core.wait import Task
from toron.observe.recent import Wanted
from toron.workers.messages import Recall, Recalled
from toron.workers.questions import SECONDS
from toron.workers.recalling import Recalling


class Asked:
    """A worker that writes down what it is asked."""

    def __init__(self, ready: bool = True) -> None:
        self.ready = ready
        self.asked: list[Recall] = []

    def tell(self, message: Recall) -> None:
        self.asked.append(message)


class RecallingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.workers: Any = [Asked(), Asked(), Asked(ready=False)]
        self.recalling = Recalling(self.clock, self.workers)
        self.got: list[Any] = []

    def ask(self, question: Any) -> None:
        Task(question, lambda value, error: self.got.append(error or value)).start()

    def answer(self, worker: Any, data: Any) -> None:
        self.recalling.recalled(worker, Recalled(worker.asked[-1].number, encode(data)))

    def test_lines_of_all_the_newest_first(self) -> None:
        self.ask(self.recalling.lines(Wanted(route="r", most=2)))
        one, two, waiting = self.workers
        self.assertEqual((one.asked, waiting.asked), ([Recall(1, Wanted(route="r", most=2))], []))
        self.answer(one, [{"time": "3"}, {"time": "1"}])
        self.assertEqual(self.got, [])
        self.answer(two, [{"time": "2"}])
        self.assertEqual(self.got, [[{"time": "3"}, {"time": "2"}]])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_the_record_of_the_one_that_has_it(self) -> None:
        self.ask(self.recalling.record("x"))
        one, two, _ = self.workers
        self.answer(one, None)
        self.answer(one, {"twice": 1})
        self.answer(two, {"asked": {}})
        self.assertEqual(self.got, [{"asked": {}}])
        self.answer(two, {"late": 1})

    def test_one_that_is_gone_and_one_that_is_late(self) -> None:
        self.ask(self.recalling.record("x"))
        self.recalling.leave(self.workers[0])
        self.assertEqual(self.got, [])
        self.clock.advance(SECONDS)
        self.assertEqual(self.got, [None])

    def test_nobody_serves(self) -> None:
        self.workers[:] = [Asked(ready=False)]
        self.ask(self.recalling.lines(Wanted()))
        self.assertEqual(self.got, [[]])
