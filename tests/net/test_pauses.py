"""The collector and the threads are set for short pauses, and back; much is freed a little at a time."""

from __future__ import annotations

import gc
import sys
from collections.abc import Generator
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from toron.core.wait import Task
from toron.net.pauses import SLICE, emptying, in_slices, set_aside, short_pauses


class ShortPauses(SynchronousTestCase):
    def test_for_as_long_as_it_lasts(self) -> None:
        before = gc.get_threshold(), sys.getswitchinterval()
        with short_pauses():
            self.assertLess(gc.get_threshold()[0] * gc.get_threshold()[1], 50_000)
            self.assertLess(sys.getswitchinterval(), before[1])
        self.assertEqual((gc.get_threshold(), sys.getswitchinterval()), before)

    def test_also_when_it_fails(self) -> None:
        before = gc.get_threshold(), sys.getswitchinterval()

        def fail() -> None:
            with short_pauses():
                raise ValueError

        self.assertRaises(ValueError, fail)
        self.assertEqual((gc.get_threshold(), sys.getswitchinterval()), before)

    def test_several_at_a_time(self) -> None:
        before = gc.get_threshold(), sys.getswitchinterval()
        first, second = short_pauses(), short_pauses()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        self.assertLess(sys.getswitchinterval(), before[1], "the second still wants it")
        second.__exit__(None, None, None)
        self.assertEqual((gc.get_threshold(), sys.getswitchinterval()), before)


class SettingAside(SynchronousTestCase):
    def test_it_is_not_looked_through_any_more(self) -> None:
        self.addCleanup(gc.unfreeze)
        large = [[] for _ in range(10_000)]
        set_aside()
        self.assertFalse(any(each is large for each in gc.get_objects()))
        self.assertGreater(gc.get_freeze_count(), len(large))
        before = gc.get_freeze_count()
        del large
        self.assertLess(gc.get_freeze_count(), before - 9_000, "it is freed when nobody has it")

    def test_garbage_goes_first(self) -> None:
        self.addCleanup(gc.unfreeze)
        gone: list[int] = []

        class Thing:
            def __del__(self) -> None:
                gone.append(1)

        thing: Any = Thing()
        thing.itself = thing
        gc.collect()
        del thing
        set_aside(whole=True)
        self.assertEqual(gone, [1])


class Emptying(SynchronousTestCase):
    def test_in_small_steps(self) -> None:
        gone: list[int] = []
        freed: list[int] = []

        class Thing:
            def __del__(self) -> None:
                gone.append(1)

        containers: tuple[dict[int, Thing], list[Thing]] = (
            {number: Thing() for number in range(500)},
            [Thing() for _ in range(500)],
        )
        for _ in emptying(*containers):
            freed.append(len(gone))
            gone.clear()
        self.assertEqual(freed, [200, 200, 100, 200, 200, 100])
        self.assertEqual(containers, ({}, []))

    def test_nothing(self) -> None:
        self.assertEqual(list(emptying({}, [])), [])


class Slices(SynchronousTestCase):
    def run_steps(self, steps: Generator[None, None, Any], clock: Clock) -> list[Any]:
        ended: list[Any] = []
        Task(in_slices(clock, steps), lambda value, error: ended.append(error or value)).start()
        return ended

    def test_others_run_after_each(self) -> None:
        clock = Clock()
        done: list[int] = []

        def steps() -> Generator[None, None, str]:
            for number in range(7):
                clock.rightNow += SLICE / 2
                done.append(number)
                yield
            return "whole"

        turns: list[int] = []
        clock.callLater(0, lambda: turns.append(len(done)))
        ended = self.run_steps(steps(), clock)
        self.assertEqual((done, ended), ([0, 1], []))
        clock.advance(0)
        self.assertEqual((len(done), ended, turns), (7, ["whole"], [2]))

    def test_what_fails(self) -> None:
        def steps() -> Generator[None]:
            raise ValueError("so")
            yield

        (error,) = self.run_steps(steps(), Clock())
        self.assertIsInstance(error, ValueError)
