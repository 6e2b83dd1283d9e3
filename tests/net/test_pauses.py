"""The collector and the threads are set for short pauses, and back."""

from __future__ import annotations

import gc
import sys

from twisted.trial.unittest import SynchronousTestCase

from toron.net.pauses import short_pauses


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
