"""Limits of one process, and of several."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.core.memory import FakeMemory
from toron.core.counts import Counts
from toron.core.limits import Limits, SharedLimits
from toron.core.token_bucket import TokenBuckets


class LimitsTests(SynchronousTestCase):
    def test_of_one_process(self) -> None:
        limits = Limits()
        self.assertIsInstance(limits.buckets(1.0, 1, 5), TokenBuckets)
        self.assertIsInstance(limits.counts(), Counts)
        self.assertIsNot(limits.counts(), limits.counts())

    def test_of_several(self) -> None:
        memories: list[FakeMemory] = []

        def first(size: int) -> FakeMemory:
            memories.append(FakeMemory(size))
            return memories[-1]

        one = SharedLimits(first, 2, 0)
        its_buckets, its_counts = one.buckets(1.0, 1, 100), one.counts()
        self.assertEqual(len(memories), 2)
        self.assertGreaterEqual(len(memories[0].view), 100 * 32)
        given = iter(memories)
        other = SharedLimits(lambda size: next(given), 2, 1)
        buckets, counts = other.buckets(1.0, 1, 100), other.counts()
        self.assertEqual([b.take("a", 1e9).allowed for b in (its_buckets, buckets)], [True, False])
        self.assertEqual([c.add("a", 1) for c in (its_counts, counts)], [True, False])
        other.shared[0].vacate(0)
        self.assertTrue(counts.add("a", 1))
