"""Takes a changed configuration into service: load, compose, compare, swap, drain."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from toron import plugin
from toron.composing.listeners import door
from toron.config.load import Loaded, load
from toron.config.place import Invalid, Problem
from toron.core.wait import Task
from toron.explain.expected import run_tests
from toron.net.file_watch import FileWatch
from toron.net.pauses import emptying, short_pauses
from toron.net.sockets import CannotListen
from toron.observe.reloads import Reloads
from toron.serving import Place, in_slices

_SOON = 0.5
"""Seconds until it is tried again while the gateway still starts."""

_LIVING = {"access_log": "the access log", "admin": "the admin port", "workers": "the number of workers"}
"""What is there as long as the process is."""


class Reload:
    """The configuration of a gateway that runs, and the way from one to the next.

    What serves in `place` is made of the file at `path`. `set_level` sets the level of the gateway's own
    log; None where that is not ours to set.
    """

    def __init__(self, place: Place, path: str, set_level: Callable[[str], None] | None = None) -> None:
        current = place.current
        self._place = place
        self._root = place.root
        self._path = os.path.abspath(path)
        self._set_level = set_level
        self._reactor = current.reactor
        self._running = False
        self._again = False
        self.stats = Reloads(current.wall)
        self.log = Logger(namespace="toron")
        current.metrics.more.append(self.stats.families)
        self._watch = FileWatch(self._reactor, self._path, self.ask)
        self._watch_or_not()

    def ask(self) -> None:
        """Reload soon; asked in the midst of a reload, do it once more afterwards."""
        if self._root.stopping:
            return
        if not self._root.opened:
            # Who is still looked for would be started by the one that has gone by then.
            self._reactor.callLater(_SOON, self.ask)
            return
        if self._running:
            self._again = True
            return
        self._running = True
        self.log.info("loading {path} again", path=self._path)
        Task(self._reload(), self._over).start()

    def _watch_or_not(self) -> None:
        """Watch the file if the configuration asks for it."""
        asked = self._place.current.config.reload.watch
        if asked and self._watch.parent is None:
            self._watch.setServiceParent(self._root)  # type: ignore[no-untyped-call]
        elif not asked and self._watch.parent is not None:
            self._watch.disownServiceParent()  # type: ignore[no-untyped-call]

    def _over(self, _: None, error: BaseException | None) -> None:
        self._running = False
        if isinstance(error, Invalid | CannotListen | OSError):
            self._rejected(str(error))
        elif error is not None:
            self.log.failure("a reload failed", Failure(error))
            self._rejected(f"{type(error).__name__}: {error}")
        if self._again:
            self._again = False
            self.ask()

    def _rejected(self, why: str) -> None:
        self._place.current.settle()
        self.stats.ended("rejected")
        for line in why.splitlines():
            self.log.error("{line}", line=line)
        self.log.error("nothing was changed: the configuration from before serves on")

    # --- the steps ----------------------------------------------------------------------------

    async def _reload(self) -> None:
        with short_pauses():
            loaded = await self._load()
            try:
                for warning in loaded.warnings:
                    self.log.warn("{problem}", problem=warning)
                self._refuse_what_stays(loaded)
                fresh = await self._place.compose(loaded)
            finally:
                places = loaded.places
                await in_slices(self._reactor, emptying(places.keys, places.values, *_lists(places.data)))
        if self._root.stopping:
            return
        now = self._place.current
        await self._place.take(fresh)
        if self._set_level is not None:
            self._set_level(fresh.config.log.level)
        self._watch_or_not()
        self.stats.ended("applied")
        self.log.info("the configuration was changed: {path}", path=self._path)
        await in_slices(self._reactor, now.dismantle())

    async def _load(self) -> Loaded:
        """What the file says now. It is read and checked beside the loop, which serves meanwhile."""
        pool = self._reactor.getThreadPool()
        loaded: Loaded | Invalid = await deferToThreadPool(self._reactor, pool, _load, self._path)
        if isinstance(loaded, Invalid):
            raise loaded
        return loaded

    def _refuse_what_stays(self, loaded: Loaded) -> None:
        """Raise Invalid for changes that only a restart can make."""
        now, then = self._place.current.config, loaded.config
        wrong = [key for key in _LIVING if getattr(now, key) != getattr(then, key)]
        problems = [
            _problem(loaded, f"{_LIVING[key]} can not be changed while it runs: restart for this", key)
            for key in wrong
        ]
        if now.log != then.log and self._set_level is None:
            problems.append(_problem(loaded, "the log is not toron's own here: restart for this", "log"))
        problems += self._refused_doors(loaded)
        if problems:
            raise Invalid(problems)

    def _refused_doors(self, loaded: Loaded) -> list[Problem]:
        """One UDP port can not go from one protocol to the other: each knows whose datagrams come."""
        kinds = {door(spec): spec.kind for spec in self._place.current.config.listeners if spec.over_udp}
        return [
            _problem(
                loaded, "the protocol of a UDP port can not be changed while it runs: restart for this",
                "listeners", index,
            )
            for index, spec in enumerate(loaded.config.listeners)
            if kinds.get(door(spec), spec.kind) != spec.kind
        ]  # fmt: skip


def _load(path: str) -> Loaded | Invalid:
    """The configuration, with its tests run; or all that is wrong with it."""
    try:
        loaded = load(path, plugin, os.environ)
        failed = run_tests(loaded)
    except Invalid as invalid:
        # Its traceback holds all that was read; this way it is let go of beside the loop.
        return Invalid(invalid.problems)
    return Invalid(failed) if failed else loaded


def _lists(data: Any) -> list[Any]:
    """The long parts of a document."""
    return [each for each in data.values() if isinstance(each, dict | list)]


def _problem(loaded: Loaded, message: str, *path: str | int) -> Problem:
    return loaded.invalid(message, *path).problems[0]
