"""Tells what a configuration would do, before it is applied."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

from toron.admin.changes import Change, ChangedKey, Plan
from toron.admin.problem import Mistake
from toron.changing.beside import beside
from toron.changing.differences import differences
from toron.changing.sameness import Sameness, same
from toron.config.kept import given_back, with_places
from toron.config.load import Loaded
from toron.config.place import Problem
from toron.net.living import Found, Tally, Wanted
from toron.net.pauses import emptying
from toron.reload import Rehearsal, Reload


def structural(old: Loaded, new: Loaded) -> Plan:
    """What is different in the texts; nobody is asked."""
    warnings = list(map(mistake, new.warnings))
    return Plan(old.places.file, False, differences(old, new), [], [], [], warnings)


async def planned(
    reload: Reload, read: Callable[[], Loaded], look: Callable[[Wanted], Awaitable[Found]]
) -> Plan:
    """What the configuration that `read` gives would do to the gateway; `look` tells what lives.

    Raises Invalid or OSError as `Reload.rehearse` does.
    """
    reactor, kept, fresh = reload.current.reactor, reload.kept, list[Loaded]()

    def see(rehearsal: Rehearsal) -> tuple[Sameness, list[Problem]]:
        fresh.append(rehearsal.loaded)
        return same(rehearsal.now, rehearsal.fresh), rehearsal.refused

    found, refused = await reload.rehearse(read, see)
    plan = await beside(reactor, partial(compared, kept, fresh))
    found.routes = routes(plan.changes)
    lives = await look(Wanted(limit=0, tallies=True))
    asked(plan, found, lives.tallies, refused)
    return plan


def compared(serving: bytes, fresh: list[Loaded]) -> Plan:
    """The same for the configuration that serves, which was kept, and the one that is in `fresh`.

    That is taken out, and let go of in small steps, so that other threads get their turn meanwhile.
    """
    old, new = with_places(given_back(serving), os.environ), fresh.pop()
    plan = structural(old, new)
    held: list[Any] = []
    for each in (old, new):
        held += [*each.config.routes, *each.plugins.values()]
    known = [each.places for each in (old, new)]
    containers = [part for each in known for part in (each.keys, each.values, each.written_in)]
    del old, new, each, known
    for _ in emptying(held, *containers):
        pass
    return plan


def asked(plan: Plan, same: Sameness, tallies: Iterable[Tally], refused: Iterable[Problem]) -> None:
    """Add what a running gateway knows: what becomes of those who use it, and why it would refuse."""
    plan.live = True
    plan.changes += _contents(plan.changes, same)
    plan.connections, plan.state = same.touched(tallies), same.state
    plan.refused = list(map(mistake, refused))


def routes(changes: Iterable[Change]) -> dict[str, str]:
    """The routes that a request under way may have and that are not the same, as they are called before."""
    words = {"remove": "gone", "change": "changed"}
    return {
        each.name: words[each.action] for each in changes if each.kind == "route" and each.action in words
    }


def mistake(problem: Problem) -> Mistake:
    """A problem, as the API says it."""
    severity = "warning" if problem.warning else "error"
    return Mistake(problem.path, problem.line, problem.column, severity, problem.message)


def _contents(changes: Iterable[Change], same: Sameness) -> list[Change]:
    """Backends that are not the same though nothing of them is written otherwise: their files are."""
    told = {each.name.partition("/")[0] for each in changes if each.kind in ("backend", "server")}
    told |= {each.name for each in changes if each.kind == "route"}
    what = ChangedKey("files", "as they were", "with another content", None, None)
    return [
        Change("change", "backend", name, None, None, [what])
        for name, why in same.backends.items()
        if why == "changed" and name not in told
    ]
