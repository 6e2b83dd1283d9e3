"""Finds what two configurations have different, part by part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from toron.admin.changes import Change, ChangedKey
from toron.changing.pairing import Pairs, paired_listeners, paired_routes
from toron.changing.side import Hidden, Side, at
from toron.composing.routes import route_name
from toron.config.load import Loaded
from toron.config.place import HIDDEN, Path, quote

Steps = tuple[str, ...]

_PARTS = ("listeners", "routes", "backends", "middlewares")
"""What is told of one by one; the rest is there once."""

_OWN = {("listener", "certificates"): "certificate", ("backend", "servers"): "server"}
"""What is told of by itself, by the part and the key that it is in."""


def differences(old: Loaded, new: Loaded) -> list[Change]:
    """What has to be added, changed and removed, in the order of a configuration."""
    sides = Side(old), Side(new)
    found = list(_Comparison(*sides).changes())
    for side in sides:
        side.let_go()
    return found


class _Comparison:
    """Compares part by part."""

    def __init__(self, old: Side, new: Side) -> None:
        self.old, self.new = old, new

    def changes(self) -> Iterator[Change]:
        """Everything there is to tell."""
        old, new = self.old.loaded.config, self.new.loaded.config
        yield from self._list("listener", "listeners", paired_listeners(old.listeners, new.listeners))
        pairs = paired_routes(old.routes, new.routes)
        yield from self._list("route", "routes", pairs)
        both = [then for then, now in pairs if then is not None and now is not None]
        if both != sorted(both):
            order = ChangedKey(
                "order", "as it was", "another one, which decides between equal routes", None, None
            )
            yield Change("change", "setting", "routes", None, None, [order])
        for section, kind in (("backends", "backend"), ("middlewares", "middleware")):
            yield from self._names(section, kind)
        for name in sorted({*self.old.data, *self.new.data}.difference(_PARTS)):
            yield from self._part("setting", name, (name,), (name,), self._known(name))

    def _known(self, name: str) -> tuple[bool, bool]:
        return name in self.old.data, name in self.new.data

    def _names(self, section: str, kind: str) -> Iterator[Change]:
        before, after = self.old.data.get(section) or {}, self.new.data.get(section) or {}
        for name in dict.fromkeys([*before, *after]):
            path = (section, name)
            yield from self._part(kind, name, path, path, (name in before, name in after))

    def _list(self, kind: str, section: str, pairs: Pairs) -> Iterator[Change]:
        for then, now in pairs:
            # Who is there already is known by what it is called now.
            side, index = (self.old, then) if then is not None else (self.new, now)
            assert index is not None
            name = _label(side.loaded, section, index)
            here = (then is not None, now is not None)
            yield from self._part(kind, name, (section, then or 0), (section, now or 0), here)

    def _part(
        self, kind: str, name: str, before: Path, after: Path, here: tuple[bool, bool]
    ) -> Iterator[Change]:
        """What is different in one part, and in those parts of it that are told of by themselves."""
        was, will = here
        place_before = self.old.place(before) if was else None
        place_after = self.new.place(after) if will else None
        if not (was and will):
            if was or will:
                yield Change("add" if will else "remove", kind, name, place_before, place_after, [])
            return
        keys: list[ChangedKey] = []
        inner: dict[str, Change] = {}
        for steps, old, new in _different(self.old.part(before), self.new.part(after), ()):
            key = self._key(before, after, steps, old, new)
            action = "add" if old is None else "remove" if new is None else "change"
            what = _OWN.get((kind, steps[0] if steps else ""))
            if what is None or len(steps) < 2:
                keys.append(key)
            else:
                deeper = len(steps) > 2
                change = inner.setdefault(
                    steps[1],
                    Change(
                        "change" if deeper else action, what, f"{name}/{steps[1]}",
                        key.place_before, key.place_after, [],
                    ),
                )  # fmt: skip
                change.keys += [_shorter(key, steps[2:])] if deeper else []
        if not keys and not inner and not self._same(before, after):
            keys.append(ChangedKey("", HIDDEN, HIDDEN, None, None))
        if keys:
            yield Change("change", kind, name, place_before, place_after, keys)
        yield from inner.values()

    def _same(self, before: Path, after: Path) -> bool:
        """Whether the plug-ins in a part are the same, with all that no data shows."""
        return self.old.options.get(before) == self.new.options.get(after)

    def _key(self, before: Path, after: Path, steps: Steps, old: Any, new: Any) -> ChangedKey:
        written = tuple(int(step) if step.isdigit() else step for step in steps)
        return ChangedKey(
            ".".join(steps), _shown(old), _shown(new),
            None if old is None else self.old.place((*before, *written), before),
            None if new is None else self.new.place((*after, *written), after),
        )  # fmt: skip


def _shorter(key: ChangedKey, steps: Steps) -> ChangedKey:
    return ChangedKey(".".join(steps), key.before, key.after, key.place_before, key.place_after)


def _label(loaded: Loaded, section: str, index: int) -> str:
    if section == "listeners":
        return loaded.config.listeners[index].label
    return route_name(index, loaded.config.routes[index])


def _different(old: Any, new: Any, steps: Steps) -> Iterator[tuple[Steps, Any, Any]]:
    """Each place at which the data is different, with what is there; None where nothing is."""
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            yield from _different(old.get(key), new.get(key), (*steps, key))
    elif isinstance(old, list) and isinstance(new, list) and any(isinstance(each, dict) for each in new):
        for index in range(max(len(old), len(new))):
            then, now = at(old, index), at(new, index)
            yield from _different(then, now, (*steps, str(index)))
    else:
        yield steps, old, new


def _shown(value: Any) -> Any:
    """Data that JSON can hold."""
    if isinstance(value, dict):
        return {key: _shown(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shown(inner) for inner in value]
    return HIDDEN if isinstance(value, Hidden) else value


def told(value: Any) -> str:
    """A value for people."""
    if value is None:
        return "(not set)"
    return value if isinstance(value, str) and value and value.isprintable() else quote(value)
