"""Takes a changed configuration into service: load, compose, compare, swap, drain."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from typing import Any

from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from toron import plugin
from toron.compose import Composition
from toron.composing.listeners import Door, door
from toron.config.load import Loaded, load
from toron.config.place import Invalid, Problem
from toron.core.wait import Task
from toron.explain.expected import run_tests
from toron.net.file_watch import FileWatch
from toron.net.gateway import Gateway
from toron.net.pauses import emptying, short_pauses
from toron.net.sockets import CannotListen
from toron.observe.reloads import Reloads

_SLICE = 0.01
"""Seconds of composing after which others get their turn."""

_SOON = 0.5
"""Seconds until it is tried again while the gateway still starts."""

_LIVING = {"access_log": "the access log", "admin": "the admin port", "workers": "the number of workers"}
"""What is there as long as the process is."""


class Reload:
    """The configuration of a gateway that runs, and the way from one to the next.

    `current` is the composition that serves in `root`, made of the file at `path`. `set_level` sets the
    level of the gateway's own log; None where that is not ours to set.
    """

    def __init__(
        self,
        root: Gateway,
        current: Composition,
        path: str,
        set_level: Callable[[str], None] | None = None,
    ) -> None:
        self._root = root
        self._current = current
        self._path = os.path.abspath(path)
        self._set_level = set_level
        self._reactor = current.reactor
        self._running = False
        self._again = False
        self._left: dict[Door, Any] = {}
        """UDP listeners that are not wanted any more: each holds its port until its last session is over."""
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
        asked = self._current.config.reload.watch
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
        self._current.settle()
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
                fresh = await self._compose(loaded)
            finally:
                places = loaded.places
                await self._in_slices(emptying(places.keys, places.values, *_lists(places.data)))
        if self._root.stopping:
            return
        now = self._current
        stay, added = self._compare(fresh)
        _bind(added)
        self._swap(fresh, stay, added)
        self.stats.ended("applied")
        self.log.info("the configuration was changed: {path}", path=self._path)
        await self._in_slices(now.dismantle())

    async def _load(self) -> Loaded:
        """What the file says now. It is read and checked beside the loop, which serves meanwhile."""
        pool = self._reactor.getThreadPool()
        loaded: Loaded | Invalid = await deferToThreadPool(self._reactor, pool, _load, self._path)
        if isinstance(loaded, Invalid):
            raise loaded
        return loaded

    def _refuse_what_stays(self, loaded: Loaded) -> None:
        """Raise Invalid for changes that only a restart can make."""
        now, then = self._current.config, loaded.config
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
        kinds = {door(spec): spec.kind for spec in self._current.config.listeners if spec.over_udp}
        return [
            _problem(
                loaded, "the protocol of a UDP port can not be changed while it runs: restart for this",
                "listeners", index,
            )
            for index, spec in enumerate(loaded.config.listeners)
            if kinds.get(door(spec), spec.kind) != spec.kind
        ]  # fmt: skip

    async def _compose(self, loaded: Loaded) -> Composition:
        """A second tree, with what did not change from the first; in slices, so that others run meanwhile."""
        now = self._current
        fresh = Composition(loaded, now.reactor, now.random, now.wall, before=now)
        await self._in_slices(fresh.steps())
        return fresh

    async def _in_slices(self, steps: Generator[None]) -> None:
        """Take steps, and let others run in between."""
        end = self._reactor.seconds() + _SLICE
        for _ in steps:
            if self._reactor.seconds() >= end:
                await deferLater(self._reactor, 0)
                end = self._reactor.seconds() + _SLICE

    def _compare(self, fresh: Composition) -> tuple[list[tuple[Any, Any]], list[Any]]:
        """The listeners that stay, each with what it is to become; and the new ones."""
        doors = {door: each for door, each in self._left.items() if each in self._root.leaving}
        doors |= _doors(self._current)
        stay, added = [], []
        for place, listener in _doors(fresh).items():
            old = doors.get(place)
            if type(old) is not type(listener):
                added.append(listener)
            else:
                stay.append((old, listener))
        return stay, added

    def _swap(self, fresh: Composition, stay: list[tuple[Any, Any]], added: list[Any]) -> None:
        """Let the new tree serve: all at once, so that no request sees half of it."""
        root, now = self._root, self._current
        for change in fresh.ground.changes:
            change()
        fresh.ground.changes.clear()
        self._switch(stay)
        stays = {id(fresh_one): old for old, fresh_one in stay}
        fresh.doors.made = [stays.get(id(each), each) for each in fresh.listeners]
        gone = [each for each in now.listeners if each not in fresh.listeners]
        self._exchange(now, fresh)
        for listener in added:
            listener.setServiceParent(root)
        root.leaving = [each for each in root.leaving if each not in fresh.listeners]
        root.listeners = [*fresh.listeners, *gone, *root.leaving]
        root.stop_within(fresh.config.drain.delay, fresh.config.drain.limit)
        if self._set_level is not None:
            self._set_level(fresh.config.log.level)
        self._current = fresh
        fresh.attend(root)
        fresh.settle()
        self._watch_or_not()
        self._drain(now, fresh, gone)

    def _switch(self, stay: list[tuple[Any, Any]]) -> None:
        """Put what is new behind the doors that stay."""
        for old, _ in stay:
            self._root.rename(old, None)
        for old, listener in stay:
            old.switch(listener)
            self._root.rename(old, listener.name)

    def _exchange(self, now: Composition, fresh: Composition) -> None:
        """Stop what checks and discovers servers and is not wanted any more, and begin what is new."""
        before, after = set(now.backends.services), set(fresh.backends.services)
        for service in before - after:
            service.disownServiceParent()
        for service in after - before:
            service.setServiceParent(self._root)

    def _drain(self, now: Composition, fresh: Composition, gone: list[Any]) -> None:
        """Let what is not wanted any more come to its end."""
        sites = set(map(id, fresh.doors.sites.values()))
        for site in now.doors.sites.values():
            if id(site) not in sites:
                site.drain()
        pools = set(map(id, fresh.pools))
        for pool in now.pools:
            if id(pool) not in pools:
                pool.close()
        self._left = {
            place: each for place, each in {**self._left, **_doors(now)}.items()
            if place[0] and (each in gone or each in self._root.leaving)
        }  # fmt: skip
        for listener in gone:
            self._root.leave(listener)


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


def _bind(added: list[Any]) -> None:
    """Take the addresses of new listeners, all of them or none; raises CannotListen."""
    for number, listener in enumerate(added):
        try:
            listener.bind()
        except (CannotListen, OSError):
            for bound in added[:number]:
                bound.stopService()
            raise


def _doors(composition: Composition) -> dict[Door, Any]:
    """The listeners by their sockets."""
    specs = composition.config.listeners
    return {door(spec): listener for spec, listener in zip(specs, composition.listeners, strict=True)}


def _problem(loaded: Loaded, message: str, *path: str | int) -> Problem:
    return loaded.invalid(message, *path).problems[0]
