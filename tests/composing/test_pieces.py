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
