"""Differences of counts, and the quantiles that are made of buckets."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.changing.counted import NOTHING, Counted, quantile
from toron.observe.stats import BOUNDS, Durations


def buckets(*seconds: float) -> tuple[int, ...]:
    """As they are counted where such durations came."""
    durations = Durations()
    for each in seconds:
        durations.add(each)
    return tuple(durations.buckets)


class Counts(SynchronousTestCase):
    def test_since(self) -> None:
        before, after = Counted(10, 1, buckets(0.002)), Counted(25, 4, buckets(0.002, 0.002, 9.0))
        self.assertEqual(after.since(before), Counted(15, 3, buckets(0.002, 9.0)))
        self.assertEqual(after.since(None), after)
        self.assertEqual(after.since(after), NOTHING)

    def test_that_were_begun_anew(self) -> None:
        after = Counted(3, 0, buckets(0.002))
        self.assertIs(after.since(Counted(10, 1, buckets(0.002, 0.002))), after)

    def test_both(self) -> None:
        one = Counted(1, 1, buckets(0.002))
        self.assertEqual(one.with_(one).with_(NOTHING), Counted(2, 2, buckets(0.002, 0.002)))
        self.assertEqual(one.timed, 1)


class Quantiles(SynchronousTestCase):
    def test_within_the_bucket(self) -> None:
        for share, least, most in ((0.5, 0.0, 0.001), (0.9, 0.0, 0.001), (0.99, 0.5, 1.0), (1.0, 0.5, 1.0)):
            found = quantile(buckets(*[0.0005] * 95, *[0.7] * 5), share)
            self.assertTrue(least < found <= most, f"{share}: {found}")

    def test_spread_evenly(self) -> None:
        self.assertAlmostEqual(quantile(buckets(*[0.08] * 10), 0.5), 0.075)

    def test_beyond_the_last_bound(self) -> None:
        self.assertEqual(quantile(buckets(100.0), 0.99), BOUNDS[-1])

    def test_of_nothing(self) -> None:
        self.assertEqual(NOTHING.quantile(0.99), 0.0)
