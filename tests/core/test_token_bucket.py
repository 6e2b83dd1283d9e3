"""Tests of token buckets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.core.token_bucket import TokenBuckets


class TokenBucketTests(SynchronousTestCase):
    def test_the_eleventh_of_ten(self) -> None:
        buckets = TokenBuckets(10.0, 10)
        taken = [buckets.take("a", 1.7e9) for _ in range(11)]
        self.assertEqual([one.allowed for one in taken], [True] * 10 + [False])
        self.assertEqual([one.remaining for one in taken], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0])
        self.assertAlmostEqual(taken[-1].wait, 0.1)
        self.assertAlmostEqual(taken[-1].full, 1.0)
        self.assertAlmostEqual(taken[0].full, 0.1)

    def test_tokens_come_back(self) -> None:
        buckets = TokenBuckets(10.0, 2)
        now = 1.7e9
        self.assertEqual([buckets.take("a", now).allowed for _ in range(3)], [True, True, False])
        self.assertFalse(buckets.take("a", now + 0.09).allowed)
        self.assertTrue(buckets.take("a", now + 0.1).allowed)
        self.assertFalse(buckets.take("a", now + 0.1).allowed)
        self.assertEqual([buckets.take("a", now + 60).allowed for _ in range(3)], [True, True, False])

    def test_a_refusal_costs_nothing(self) -> None:
        buckets = TokenBuckets(1.0, 1)
        buckets.take("a", 0.0)
        for tenth in range(1, 10):
            self.assertFalse(buckets.take("a", tenth / 10).allowed)
        self.assertTrue(buckets.take("a", 1.0).allowed)

    def test_keys_are_apart(self) -> None:
        buckets = TokenBuckets(1.0, 1)
        self.assertTrue(buckets.take("a", 0.0).allowed)
        self.assertTrue(buckets.take("b", 0.0).allowed)
        self.assertFalse(buckets.take("a", 0.0).allowed)

    def test_a_clock_that_jumps_back_takes_nothing(self) -> None:
        buckets = TokenBuckets(1.0, 2)
        buckets.take("a", 100.0)
        self.assertTrue(buckets.take("a", 50.0).allowed)
        self.assertFalse(buckets.take("a", 50.0).allowed)
        self.assertTrue(buckets.take("a", 101.0).allowed)

    def test_the_key_quiet_for_longest_is_forgotten(self) -> None:
        buckets = TokenBuckets(0.001, 1, most=3)
        for key in "abc":
            buckets.take(key, 0.0)
        self.assertFalse(buckets.take("a", 0.0).allowed)
        buckets.take("d", 0.0)
        self.assertEqual(len(buckets), 3)
        self.assertFalse(buckets.take("a", 0.0).allowed)
        self.assertTrue(buckets.take("b", 0.0).allowed)

    def test_what_is_no_bucket(self) -> None:
        self.assertRaises(ValueError, TokenBuckets, 0.0, 1)
        self.assertRaises(ValueError, TokenBuckets, 1.0, 0)

    @given(
        st.floats(0.1, 1000.0),
        st.integers(1, 50),
        st.lists(st.floats(0.0, 3.0), min_size=1, max_size=200),
    )
    def test_never_more_than_burst_and_rate(self, rate: float, burst: int, pauses: list[float]) -> None:
        buckets, now, allowed = TokenBuckets(rate, burst), 0.0, 0
        for pause in pauses:
            now += pause
            taken = buckets.take("k", now)
            allowed += taken.allowed
            self.assertTrue(0 <= taken.remaining <= burst)
            self.assertEqual(taken.allowed or taken.wait > 0.0, True)
        self.assertLessEqual(allowed, burst + rate * now + 1e-3)

    @given(st.floats(0.1, 1000.0), st.integers(1, 50))
    def test_after_the_wait_there_is_a_token(self, rate: float, burst: int) -> None:
        buckets = TokenBuckets(rate, burst)
        now = 1000.0
        while (taken := buckets.take("k", now)).allowed:
            self.assertLess(taken.remaining, burst)
        self.assertTrue(buckets.take("k", now + taken.wait).allowed)
