"""Takes a changed configuration into service: load, compose, compare, swap, drain."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar

from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from toron import plugin
from toron.compose import Composition
from toron.composing.ground import forget
from toron.composing.listeners import door
from toron.config.include import seen
from toron.config.kept import kept
from toron.config.load import Loaded, load
from toron.config.model import Admin, Config
from toron.config.place import Document, Invalid, Problem, Seen
from toron.core.wait import Task, Wait
from toron.explain.expected import run_tests
from toron.explain.live import leaving
from toron.net.file_watch import FileWatch
from toron.net.pauses import in_slices, set_aside, short_pauses
from toron.net.sockets import CannotListen, check_free
from toron.observe.reloads import Reloads
from toron.serving import Place

T = TypeVar("T")

_SOON = 0.5
"""Seconds until it is tried again while the gateway still starts."""

FILE, SENT = "file", "api"
"""Where a configuration comes from."""

WHAT_WAS_SENT = "what was sent to the admin port"
"""What the log calls one that is in no file."""

_LIVING = {"access_log": "the access log", "admin": "the admin port", "workers": "the number of workers"}
"""What is there as long as the process is."""


class Overtaken(Exception):
    """What was to be changed is not what serves any more."""


class Reload:
    """The configuration of a gateway that runs, and the way from one to the next.

    What serves in `place` is made of the file at `path`. `set_level` sets the level of the gateway's own
    log; None where that is not ours to set. `looked` is what the file includes (see Document).
    """

    def __init__(
        self,
        place: Place,
        path: str,
        set_level: Callable[[str], None] | None = None,
        looked: Mapping[str, Seen] | None = None,
    ) -> None:
        current = place.current
        self._place = place
        self._root = place.root
        self._path = os.path.abspath(path)
        self._set_level = set_level
        self._reactor = current.reactor
        self._running: _Change | None = None
        self._waiting: deque[_Change] = deque()
        self.source = FILE
        """Where what serves was written: FILE, or SENT."""
        self.kept = b""
        """The configuration that serves, where somebody may ask for it (see `config.kept`)."""
        self.changed: Callable[[str, Loaded], None] = _nobody
        """Told of every configuration that was taken into service, and who asked for that."""
        self.stats = Reloads(current.wall)
        self.log = Logger(namespace="toron")
        current.metrics.more.append(self.stats.families)
        self._written: bytes | None = None
        """A hash of what serves, where it was written to the file by this process."""
        self._watch = FileWatch(self._reactor, self._path, self._touched, look=seen)
        self._watch.also(looked or {})
        self._watch_or_not()

    @property
    def current(self) -> Composition:
        """The composition that serves."""
        return self._place.current

    def ask(self, by: str = "SIGHUP") -> None:
        """Load the file soon; asked in the midst of a change, do it once more afterwards."""
        if not any(each.read is None and each.done is None for each in self._waiting):
            self._waiting.append(_Change(None, None, by))
        self._next()

    async def change(
        self,
        read: Callable[[], Loaded] | None,
        by: str = "api",
        called: str = WHAT_WAS_SENT,
        only: bytes | None = None,
    ) -> list[Problem]:
        """Take what `read` gives into service, called in a thread; None stands for the file.

        With `only`, only in the place of what was `kept` so. Returns the warnings when it serves; raises
        Invalid, OSError or Overtaken when nothing was changed. `changed` is told who it was `by`; the log
        calls it what it is `called`.
        """
        done: Wait[list[Problem]] = Wait()
        self._waiting.append(_Change(read, done, by, called, only=only))
        self._next()
        return await done

    async def rehearse(self, read: Callable[[], Loaded], see: Callable[[Rehearsal], T]) -> T:
        """What `see` returns of what `read` gives, composed but not taken into service.

        Raises Invalid or OSError where it can not be composed. `see` is called at once when it is, so that
        what serves is still what it was compared with; the composition is gone when it returns.
        """
        done: Wait[T] = Wait()
        self._waiting.append(_Change(read, done, see=see))
        self._next()
        return await done

    def writes(self, text: bytes) -> None:
        """What serves is about to be written to the file: to see that there is no reason to load it."""
        self._written = sha256(text).digest()

    def _touched(self, others: bool) -> None:
        """The file has changed, or `others`: what it includes."""
        if self._written is not None and not others:
            try:
                with open(self._path, "rb") as file:
                    if sha256(file.read()).digest() == self._written:
                        return
            except OSError:
                # Loading it tells why.
                self._written = None
        self.ask("file watch")

    def _next(self) -> None:
        """Begin the first change that waits, when its time has come."""
        if self._running is not None or not self._waiting:
            return
        if self._root.stopping:
            waiting, self._waiting = self._waiting, deque()
            for each in waiting:
                each.fail(OSError("the gateway is stopping"))
            return
        if not self._root.opened or self._root.handing_over:
            # Who is still looked for would be started by the one that has gone by then; and a process that
            # is to take over knows the sockets that there are now.
            self._reactor.callLater(_SOON, self._next)
            return
        change = self._running = self._waiting.popleft()
        if change.see is not None and change.read is not None:
            Task(self._rehearse(change.read, change.see), self._rehearsed).start()
            return
        self.log.info("loading {path}", path=f"{self._path} again" if change.read is None else change.called)
        Task(self._reload(change), self._over).start()

    def _watch_or_not(self) -> None:
        """Watch the file if the configuration asks for it."""
        asked = self._place.current.config.reload.watch
        if asked and self._watch.parent is None:
            self._watch.setServiceParent(self._root)  # type: ignore[no-untyped-call]
        elif not asked and self._watch.parent is not None:
            self._watch.disownServiceParent()  # type: ignore[no-untyped-call]

    def _over(self, warnings: list[Problem] | None, error: BaseException | None) -> None:
        change, self._running = self._running, None
        assert change is not None
        if isinstance(error, Invalid) and change.read is None and error.looked is not None:
            # What is wrong may be put right in any of its files.
            self._watch.also(error.looked)
        if isinstance(error, Overtaken):
            self.log.info("nothing was changed: another change came first")
        elif isinstance(error, Invalid | CannotListen | OSError):
            self._rejected(str(error))
        elif error is not None:
            self.log.failure("a reload failed", Failure(error))
            error = OSError(f"{type(error).__name__}: {error}")
            self._rejected(str(error))
        if error is not None:
            change.fail(error if isinstance(error, Invalid | Overtaken) else OSError(str(error)))
        elif change.done is not None:
            change.done.fire(warnings or [])
        self._next()

    def _rehearsed(self, seen: Any, error: BaseException | None) -> None:
        change, self._running = self._running, None
        assert change is not None and change.done is not None
        self._place.current.settle()
        if error is None:
            change.done.fire(seen)
        elif isinstance(error, Invalid | OSError):
            change.fail(error)
        else:
            self.log.failure("a rehearsal failed", Failure(error))
            change.fail(OSError(f"{type(error).__name__}: {error}"))
        self._next()

    def _rejected(self, why: str) -> None:
        self._place.current.settle()
        self.stats.ended("rejected")
        for line in why.splitlines():
            self.log.error("{line}", line=line)
        self.log.error("nothing was changed: the configuration from before serves on")

    # --- the steps ----------------------------------------------------------------------------

    async def _reload(self, change: _Change) -> list[Problem]:
        if change.only is not None and change.only is not self.kept:
            raise Overtaken
        with short_pauses():
            warnings = await self._take(change)
            set_aside()
        return warnings

    async def _take(self, change: _Change) -> list[Problem]:
        loaded, kept = await self._load(change.read or partial(load, self._path, plugin, os.environ))
        if change.read is None:
            self._watch.also(loaded.places.looked)
        try:
            for warning in loaded.warnings:
                self.log.warn("{problem}", problem=warning)
            refused = self._refused(loaded)
            if refused:
                raise Invalid(refused)
            fresh = await self._place.compose(loaded)
        except (Invalid, OSError):
            await in_slices(self._reactor, forget(loaded))
            raise
        while self._root.handing_over and not self._root.stopping:
            # An upgrade has begun meanwhile: see `_next`.
            await deferLater(self._reactor, _SOON)
        if self._root.stopping:
            raise OSError("the gateway is stopping")
        now = self._place.current
        await self._place.take(fresh)
        if self._set_level is not None:
            self._set_level(fresh.config.log.level)
        if change.read is not None:
            self._watch.also(loaded.places.looked)
        self._watch_or_not()
        self.stats.ended("applied")
        self.source = FILE if change.read is None else SENT
        self.kept, self._written = kept, None
        where = self._path if change.read is None else change.called
        self.log.info("the configuration was changed: {path}", path=where)
        self.changed(change.by, loaded)
        await in_slices(self._reactor, leaving(now))
        return loaded.warnings

    async def _load(self, read: Callable[[], Loaded]) -> tuple[Loaded, bytes]:
        """What is to serve. It is read and checked beside the loop, which serves meanwhile."""
        pool = self._reactor.getThreadPool()
        loaded: tuple[Loaded, bytes] | Invalid = await deferToThreadPool(
            self._reactor, pool, _load, read, bool(self.kept)
        )
        if isinstance(loaded, Invalid):
            raise loaded
        return loaded

    async def _rehearse(self, read: Callable[[], Loaded], see: Callable[[Rehearsal], Any]) -> Any:
        """The first half of the steps; nothing of what serves is touched."""
        with short_pauses():
            loaded, _ = await self._load(read)
            try:
                fresh = await self._place.compose(loaded)
            except (Invalid, OSError):
                await in_slices(self._reactor, forget(loaded))
                raise
        now = self._place.current
        refused = self._refused(loaded) + self._not_free(loaded)
        try:
            return see(Rehearsal(now, loaded, fresh, refused))
        finally:
            before, inheritance = now.ground.inheritance, fresh.ground.inheritance
            if before is not None and inheritance is not None:
                inheritance.close(before)
            # What was read is for who sees it.
            fresh.ground.loaded = replace(loaded, places=Document(loaded.places.file))
            await in_slices(self._reactor, fresh.dismantle())

    def _refused(self, loaded: Loaded) -> list[Problem]:
        """The changes that only a restart can make."""
        now, then = self._place.current.config, loaded.config
        wrong = [key for key in _LIVING if _fixed(now, key) != _fixed(then, key)]
        problems = [
            _problem(loaded, f"{_LIVING[key]} can not be changed while it runs: restart for this", key)
            for key in wrong
        ]
        if now.log != then.log and self._set_level is None:
            problems.append(_problem(loaded, "the log is not toron's own here: restart for this", "log"))
        return problems + self._refused_doors(loaded)

    def _not_free(self, loaded: Loaded) -> list[Problem]:
        """Listeners whose address can not be had."""
        problems = []
        held = set(map(door, self._place.current.config.listeners))
        # Sessions that go on hold their port, and give it to a listener that wants it.
        leaving = {each.port for each in self._root.leaving}
        for index, spec in enumerate(loaded.config.listeners):
            if door(spec) in held or not spec.port or (spec.over_udp and spec.port in leaving):
                continue
            try:
                check_free(spec.label, spec.address, spec.port, stream=not spec.over_udp)
            except CannotListen as error:
                problems.append(_problem(loaded, str(error), "listeners", index, "port"))
        return problems

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


class Rehearsal(NamedTuple):
    """A composition that could take the place of the one that serves."""

    now: Composition
    """The one that serves."""
    loaded: Loaded
    fresh: Composition
    refused: list[Problem]
    """Why it would be rejected."""


class _Change(NamedTuple):
    """A change that was asked for."""

    read: Callable[[], Loaded] | None
    """Gives the configuration; None stands for the file."""
    done: Wait[Any] | None
    """Who waits for the end."""
    by: str = ""
    """Who asked for it."""
    called: str = ""
    """What the log calls it."""
    see: Callable[[Rehearsal], Any] | None = None
    """What is wanted of it, where it is only rehearsed."""
    only: bytes | None = None
    """What has to serve still when its turn comes."""

    def fail(self, error: BaseException) -> None:
        """It was not made."""
        if self.done is not None:
            self.done.fail(error)


def _load(read: Callable[[], Loaded], keep: bool) -> tuple[Loaded, bytes] | Invalid:
    """The configuration, with its tests run, and what is kept of it; or all that is wrong with it."""
    try:
        loaded = read()
        failed = run_tests(loaded)
    except Invalid as invalid:
        # Its traceback holds all that was read; this way it is let go of beside the loop.
        return Invalid(invalid.problems, invalid.looked)
    return Invalid(failed, loaded.places.looked) if failed else (loaded, kept(loaded) if keep else b"")


def _fixed(config: Config, key: str) -> Any:
    """What of it is there as long as the process is: of the admin port not who may use it."""
    value = getattr(config, key)
    return (value.address, value.port) if isinstance(value, Admin) else value


def _nobody(by: str, loaded: Loaded) -> None:
    """Nobody wants to know."""


def _problem(loaded: Loaded, message: str, *path: str | int) -> Problem:
    return loaded.invalid(message, *path).problems[0]
