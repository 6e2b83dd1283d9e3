"""One of two configurations that are compared: its data, and where it was written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, SecretStr

from toron.config.catalog import Plugin
from toron.config.load import Loaded
from toron.config.place import HIDDEN, Path
from toron.config.show import effective
from toron.net.pauses import emptying


@dataclass(frozen=True, slots=True)
class Hidden:
    """A secret: two are equal where their texts are, and nobody sees either."""

    text: str

    def __repr__(self) -> str:
        return HIDDEN


class Side:
    """One of the two: its data in the words of the file, and where what was written."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.data = effective(loaded)
        for path, text in _secrets(loaded):
            _put(self.data, path, Hidden(text))
        self.options: dict[Path, list[Any]] = {}
        """Of the plug-ins in each part, with all that no data shows."""
        for path, plugin in _written_here(loaded):
            self.options.setdefault(path[:2], []).append((path[2:], plugin.word, plugin.options))

    def place(self, path: Path, above: Path = ()) -> str | None:
        """Where that was written, or what is around it, but for what is around `above`."""
        places = self.loaded.places
        path, above = self._written(path), self._written(above)
        for length in range(len(path), len(above), -1):
            if path[:length] in places.keys or path[:length] in places.values:
                return self.loaded.place(*path[:length])
        return None

    def _written(self, path: Path) -> Path:
        """The path in the file: one may be written where a list is meant, and what has a name has a place."""
        found: list[str | int] = []
        value: Any = self.loaded.places.data
        for step in path:
            if isinstance(value, list) and isinstance(step, str):
                step = next((index for index, each in enumerate(value) if _is_called(each, step)), step)
            elif step == 0 and not isinstance(value, list):
                continue
            found.append(step)
            value = at(value, step)
        return tuple(found)

    def let_go(self) -> None:
        """Be of no use any more; in small steps, so that other threads get their turn."""
        parts = [part for part in self.data.values() if isinstance(part, dict | list)]
        for _ in emptying(self.options, *parts):
            pass

    def part(self, path: Path) -> Any:
        """The data at a path, with lists of servers and certificates by what these are known by."""
        value: Any = self.data
        for step in path:
            value = at(value, step)
        return _by_name(value, path)


def _by_name(value: Any, path: Path) -> Any:
    """The same data, with lists of servers and certificates as dictionaries."""
    if isinstance(value, list):
        return [_by_name(inner, path) for inner in value]
    if not isinstance(value, dict):
        return value
    found = {str(key): _by_name(inner, path) for key, inner in value.items()}
    if isinstance(found.get("certificates"), list):
        found["certificates"] = _named(found["certificates"], _certificate)
    if "balance" in found and ("servers" in found or "url" in found):
        url = found.pop("url", None)
        servers = ([{"url": url}] if url else []) + list(found.get("servers") or [])
        found["servers"] = _named([_server(each) for each in servers], lambda each: str(each.pop("url")))
    return found


def _server(written: Mapping[str, Any]) -> dict[str, Any]:
    return {"weight": 1} | dict(written)


def _certificate(written: Mapping[str, Any]) -> str:
    if written.get("cert"):
        return str(written["cert"])
    if written.get("acme"):
        names = written["acme"].get("names")
        return f"acme {names[0] if names else 'on demand'}"
    return f"self-signed {' '.join(written.get('self_signed') or [])}"


def _named(items: Sequence[Any], name: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    seen: Counter[str] = Counter()
    for each in items:
        known = name(each) if isinstance(each, dict) else str(each)
        seen[known] += 1
        found[known if seen[known] == 1 else f"{known} #{seen[known]}"] = each
    return found


def _secrets(loaded: Loaded) -> Iterator[tuple[Path, str]]:
    """Every secret, with its path in the data of the whole; what a variable became may be one."""
    yield from _inside(loaded.config, ())
    yield from loaded.variables.items()
    for path, plugin in _written_here(loaded):
        here = path if path[0] == "middlewares" else (*path, plugin.word)
        yield from _inside(plugin.options, here)


def _inside(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, SecretStr):
        yield path, value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from _inside(getattr(value, name), (*path, field.alias or name))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _inside(inner, (*path, key))
    elif isinstance(value, tuple | list):
        for index, inner in enumerate(value):
            yield from _inside(inner, (*path, index))


def _put(data: Any, path: Path, hidden: Hidden) -> None:
    """Put it where the data says that there is a secret."""
    for step in path[:-1]:
        data = at(data, step)
    if path and at(data, path[-1]) == HIDDEN:
        data[path[-1]] = hidden


def at(data: Any, step: str | int) -> Any:
    """What is at one step of a path; None where nothing is."""
    if isinstance(data, dict):
        return data.get(step)
    return data[step] if isinstance(data, list) and isinstance(step, int) and step < len(data) else None


def _is_called(written: Any, name: str) -> bool:
    """Whether a server or certificate is known by that."""
    if isinstance(written, dict):
        return name in (written.get("url"), written.get("cert"))
    return bool(written == name)


def _written_here(loaded: Loaded) -> Iterator[tuple[Path, Plugin]]:
    """The plug-ins with the paths at which their options are written, not only their names."""
    for path, plugin in loaded.plugins.items():
        if path[0] == "middlewares" or loaded.plugins.get(("middlewares", plugin.name)) is not plugin:
            yield path, plugin
