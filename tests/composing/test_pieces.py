"""What was made of the same is the same object afterwards; what was not is made anew."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from toron.composing.pieces import Pieces


class PiecesTests(SynchronousTestCase):
    def made(self, pieces: Pieces, key: object, made_of: object) -> Any:
        return pieces.same(key, made_of, object)

    def test_made_of_the_same(self) -> None:
        first = Pieces()
        made = self.made(first, "a", [1, 2])
        second = Pieces(first)
        self.assertIs(self.made(second, "a", [1, 2]), made, "equal, not identical")
        self.assertIs(self.made(Pieces(second), "a", [1, 2]), made)

    def test_made_of_something_else(self) -> None:
        first = Pieces()
        made = self.made(first, "a", 1)
        second = Pieces(first)
        other = self.made(second, "a", 2)
        self.assertIsNot(other, made)
        self.assertIsNot(self.made(second, "b", 1), made, "another place")
        self.assertIs(self.made(Pieces(first), "a", 1), made, "the first was not touched")

    def test_asked_again(self) -> None:
        pieces = Pieces()
        self.assertIs(self.made(pieces, "a", 1), self.made(pieces, "a", 1))

    def test_what_nobody_asks_for_is_not_taken_over(self) -> None:
        first = Pieces()
        made = self.made(first, "a", 1)
        second = Pieces(first)
        self.assertIsNot(self.made(Pieces(second), "a", 1), made)

    def test_taken_over_unseen(self) -> None:
        first = Pieces()
        made = self.made(first, "a", 1)
        second = Pieces(first)
        second.carry("a")
        second.carry("never there")
        self.assertIs(self.made(Pieces(second), "a", 1), made)

    def test_nothing_comes_from_before_once_it_is_sealed(self) -> None:
        first = Pieces()
        made = self.made(first, "a", 1)
        second = Pieces(first)
        second.seal()
        self.assertIsNot(self.made(second, "a", 1), made)

    def test_what_is_made_for_what(self) -> None:
        first = Pieces()

        def make() -> str:
            self.assertEqual(first.making, "outer")
            first.same("inner", 1, lambda: self.assertEqual(first.making, "inner"))
            return "made"

        first.same("outer", 1, make)
        self.assertIsNone(first.making)
        self.assertEqual(first.anew, {"outer", "inner"})
        second = Pieces(first)
        second.same("outer", 1, make)
        self.assertEqual(second.anew, set())
        self.assertTrue(second.alive("inner"), "with what it was made for")
        second.seal()
        third = Pieces(second)
        third.seal()
        self.assertEqual((second.alive("inner"), third.alive("inner")), (True, False))

    def test_what_another_process_has_compared(self) -> None:
        first = Pieces()
        kept, other = self.made(first, "a", 1), self.made(first, "b", 1)
        second = Pieces(first, told={"b", "c"})
        self.assertIs(self.made(second, "a", 2), kept)
        self.assertIsNot(self.made(second, "b", 1), other)
        self.made(second, "c", 1)
        self.assertEqual(second.anew, {"b", "c"})
