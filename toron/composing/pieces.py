"""What a composition has made, and of what, so that the next one may go on with the same objects."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable
from typing import Any, TypeVar

from toron.net.pauses import emptying

T = TypeVar("T")


class Pieces:
    """The pieces of one composition, by where they are used.

    `before` are those of the composition before this one. A piece of it that was made of the same
    (equal, not identical) is used again, whatever state it has; others are made anew. What nobody asks
    for is not taken over.
    """

    def __init__(self, before: Pieces | None = None) -> None:
        self._before: dict[Hashable, tuple[Any, Any]] = {} if before is None else before._made
        self._made: dict[Hashable, tuple[Any, Any]] = {}

    def same(self, key: Hashable, made_of: Any, make: Callable[[], T]) -> T:
        """The piece of this `key`: the one from before if it was made of the same, else what `make` returns.

        Asked again for the same key, a composition gets what it got first.
        """
        found = self._made.get(key)
        if found is None:
            found = self._before.get(key)
            if found is None or found[0] != made_of:
                found = (made_of, make())
            self._made[key] = found
        piece: T = found[1]
        return piece

    def carry(self, key: Hashable) -> None:
        """Take over the piece of this key, if there is one, whatever it was made of."""
        found = self._before.get(key)
        if found is not None:
            self._made.setdefault(key, found)

    def seal(self) -> None:
        """Let go of what was before, once everything has been asked for."""
        self._before = {}

    def dismantle(self) -> Generator[None]:
        """Let go of all of them, in small steps."""
        return emptying(self._made)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._made

    def __len__(self) -> int:
        return len(self._made)
