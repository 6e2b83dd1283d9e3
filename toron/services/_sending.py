"""A request's body over all its tries."""

from __future__ import annotations

from toron.core.body import Body


class Sending:
    """Gives the body to each try; kept for another one where it is small and here already."""

    __slots__ = ("_body", "_given", "_kept", "_most")

    def __init__(self, body: Body, most: int) -> None:
        """At most `most` bytes are kept."""
        self._body = body
        self._most = most
        self._given = False
        self._kept: bytes | None = None

    def take(self) -> Body:
        """The body for the next try."""
        if self._given:
            assert self._kept is not None
            again = Body.of(self._kept)
            again.trailers = self._body.trailers
            again.length = self._body.length
            return again
        self._given = True
        whole = self._body.complete
        if whole is not None and len(whole) <= self._most:
            self._kept = whole
        return self._body

    @property
    def repeatable(self) -> bool:
        """Whether it can be sent (once more)."""
        return not self._given or self._kept is not None
