"""Remembers who changed what: a line in the log for each, and the last ones for who asks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from msgspec import Struct
from twisted.logger import Logger

KEPT = 1000
"""Entries that are remembered."""


class Entry(Struct):
    """One request that changed something, or wanted to."""

    time: float
    """Unix seconds."""
    who: str
    """`token`, the address of a client that needs none, or `?` for one without the right token."""
    client: str
    what: str
    """The method and the path."""
    status: int
    result: str
    """What became of it, in a few words."""
    before: str = ""
    """The entity tag of the configuration before and after, where it was changed."""
    after: str = ""


class Audit:
    """The last entries; `wall` gives Unix seconds."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self.log = Logger(namespace="toron")

    def note(
        self, who: str, client: str, what: str, status: int, result: str, before: str = "", after: str = ""
    ) -> None:
        """Write an entry."""
        entry = Entry(round(self._wall(), 3), who, client, what, status, result, before, after)
        self._entries.append(entry)
        change = f" ({before} -> {after})" if before != after else ""
        self.log.info(
            "admin: {who} from {client}: {what}: {status} {result}{change}",
            who=who, client=client, what=what, status=status, result=result, change=change,
        )  # fmt: skip

    def latest(self, limit: int) -> list[Entry]:
        """The newest first."""
        return list(self._entries)[: -limit - 1 : -1] if limit > 0 else []
