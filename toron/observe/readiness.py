"""Whether new traffic should be sent here, with every reason why not."""

from __future__ import annotations


class Readiness:
    """Ready while nothing holds it; a reason is a few words, such as `starting` or `draining`."""

    __slots__ = ("_reasons",)

    def __init__(self, *reasons: str) -> None:
        self._reasons: dict[str, None] = dict.fromkeys(reasons)

    @property
    def ready(self) -> bool:
        """Whether there is no reason against it."""
        return not self._reasons

    @property
    def reasons(self) -> list[str]:
        """Why not, the oldest first."""
        return list(self._reasons)

    def hold(self, reason: str) -> None:
        """Not ready, until this very reason is released."""
        self._reasons[reason] = None

    def release(self, reason: str) -> None:
        """The reason, where it was one, is over."""
        self._reasons.pop(reason, None)
