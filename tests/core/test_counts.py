"""Counts up to a limit, and forgets who holds nothing."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.core.counts import Counts


class CountsTests(SynchronousTestCase):
    def test_up_to_the_limit(self) -> None:
        counts = Counts()
        self.assertEqual([counts.add("a", 2) for _ in range(3)], [True, True, False])
        self.assertTrue(counts.add("b", 1))
        counts.remove("a")
        self.assertEqual([counts.add("a", 2) for _ in range(2)], [True, False])

    def test_nobody_is_remembered_for_nothing(self) -> None:
        counts = Counts()
        for _ in range(2):
            counts.add("a", 2)
        self.assertFalse(counts.add("b", 0))
        counts.remove("a")
        self.assertEqual(len(counts), 1)
        counts.remove("a")
        self.assertEqual(len(counts), 0)
        self.assertRaises(KeyError, counts.remove, "a")
