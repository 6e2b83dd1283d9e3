"""Turns single check results into a state that does not flap."""

from __future__ import annotations


class ProbeFailed(Exception):
    """Why a server did not pass its check, in a few words."""


class RiseFall:
    """Well after `rise` passed checks in a row, ill after `fall` failed ones."""

    __slots__ = ("_against", "_fall", "_rise", "healthy")

    def __init__(self, rise: int, fall: int, healthy: bool) -> None:
        """`healthy` is the state before the first check."""
        self._rise = rise
        self._fall = fall
        self.healthy = healthy
        self._against = 0

    def record(self, ok: bool) -> bool | None:
        """Note one result; the new state when it changed by this, else None."""
        if ok == self.healthy:
            self._against = 0
            return None
        self._against += 1
        if self._against < (self._rise if ok else self._fall):
            return None
        self._against = 0
        self.healthy = ok
        return ok
