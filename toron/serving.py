"""The composition that serves in one process, and how another takes its place."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from toron.compose import Composition
from toron.composing.listeners import Door, door
from toron.config.load import Loaded
from toron.net.gateway import Gateway
from toron.net.inheritance import Inheritance, Inherited
from toron.net.pauses import in_slices
from toron.net.sockets import CannotListen


class Place(Protocol):
    """Where a composition serves: in this process, or in workers."""

    root: Gateway
    current: Composition
    """The composition that serves."""

    async def compose(self, loaded: Loaded) -> Composition:
        """Another, with what did not change from the one that serves; Invalid where that can not be."""

    async def take(self, fresh: Composition) -> None:
        """Let it serve; where CannotListen or OSError is raised the one from before serves on."""


class Ready(NamedTuple):
    """A composition that can serve at any time."""

    fresh: Composition
    stay: list[tuple[Any, Any]]
    """The listeners that stay, each with what it is to become."""
    added: list[Any]
    """Those that are new; they are bound."""


class Serving:
    """One process that serves `current` in the tree under `root`."""

    def __init__(self, root: Gateway, current: Composition) -> None:
        self.root = root
        self.current = current
        self._left: dict[Door, Any] = {}
        """UDP listeners that are not wanted any more: each holds its port until its last session is over."""

    async def compose(self, loaded: Loaded, inheritance: Inheritance | None = None) -> Composition:
        """A second tree, with what did not change from the first; in slices, so that others run meanwhile."""
        now = self.current
        fresh = Composition(
            loaded, now.reactor, now.random, now.wall, inheritance, now.make_writer, before=now
        )  # fmt: skip
        await in_slices(now.reactor, fresh.steps())
        return fresh

    async def take(self, fresh: Composition) -> None:
        """Let it serve; where CannotListen is raised the one from before serves on."""
        self.swap(self.prepare(fresh))

    def prepare(self, fresh: Composition) -> Ready:
        """Take the addresses of what is new, all of them or none; raises CannotListen or OSError."""
        doors = {door: each for door, each in self._left.items() if each in self.root.leaving}
        doors |= _doors(self.current)
        given = fresh.ground.inheritance
        stay: list[tuple[Any, Any]] = []
        added: list[Any] = []
        for place, listener in _doors(fresh).items():
            old = doors.get(place)
            if isinstance(given, Inherited) and given.opens(listener.listener):
                old = None
            if type(old) is type(listener):
                stay.append((old, listener))
            else:
                added.append(listener)
        _bind(added)
        return Ready(fresh, stay, added)

    def drop(self, ready: Ready) -> None:
        """It will not serve: close what it has opened."""
        self.current.settle()
        for listener in ready.added:
            listener.stopService()

    def swap(self, ready: Ready) -> None:
        """Let the new tree serve: all at once, so that no request sees half of it."""
        root, now, (fresh, stay, added) = self.root, self.current, ready
        for change in fresh.ground.changes:
            change()
        fresh.ground.changes.clear()
        self._switch(stay)
        stays = {id(fresh_one): old for old, fresh_one in stay}
        fresh.doors.made = [stays.get(id(each), each) for each in fresh.listeners]
        gone = [each for each in now.listeners if each not in fresh.listeners]
        exchange(root, now, fresh)
        self._displace(fresh)
        for listener in added:
            listener.setServiceParent(root)
        root.leaving = [each for each in root.leaving if each not in fresh.listeners]
        root.listeners = [*fresh.listeners, *gone, *root.leaving]
        root.stop_within(fresh.config.drain.delay, fresh.config.drain.limit)
        self.current = fresh
        fresh.attend(root)
        fresh.settle()
        self._drain(now, fresh, gone)

    def _switch(self, stay: list[tuple[Any, Any]]) -> None:
        """Put what is new behind the doors that stay."""
        for old, _ in stay:
            self.root.rename(old, None)
        for old, listener in stay:
            old.switch(listener)
            self.root.rename(old, listener.name)

    def _displace(self, fresh: Composition) -> None:
        """What still holds the port of a new listener lets go of it."""
        doors = _doors(fresh)
        for place, listener in self._left.items():
            if listener in self.root.leaving and doors.get(place, listener) is not listener:
                self.root.leaving.remove(listener)
                listener.disownServiceParent()

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
            if place[0] and (each in gone or each in self.root.leaving)
        }  # fmt: skip
        for listener in gone:
            self.root.leave(listener)


def exchange(root: Gateway, now: Composition, fresh: Composition) -> None:
    """Stop what checks and discovers servers and is not wanted any more, and begin what is new."""
    before, after = set(now.backends.services), set(fresh.backends.services)
    for service in before - after:
        service.disownServiceParent()
    for service in after - before:
        service.setServiceParent(root)
    fresh.acme.attend(root)


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
