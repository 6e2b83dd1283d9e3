"""The collector and the threads are set for short pauses, and back; much is freed a little at a time."""

from __future__ import annotations

import gc
import sys

from twisted.trial.unittest import SynchronousTestCase

from toron.net.pauses import emptying, short_pauses


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
