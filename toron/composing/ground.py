"""What every part of a composition stands on: files, plug-ins, pieces from before, places for messages."""

from __future__ import annotations

import os
import random as randomness
from collections.abc import Callable, Generator, Hashable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from OpenSSL import SSL
from twisted.logger import Logger

from toron import plugin
from toron.composing.pieces import Pieces
from toron.config.files import contents
from toron.config.load import Loaded
from toron.core.limits import Limits, SharedLimits
from toron.interfaces import Environment
from toron.net.inheritance import Inheritance, Inherited
from toron.net.pauses import emptying
from toron.net.shared_memory import as_file
from toron.net.tls import explain

_T = TypeVar("_T")


class Ground:
    """One composition's; with `before`, that of the composition before it.

    `inheritance` is what workers have in common, None where there is one process.
    """

    pieces: Pieces

    def __init__(
        self,
        loaded: Loaded,
        reactor: Any,
        random: randomness.Random,
        inheritance: Inheritance | None,
        before: Ground | None,
    ) -> None:
        self.loaded = loaded
        # A daemon changes its folder: what is opened later must not depend on the one it began in.
        self.folder = os.path.abspath(loaded.folder)
        self.reactor = reactor
        self.random = random
        self.inheritance = inheritance
        told = inheritance.told if isinstance(inheritance, Inherited) else None
        self.pieces = Pieces(None if before is None else before.pieces, told)
        self._limits: dict[Hashable, list[SharedLimits]] = {} if before is None else dict(before._limits)
        """What counts in memory that all workers see, by the pieces that it is for."""
        self.changes: list[Callable[[], object]] = []
        """What is to be done when this takes the place of the composition before."""
        self.log = Logger(namespace="toron")

    def leave(self) -> None:
        """Let go of what only served to compose."""
        self.pieces.seal()
        alive = self.pieces.alive
        self._limits = {piece: limits for piece, limits in self._limits.items() if alive(piece)}
        if self.inheritance is not None:
            self.inheritance.keep(alive)

    def dismantle(self) -> Generator[None]:
        """Let go of all pieces, of what workers have in common, and of the file, in small steps."""
        # What was kept for the next composition may still know this one, and need no more than its log.
        self._limits.clear()
        self.inheritance = None
        yield from self.pieces.dismantle()
        loaded = self.loaded
        del self.loaded
        yield from forget(loaded)

    def plugin(self, path: tuple[str | int, ...], name: str = "") -> tuple[str, Any]:
        """What the plug-in used at `path` is called, and what it makes."""
        used = self.loaded.plugins[path]
        name = name or used.name
        with self.located("", *path):
            made = plugin.find(used.drawer, used.word).make(used.options, self.environment(name))
        return name, made

    def kept(self, key: Hashable, path: tuple[str | int, ...]) -> tuple[str, Any]:
        """As `plugin`, but for what was made before with the same options: that is used again."""
        used = self.loaded.plugins[path]
        made_of = (used, self.contents(used.options))
        return self.same(key, made_of, lambda: self.plugin(path))

    def same(self, key: Hashable, made_of: Any, make: Callable[[], _T]) -> _T:
        """A piece of the composition: the one from before, if it was made of the same (see `Pieces`)."""

        def made() -> _T:
            self._limits.pop(key, None)
            if self.inheritance is not None:
                self.inheritance.begin(key)
            return make()

        return self.pieces.same(key, made_of, made)

    @contextmanager
    def located(self, what: str, *path: str | int) -> Iterator[None]:
        """Whatever turns out to be unusable in here was written at `path`: Invalid says so."""
        try:
            yield
        except (ValueError, OSError, SSL.Error) as error:
            why = explain(error) if isinstance(error, SSL.Error) else str(error)
            message = f"{what}: {why}" if what else why
            raise self.loaded.invalid(message, *path) from None

    def environment(self, name: str) -> Environment:
        return Environment(name, self.reactor, self.random, self.log, self.folder, self.limits())

    def limits(self) -> Limits:
        """Where the piece counts that is made now."""
        inheritance, piece = self.inheritance, self.pieces.making
        if inheritance is None:
            return Limits()
        limits = SharedLimits(partial(inheritance.memory, piece), inheritance.seats, inheritance.seat)
        self._limits.setdefault(piece, []).append(limits)
        return limits

    @property
    def shared_limits(self) -> list[SharedLimits]:
        """What counts in memory that all workers see."""
        return [limits for those in self._limits.values() for limits in those]

    def once(self, make: Callable[[], _T]) -> _T:
        """What has to be the same in all workers, of the piece that is made now."""
        return make() if self.inheritance is None else self.inheritance.once(self.pieces.making, make)

    @contextmanager
    def readable(self, path: str | None) -> Iterator[str | None]:
        """Where a file can be read: a worker may have no right to it any more, nor it be the same."""
        if path is None or self.inheritance is None:
            yield path and self.path(path)
            return
        with as_file(self.once(lambda: Path(self.path(path)).read_bytes())) as readable:
            yield readable

    def path(self, path: str) -> str:
        return os.path.join(self.folder, path)

    def contents(self, part: Any) -> tuple[tuple[str, bytes], ...]:
        """The files that a part of the configuration names, and what is in them now."""
        return contents(part, self.folder)


def forget(loaded: Loaded) -> Generator[None]:
    """Let go of what is known of a file, in small steps: it is as large as the file."""
    places = loaded.places
    # A worker is not told what is written.
    parts = [each for each in (places.data or {}).values() if isinstance(each, dict | list)]
    return emptying(places.keys, places.values, places.written_in, *parts)
