"""Tells when files have become others, however they were replaced, and have been left alone since."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from toron.net.looking import Looking

_State = tuple[int, int, int, int]


class FileWatch(Looking):
    """Looks at a file every `step` seconds, through links: renamed into place, written to, or a link led on.

    `changed` is called once the file is not what it was, and two looks in a row have found it the same: what
    is still being written is not read. A file that is gone is no change; it may come back. The same goes for
    the `others`, where one that comes or goes is a change; `changed` is told whether it was one of these.
    """

    def __init__(
        self,
        reactor: Any,
        path: str,
        changed: Callable[[bool], None],
        step: float = 0.5,
        look: Callable[[str], Hashable] = lambda pattern: None,
    ) -> None:
        """`look` tells what there is now of one of the `others`, and how it is."""
        super().__init__(reactor, step)
        self._path = path
        self._changed = changed
        self._look = look
        self._known = self._seen = _state(path)
        self._others: dict[str, Hashable] = {}
        self._seen_others: dict[str, Hashable] = {}

    def also(self, others: Mapping[str, Hashable]) -> None:
        """Look at these too, and at no others; they are as they were when they were read."""
        self._others = self._seen_others = dict(others)

    def look(self) -> None:
        """Look at all of it now."""
        state, others = _state(self._path), {each: self._look(each) for each in self._others}
        settled = state == self._seen and others == self._seen_others
        self._seen, self._seen_others = state, others
        among = others != self._others
        if settled and state is not None and (among or state != self._known):
            self._known, self._others = state, others
            self._changed(among)


def _state(path: str) -> _State | None:
    """What changes when a file does; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
