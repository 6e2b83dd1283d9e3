"""Tests of the state behind active checks."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from toron.core.rise_fall import RiseFall


class RiseFallTests(SynchronousTestCase):
    def record(self, state: RiseFall, results: str) -> list[bool | None]:
        return [state.record(result == "+") for result in results]

    def test_out_after_three_in_after_two(self) -> None:
        state = RiseFall(2, 3, True)
        self.assertEqual(self.record(state, "---"), [None, None, False])
        self.assertFalse(state.healthy)
        self.assertEqual(self.record(state, "++"), [None, True])
        self.assertTrue(state.healthy)

    def test_only_results_in_a_row_count(self) -> None:
        state = RiseFall(2, 3, True)
        self.assertEqual(self.record(state, "--+--+--"), [None] * 8)
        state = RiseFall(2, 3, False)
        self.assertEqual(self.record(state, "+-+-+-"), [None] * 6)

    def test_the_state_is_told_once(self) -> None:
        state = RiseFall(1, 1, True)
        self.assertEqual(self.record(state, "+--++-"), [None, False, None, True, None, False])

    def test_it_may_begin_down(self) -> None:
        state = RiseFall(2, 3, False)
        self.assertEqual(self.record(state, "-++"), [None, None, True])
