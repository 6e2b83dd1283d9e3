"""Memory for tests that several tables of one process see, and that notes how it is locked."""

from __future__ import annotations


class FakeMemory:
    """As many bytes as asked for; `held` are the places that are locked now."""

    def __init__(self, size: int) -> None:
        self.view = memoryview(bytearray(size))
        self.held: list[int] = []
        self.locked = 0

    def lock(self, place: int) -> None:
        if place in self.held:
            raise AssertionError("it would wait for itself")
        self.held.append(place)
        self.locked += 1

    def unlock(self, place: int) -> None:
        self.held.remove(place)
