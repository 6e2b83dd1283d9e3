"""Counts what is held for each key, up to a limit."""

from __future__ import annotations

from typing import Protocol


class Counting(Protocol):
    """How many are held for each key."""

    def add(self, key: str, most: int) -> bool:
        """Hold one more, unless `most` are held already."""

    def remove(self, key: str) -> None:
        """One of those that were added is held no more."""


class Counts:
    """The counts of one process."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[str, int] = {}

    def add(self, key: str, most: int) -> bool:
        """Hold one more, unless `most` are held already."""
        held = self._held.get(key, 0)
        if held >= most:
            return False
        self._held[key] = held + 1
        return True

    def remove(self, key: str) -> None:
        """One of those that were added is held no more."""
        if self._held[key] == 1:
            del self._held[key]
        else:
            self._held[key] -= 1

    def __len__(self) -> int:
        return len(self._held)
