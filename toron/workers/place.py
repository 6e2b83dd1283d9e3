"""The place of a composition in a parent and its workers: all of them serve the same one."""

from __future__ import annotations

import random as randomness
from collections.abc import Callable
from typing import Any

from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from toron.compose import Composition, Part, compose_parent, shared_door
from toron.composing.listeners import Door, door
from toron.config.load import Loaded
from toron.core.wait import Task
from toron.net.doors import Doors
from toron.net.inheritance import Inheritance
from toron.net.living import Wanted
from toron.net.pauses import in_slices
from toron.net.sockets import CannotListen, Sockets
from toron.serving import exchange
from toron.workers.packing import Packed
from toron.workers.supervisor import Supervisor

_LOOK = 0.5
"""Seconds between two questions whether a session is left."""


def supervise(
    loaded: Loaded,
    count: int,
    reactor: Any,
    random: randomness.Random,
    wall: Callable[[], float],
    fatal: Callable[[str], None],
    failed: Callable[[str], None],
    sockets: Sockets | None = None,
) -> Workers:
    """A gateway whose traffic is served by `count` processes, bound to nothing yet.

    `fatal` is told why a start failed in this process, `failed` why no worker could be started; `sockets`
    has what another process has left; the others are as in `compose`, and so is what is raised.
    """
    # A worker that drains and the one that has taken its place are there at the same time.
    inheritance = Inheritance(2 * count)
    part = compose_parent(loaded, reactor, random, wall, fatal, inheritance, count, sockets)
    supervisor = Supervisor(reactor, part, Packed(loaded, inheritance), count, failed)
    supervisor.setServiceParent(part.root)  # type: ignore[no-untyped-call]
    part.root.held.append(supervisor)
    for each in part.admin:
        each.gateway.fleet = supervisor.asking
        each.gateway.remembering = supervisor.recalling
    part.root.hurrying.append(supervisor.hurry)
    part.root.reopening = [supervisor.reopen]
    part.root.permitted.append(supervisor.serve)
    part.root.succeeded.append(supervisor.give_way)
    return Workers(part, supervisor, count)


class Workers:
    """A parent that serves `current` through the workers of its supervisor.

    A change is made by all of them or by none: each gets ready for it first, and then all are told.
    """

    def __init__(self, part: Part, supervisor: Supervisor, count: int) -> None:
        self.root = part.root
        self.current = part.composition
        self._supervisor = supervisor
        self._count = count
        self._loaded: Loaded
        self._left: dict[Door, Doors] = {}
        """Of UDP listeners that are gone: workers hold the port, too, until their last session is over."""

    async def compose(self, loaded: Loaded) -> Composition:
        """As one process does, for the sake of what is wrong and of what workers have in common."""
        now = self.current
        before = now.ground.inheritance
        assert before is not None
        fresh = Composition(
            loaded, now.reactor, now.random, now.wall, Inheritance(before.seats, before), before=now
        )  # fmt: skip
        await in_slices(now.reactor, fresh.steps())
        self._loaded = loaded
        return fresh

    async def take(self, fresh: Composition) -> None:
        """Let it serve; where CannotListen or OSError is raised the one from before serves on."""
        before, inheritance = self.current.ground.inheritance, fresh.ground.inheritance
        assert before is not None and inheritance is not None
        doors = self._doors()
        wanted = {door(spec): spec for spec in fresh.config.listeners if door(spec) not in doors}
        back = {place: self._left[place] for place in wanted if place in self._left}
        for place in back:
            self._let_go(place)
        new = {
            place: shared_door(spec, self._count, fresh.sockets)
            for place, spec in wanted.items() if place not in back
        }  # fmt: skip
        added = {place: back.get(place) or new[place] for place in wanted}
        packed = Packed(self._loaded, inheritance, frozenset(fresh.ground.pieces.anew))
        try:
            _bind([*new.values()])
            named = {spec.label: added[place] for place, spec in wanted.items()}
            await self._supervisor.prepare(packed, named)
        except (CannotListen, OSError):
            for each in new.values():
                each.stop_accepting()
            for place, each in back.items():
                self._leave(place, each)
            inheritance.close(before)
            raise
        self._swap(fresh, doors | added)
        self._supervisor.swap(Part(fresh, self.root, self.root.listeners), Packed(self._loaded, inheritance))
        before.close(inheritance)

    def _swap(self, fresh: Composition, doors: dict[Door, Doors]) -> None:
        root, now = self.root, self.current
        for change in fresh.ground.changes:
            change()
        fresh.ground.changes.clear()
        exchange(root, now, fresh)
        stay = {door(spec): spec.label for spec in fresh.config.listeners}
        for place, each in doors.items():
            if place in stay:
                each.listener = stay[place]
            else:
                self._leave(place, each)
        root.listeners = [doors[place] for place in stay]
        root.stop_within(fresh.config.drain.delay, fresh.config.drain.limit)
        self.current = fresh
        fresh.watch(root)
        fresh.settle()

    def _leave(self, place: Door, doors: Doors) -> None:
        """Close the doors of a listener that is gone, once nobody needs the port any more."""
        over_udp = place[0]
        if not over_udp:
            doors.stop_accepting()
            return
        self._left[place] = doors
        self.root.leaving.append(doors)
        Task(self._see_off(place, doors), _seen_off).start()

    async def _see_off(self, place: Door, doors: Doors) -> None:
        """Sessions are led to their servers by the port's sockets: another may be had when they are over."""
        wanted, living = Wanted(doors.listener, limit=0), 1
        while living and doors in self.root.leaving and not self.root.stopping:
            await deferLater(self.current.reactor, _LOOK)
            living = (await self._supervisor.asking.connections(wanted)).total
        if doors in self.root.leaving:
            self._let_go(place)
            doors.stop_accepting()

    def _let_go(self, place: Door) -> None:
        doors = self._left.pop(place, None)
        if doors is not None:
            self.root.leaving.remove(doors)

    def _doors(self) -> dict[Door, Any]:
        return dict(zip(map(door, self.current.config.listeners), self.root.listeners, strict=True))


def _bind(added: list[Doors]) -> None:
    for each in added:
        each.bind()


def _seen_off(_: None, error: BaseException | None) -> None:
    if error is not None:
        Logger().failure("the doors of a listener stay open", Failure(error))
