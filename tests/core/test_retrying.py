"""Tests of the retry budget."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from toron.core.retrying import WINDOW, Budget


class BudgetTests(SynchronousTestCase):
    def test_everything_dead(self) -> None:
        budget = Budget(0.2)
        retries = 0
        for turn in range(100):
            budget.request(turn * 0.01)
            retries += budget.may_retry(turn * 0.01, free=turn < 2)
        self.assertEqual(retries, 20)

    def test_one_retry_is_always_within_the_budget(self) -> None:
        budget = Budget(0.2)
        budget.request(0.0)
        self.assertTrue(budget.may_retry(0.0))
        self.assertFalse(budget.may_retry(0.0))

    def test_none_when_the_share_is_none(self) -> None:
        budget = Budget(0.0)
        budget.request(0.0)
        self.assertFalse(budget.may_retry(0.0))

    def test_free_retries_are_allowed_and_counted(self) -> None:
        budget = Budget(0.2)
        for _ in range(10):
            budget.request(0.0)
        self.assertEqual([budget.may_retry(0.0, free=True) for _ in range(3)], [True] * 3)
        self.assertFalse(budget.may_retry(0.0))

    def test_the_window_slides(self) -> None:
        budget = Budget(0.2)
        for _ in range(100):
            budget.request(9.0)
        for _ in range(20):
            self.assertTrue(budget.may_retry(9.0))
        self.assertFalse(budget.may_retry(9.0))
        self.assertFalse(budget.may_retry(12.0))
        for _ in range(10):
            budget.request(19.9)
        self.assertTrue(budget.may_retry(19.9))

    def test_an_old_window_is_forgotten(self) -> None:
        budget = Budget(0.5)
        for _ in range(100):
            budget.request(1.0)
        budget.request(31.0)
        self.assertEqual([budget.may_retry(31.0) for _ in range(2)], [True, False])

    @given(
        st.floats(0.05, 1.0),
        st.lists(st.tuples(st.floats(0.0, 2.0), st.booleans()), min_size=1, max_size=300),
    )
    def test_never_more_than_twice_the_share_in_any_window(
        self, share: float, steps: list[tuple[float, bool]]
    ) -> None:
        budget = Budget(share)
        now = 0.0
        requests: list[float] = []
        retries: list[float] = []
        for pause, fails in steps:
            now += pause
            budget.request(now)
            requests.append(now)
            if fails and budget.may_retry(now):
                retries.append(now)
        for start in requests:
            inside = sum(1 for at in retries if start <= at < start + WINDOW)
            asked = sum(1 for at in requests if start - WINDOW <= at < start + WINDOW)
            self.assertLessEqual(inside, max(2.0, share * asked + 2.0))
