"""Shared counts: one limit for all seats, and what a seat held is given back when it is vacated."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.core.memory import FakeMemory
from toron.core.shared_counts import SharedCounts
from toron.core.shared_slots import WAYS

SEATS = 3


class SharedCountsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.memory = FakeMemory(SharedCounts.bytes_for(SEATS))

    def seat(self, number: int) -> SharedCounts:
        return SharedCounts(self.memory, SEATS, number)

    def test_one_limit(self) -> None:
        one, other = self.seat(0), self.seat(2)
        self.assertEqual(
            [counts.add("a", 3) for counts in (one, other, one, other)], [True, True, True, False]
        )
        self.assertTrue(other.add("b", 1))
        one.remove("a")
        self.assertEqual([counts.add("a", 3) for counts in (other, one)], [True, False])
        self.assertEqual(self.memory.held, [])

    def test_a_seat_is_vacated(self) -> None:
        one, other = self.seat(0), self.seat(1)
        for counts in (one, one, other):
            counts.add("a", 3)
        self.assertFalse(other.add("a", 3))
        other.vacate(0)
        self.assertEqual([other.add("a", 3) for _ in range(3)], [True, True, False])
        again = self.seat(0)
        other.remove("a")
        self.assertEqual([again.add("a", 3) for _ in range(2)], [True, False])
        for counts in (again, other, other):
            counts.remove("a")
        self.assertEqual([again.add("a", 3) for _ in range(4)], [True, True, True, False])

    def test_a_slot_of_which_nobody_holds_anything_is_taken_by_another(self) -> None:
        self.memory = FakeMemory(self.row())
        counts = self.seat(0)
        for number in range(10 * WAYS):
            self.assertTrue(counts.add(str(number), 1))
            counts.remove(str(number))
        self.assertEqual(len(counts._alone), 0)

    def test_in_a_full_row_each_counts_alone(self) -> None:
        self.memory = FakeMemory(self.row())
        one, other = self.seat(0), self.seat(1)
        for number in range(WAYS):
            one.add(str(number), 1)
        self.assertEqual([one.add("more", 2) for _ in range(3)], [True, True, False])
        self.assertTrue(other.add("more", 2))
        one.remove("more")
        one.remove("more")
        self.assertEqual(len(one._alone), 0)
        self.assertEqual(self.memory.held, [])

    def row(self) -> int:
        """The size of a table with one row of slots."""
        size = 16 + SEATS * 8
        return SEATS * 4 + WAYS * size

    def test_terms_go_round(self) -> None:
        counts = self.seat(1)
        self.memory.view[4:8] = b"\xff" * 4
        counts.add("a", 1)
        self.assertFalse(counts.add("a", 1))
        counts.vacate(1)
        self.assertTrue(counts.add("a", 1))
