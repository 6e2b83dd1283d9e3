"""How listeners take their addresses when a composition takes the place of another."""

from __future__ import annotations

from collections.abc import Generator

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from toron import serving
from toron.core.wait import Task
from toron.net.sockets import CannotListen


class Binding(SynchronousTestCase):
    def test_all_of_them_or_none(self) -> None:
        log: list[str] = []

        class Listener:
            def __init__(self, name: str, free: bool) -> None:
                self.name, self.free = name, free

            def bind(self) -> None:
                log.append(f"bind {self.name}")
                if not self.free:
                    raise CannotListen(self.name)

            def stopService(self) -> None:
                log.append(f"close {self.name}")

        self.assertRaises(
            CannotListen, serving._bind, [Listener("a", True), Listener("b", False), Listener("c", True)]
        )
        self.assertEqual(log, ["bind a", "bind b", "close a"])


class Slices(SynchronousTestCase):
    def test_others_get_their_turn(self) -> None:
        clock = Clock()
        taken: list[int] = []

        def steps() -> Generator[None]:
            for number in range(10):
                taken.append(number)
                clock.rightNow += serving.SLICE / 2
                yield

        ended: list[object] = []
        Task(serving.in_slices(clock, steps()), lambda _, error: ended.append(error)).start()
        self.assertEqual(taken, [0, 1])
        clock.advance(0)
        self.assertEqual((len(taken), ended), (10, [None]))
