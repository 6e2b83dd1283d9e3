"""Finds where a document uses plug-ins, whether or not the rest of it is valid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from toron.config.catalog import Fitting, Plugin, Written
from toron.config.place import Path, quote

DEFAULT_BALANCER = "round-robin"
"""The balancer of a backend that names none."""


def plugins(fitting: Fitting, data: dict[str, Any]) -> dict[Path, Plugin]:
    """Every plug-in that is used, by the path of its use: a guard, a middleware, `(..., "balance")`.

    A middleware under `middlewares:` and every use of its name are one Plugin object.
    """
    found: dict[Path, Plugin | None] = {}
    middlewares = data.get("middlewares")
    named: dict[str, Path] = {
        name: ("middlewares", name) for name in (middlewares if isinstance(middlewares, dict) else ())
    }
    for use in _named(data):
        found[use.path] = fitting.plugin(use)
    for drawer, path, value, holder in _uses(data):
        name, options = _parts(value)
        if name is None:
            continue  # the model says what is wrong with it
        if drawer == "middleware" and name in named and options is None:
            found[path] = found.get(named[name])
        elif options is None:
            names = tuple(named) if drawer == "middleware" else ()
            found[path] = fitting.plugin(Written(drawer, name, path, {"": None}, "", path, names=names))
        else:
            found[path] = _with_options(fitting, drawer, name, path, holder, named)
    for path, backend in written_backends(data):
        if "balance" not in backend:
            use = Written("balancers", DEFAULT_BALANCER, path, {"": None}, "", path, word_is_key=True)
            found[(*path, "balance")] = fitting.plugin(use)
    return {path: plugin for path, plugin in found.items() if plugin is not None}


def _with_options(
    fitting: Fitting, drawer: str, name: str, path: Path, holder: Any, named: dict[str, Path]
) -> Plugin | None:
    here = (*path, name)
    if drawer == "middleware" and name in named and name not in fitting.catalog.words(drawer):
        message = f"{quote(name)} has its options under middlewares: write only its name here"
        fitting.report.error(here, message, key=True)
        return None
    return fitting.plugin(Written(drawer, name, here, holder, name, here, word_is_key=True))


def _named(data: dict[str, Any]) -> Iterator[Written]:
    middlewares = data.get("middlewares")
    for name, written in middlewares.items() if isinstance(middlewares, dict) else ():
        path: Path = ("middlewares", name)
        kind = written.get("type") if isinstance(written, dict) else None
        if isinstance(kind, str):
            yield Written("middleware", kind, path, middlewares, name, (*path, "type"), name=name)
        elif kind is None and isinstance(written, dict | None):
            yield Written("middleware", name, path, middlewares, name, path, word_is_key=True, name=name)


def _parts(value: Any) -> tuple[str | None, Any]:
    if isinstance(value, str):
        return value, None
    if isinstance(value, dict) and len(value) == 1:
        [(name, options)] = value.items()
        return name, {} if options is None else options
    return None, None


def _uses(data: dict[str, Any]) -> Iterator[tuple[str, Path, Any, Any]]:
    for index, listener in _items(data, "listeners"):
        yield from _list("guards", listener, "guards", ("listeners", index))
    for index, route in _items(data, "routes"):
        yield from _list("middleware", route, "middlewares", ("routes", index))
    for path, backend in written_backends(data):
        if backend.get("balance") is not None:
            yield "balancers", (*path, "balance"), backend["balance"], backend["balance"]
        if backend.get("discovery") is not None:
            yield "discovery", (*path, "discovery"), backend["discovery"], backend["discovery"]


def written_backends(data: dict[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every backend that is written as a mapping: by name, in a route, in a listener, in its routes."""
    backends = data.get("backends")
    for name, backend in backends.items() if isinstance(backends, dict) else ():
        if isinstance(backend, dict):
            yield ("backends", name), backend
    for key in ("routes", "listeners"):
        for index, item in _items(data, key):
            yield from _inline((key, index), item)
            for inner, route in _items(item, "routes"):
                yield from _inline((key, index, "routes", inner), route)


def _inline(path: Path, item: dict[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    if isinstance(item.get("backend"), dict):
        yield (*path, "backend"), item["backend"]


def _items(data: dict[str, Any], key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    found = data.get(key)
    for index, item in enumerate(found) if isinstance(found, list) else ():
        if isinstance(item, dict):
            yield index, item


def _list(drawer: str, holder: dict[str, Any], key: str, path: Path) -> Iterator[tuple[str, Path, Any, Any]]:
    found = holder.get(key)
    for index, value in enumerate(found) if isinstance(found, list) else ():
        yield drawer, (*path, key, index), value, value
