"""A change is made when everybody is ready for it, and not when one of them is not."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from toron.core.wait import Task
from toron.workers.changes import PATIENCE, Changes
from toron.workers.messages import Drop, Prepared


class Told:
    """A worker as far as it is told something."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.heard: list[Any] = []

    def tell(self, message: Any) -> None:
        self.heard.append(message)


class ChangesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.changes = Changes(self.clock)
        self.one: Any = Told(1)
        self.two: Any = Told(2)
        self.ended: list[Any] = []

    def begin(self, *workers: Any) -> None:
        Task(self.changes.begin(workers), lambda _, error: self.ended.append(error)).start()

    def heard(self) -> list[Any]:
        return self.one.heard + self.two.heard

    def test_all_are_ready(self) -> None:
        self.begin(self.one, self.two)
        self.changes.prepared(self.one, Prepared(1, ""))
        self.assertEqual((self.ended, self.changes.pending), ([], True))
        self.changes.prepared(self.two, Prepared(1, ""))
        self.assertEqual((self.ended, self.changes.pending, self.heard()), ([None], False, []))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_one_is_not(self) -> None:
        self.begin(self.one, self.two)
        self.changes.prepared(self.two, Prepared(1, "no such file"))
        (error,) = self.ended
        self.assertEqual((type(error), str(error)), (OSError, "worker 2: no such file"))
        self.assertEqual(self.heard(), [Drop(1), Drop(1)])
        self.changes.prepared(self.one, Prepared(1, ""))
        self.assertEqual(len(self.ended), 1, "it is too late to say so")

    def test_who_is_gone_is_not_waited_for(self) -> None:
        self.begin(self.one, self.two)
        self.changes.gone(self.one)
        self.changes.prepared(self.two, Prepared(1, ""))
        self.assertEqual(self.ended, [None])

    def test_nobody_is_there(self) -> None:
        self.begin()
        self.assertEqual((self.ended, self.changes.pending), ([None], False))

    def test_one_never_answers(self) -> None:
        self.begin(self.one, self.two)
        self.changes.prepared(self.one, Prepared(1, ""))
        self.clock.advance(PATIENCE)
        self.assertIn("worker 2 did not get ready", str(self.ended[0]))
        self.begin(self.two)
        self.changes.prepared(self.two, Prepared(1, ""))
        self.assertEqual(len(self.ended), 1, "that was the answer to the first")
        self.changes.prepared(self.two, Prepared(2, ""))
        self.assertEqual(self.ended[1:], [None])
