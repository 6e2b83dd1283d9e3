"""Gives the new process a way to what comes for it while the old one still reads from its UDP sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from toron.net.detour import PassingOn
from toron.net.sockets import Place


class Detours:
    """Of one upgrade: one for each listener of this process that has sessions on a UDP socket.

    Workers have none: their sessions begin anew in the new process.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._ours: list[tuple[Any, socket.socket]] = []
        self._taken: list[tuple[Any, PassingOn]] = []

    @contextmanager
    def theirs(
        self, sockets: Mapping[Place, Sequence[Any]], listeners: Sequence[Any]
    ) -> Iterator[dict[Place, socket.socket]]:
        """The new process's ends, by the places of `sockets`; they are closed afterwards."""
        theirs: dict[Place, socket.socket] = {}
        try:
            for listener in listeners:
                place = _place(getattr(listener, "opened", None), sockets)
                if place is not None and place not in theirs:
                    ours, theirs[place] = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
                    self._ours.append((listener, ours))
            yield theirs
        finally:
            for each in theirs.values():
                each.close()

    def take(self) -> None:
        """From here on pass on what is for nobody in this process."""
        ours, self._ours = self._ours, []
        for listener, opened in ours:
            passing = PassingOn(self._reactor, opened, _lost(listener))
            self._taken.append((listener, passing))
            listener.pass_on(passing)

    def drop(self) -> None:
        """Nobody takes over."""
        for _, opened in self._ours:
            opened.close()
        for listener, passing in self._taken:
            listener.pass_on(None)
            passing.close()
        self._ours, self._taken = [], []


def _place(opened: Any, sockets: Mapping[Place, Sequence[Any]]) -> Place | None:
    if opened is None:
        return None
    return next((place for place, those in sockets.items() if any(each is opened for each in those)), None)


def _lost(listener: Any) -> Any:
    """When the new process is gone before this one, whoever comes after it has to be able to read."""

    def lost() -> None:
        listener.pass_on(None)
        listener.pause()

    return lost
