"""Shared token buckets give what those of one process would, to all who share them."""

from __future__ import annotations

from struct import error, pack

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.core.memory import FakeMemory
from toron.core.shared_slots import KEY, WAYS
from toron.core.shared_token_bucket import SharedTokenBuckets
from toron.core.token_bucket import TokenBuckets

NOW = 1.7e9


class SharedTokenBucketTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.memory = FakeMemory(SharedTokenBuckets.bytes_for(100))

    def buckets(self, rate: float = 10.0, burst: float = 10) -> SharedTokenBuckets:
        return SharedTokenBuckets(self.memory, rate, burst)

    def test_two_share_one_limit(self) -> None:
        one, other = self.buckets(), self.buckets()
        taken = [buckets.take("a", NOW) for _ in range(6) for buckets in (one, other)]
        self.assertEqual([each.allowed for each in taken], [True] * 10 + [False] * 2)
        self.assertEqual([each.remaining for each in taken], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0])
        self.assertTrue(other.take("b", NOW).allowed)
        self.assertEqual((self.memory.held, self.memory.locked), ([], 13))

    @given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(-1, 5)), max_size=40))
    def test_the_same_as_those_of_one_process(self, steps: list[tuple[str, float]]) -> None:
        shared, alone = (
            SharedTokenBuckets(FakeMemory(SharedTokenBuckets.bytes_for(10)), 2.0, 3),
            TokenBuckets(2.0, 3),
        )
        now = NOW
        for key, later in steps:
            now += later
            self.assertEqual(shared.take(key, now), alone.take(key, now))

    def test_a_full_row_forgets_who_was_quiet_for_longest(self) -> None:
        self.memory = FakeMemory(SharedTokenBuckets.bytes_for(1))
        buckets = self.buckets(0.001, 1)
        for number in range(WAYS):
            buckets.take(number, NOW + number)
        self.assertFalse(buckets.take(0, NOW + WAYS).allowed)
        self.assertTrue(buckets.take("new", NOW + WAYS).allowed)
        self.assertFalse(buckets.take(0, NOW + WAYS).allowed)
        self.assertTrue(buckets.take(1, NOW + WAYS).allowed, "this one was forgotten")

    def test_what_a_killed_process_left_is_not_believed(self) -> None:
        for tokens, when in (
            (1e300, NOW),
            (-5.0, NOW),
            (0.0, NOW * 2),
            (float("nan"), NOW),
            (0.0, float("nan")),
        ):
            buckets = self.buckets(1.0, 2)
            buckets.take("a", NOW)
            place = buckets._slots.find(
                buckets._slots.hashed("a"), buckets._slots.row(buckets._slots.hashed("a"))
            )
            self.memory.view[place + KEY : place + KEY + 16] = pack("=dd", tokens, when)
            self.assertEqual([buckets.take("a", NOW).allowed for _ in range(3)], [True, True, False])

    def test_a_lock_is_let_go_when_something_fails(self) -> None:
        buckets = self.buckets()
        self.assertRaises(error, buckets.take, "a", None)
        self.assertEqual(self.memory.held, [])

    def test_what_is_no_limit(self) -> None:
        self.assertRaises(ValueError, self.buckets, 0.0, 1)
        self.assertRaises(ValueError, self.buckets, 1.0, 0.5)
