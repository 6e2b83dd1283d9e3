"""What a composition has made, and of what, so that the next one may go on with the same objects."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Hashable
from typing import Any, TypeVar

from toron.net.pauses import emptying

T = TypeVar("T")


class Pieces:
    """The pieces of one composition, by where they are used.

    `before` are those of the composition before this one. A piece of it that was made of the same
    (equal, not identical) is used again, whatever state it has; others are made anew. What nobody asks
    for is not taken over. Where another process has compared already, `told` are those that are made
    anew, and nothing is compared.
    """

    def __init__(self, before: Pieces | None = None, told: Collection[Hashable] | None = None) -> None:
        self._before: dict[Hashable, tuple[Any, Any]] = {} if before is None else before._made
        self._made: dict[Hashable, tuple[Any, Any]] = {}
        self._told = told
        self._outer: dict[Hashable, Hashable] = {} if before is None else dict(before._outer)
        """What each piece was made for: another piece, or None."""
        self.making: Hashable = None
        """The piece that is made now; None between two."""
        self.anew: set[Hashable] = set()
        """Those that this composition has made."""

    def same(self, key: Hashable, made_of: Any, make: Callable[[], T]) -> T:
        """The piece of this `key`: the one from before if it was made of the same, else what `make` returns.

        Asked again for the same key, a composition gets what it got first.
        """
        found = self._made.get(key)
        if found is None:
            found = self._before.get(key)
            if found is None or (found[0] != made_of if self._told is None else key in self._told):
                found = (made_of, self._make(key, make))
            self._made[key] = found
        piece: T = found[1]
        return piece

    def _make(self, key: Hashable, make: Callable[[], T]) -> T:
        outer, self.making = self.making, key
        self.anew.add(key)
        self._outer[key] = outer
        try:
            return make()
        finally:
            self.making = outer

    def carry(self, key: Hashable) -> None:
        """Take over the piece of this key, if there is one, whatever it was made of."""
        found = self._before.get(key)
        if found is not None:
            self._made.setdefault(key, found)

    def seal(self) -> None:
        """Let go of what was before, once everything has been asked for."""
        self._before = {}
        self._outer = {key: outer for key, outer in self._outer.items() if self.alive(key)}

    def alive(self, key: Hashable) -> bool:
        """Whether the piece is part of this composition, or of a piece that is."""
        while key is not None:
            if key in self._made:
                return True
            key = self._outer.get(key)
        return False

    def dismantle(self) -> Generator[None]:
        """Let go of all of them, in small steps."""
        return emptying(self._made)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._made

    def __len__(self) -> int:
        return len(self._made)
