"""All workers are asked; who is gone, or too late, is not waited for."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from toron.core.wait import Task
from toron.workers.questions import SECONDS, Questions


class Asked:
    """A worker that writes down what it is asked."""

    def __init__(self, ready: bool = True) -> None:
        self.ready = ready
        self.asked: list[int] = []

    def tell(self, number: int) -> None:
        self.asked.append(number)


class Asking(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.one, self.two = Asked(), Asked()
        self.workers: Any = [self.one, self.two, Asked(ready=False)]
        self.questions: Questions[str] = Questions(self.clock, self.workers)
        self.got: list[Any] = []

    def ask(self) -> int:
        question = self.questions.ask(lambda number: number)
        Task(question, lambda value, error: self.got.append(error or value)).start()
        return self.one.asked[-1] if self.one.asked else 0

    def answer(self, worker: Any, number: int, found: str) -> None:
        self.questions.answer(worker, number, found)

    def test_all_answer(self) -> None:
        number = self.ask()
        self.answer(self.two, number, "two")
        self.answer(self.two, number, "again")
        self.assertEqual(self.got, [])
        self.answer(self.one, number, "one")
        self.assertEqual(self.got, [["two", "one"]])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.workers[2].asked, [], "it does not serve yet")

    def test_one_is_late(self) -> None:
        number = self.ask()
        self.answer(self.one, number, "one")
        self.clock.advance(SECONDS)
        self.assertEqual(self.got, [["one"]])
        self.answer(self.two, number, "two")
        self.assertEqual(self.got, [["one"]])

    def test_one_is_gone(self) -> None:
        number = self.ask()
        self.questions.leave(self.two)  # type: ignore[arg-type]
        self.answer(self.one, number, "one")
        self.assertEqual(self.got, [["one"]])

    def test_two_questions_at_a_time(self) -> None:
        first, second = self.ask(), self.ask()
        for number, found in ((second, "b"), (first, "a")):
            for worker in (self.one, self.two):
                self.answer(worker, number, found)
        self.assertEqual(self.got, [["b", "b"], ["a", "a"]])

    def test_nobody_is_there(self) -> None:
        self.workers.clear()
        self.ask()
        self.assertEqual(self.got, [[]])
