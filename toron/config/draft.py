"""The parts of a configuration that have the right shape, so that all of them can be checked at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from toron.config.model import AccessLog, Admin, Backend, BackendRef, Config, History, Listener, Route
from toron.config.place import Path
from toron.config.uses import written_backends

M = TypeVar("M", bound=BaseModel)


@dataclass(slots=True)
class Draft:
    """What can be checked, by where it was written; names include those of parts that are wrong."""

    listeners: dict[int, Listener] = field(default_factory=dict)
    routes: dict[int, Route] = field(default_factory=dict)
    backends: dict[Path, Backend] = field(default_factory=dict)
    """Every backend: `("backends", name)` or the path of one written in place."""
    backend_names: list[str] = field(default_factory=list)
    middleware_names: list[str] = field(default_factory=list)
    middleware_words: list[str] = field(default_factory=list)
    admin: Admin | None = None
    access_log: AccessLog | None = None
    history: History | None = None
    workers: int | str = 1
    whole: bool = True
    """Nothing is missing: every part had the right shape."""

    def users(self) -> Iterator[tuple[Path, BackendRef, str]]:
        """Every use of a backend: the path, the reference, and the protocol (`http`, `tcp`, `udp`)."""
        for index, route in self.routes.items():
            if route.backend is not None:
                yield ("routes", index, "backend"), route.backend, "http"
        for index, listener in self.listeners.items():
            kind = "udp" if listener.over_udp else "tcp"
            if listener.backend is not None:
                yield ("listeners", index, "backend"), listener.backend, kind
            for inner, connection in enumerate(listener.routes):
                yield ("listeners", index, "routes", inner, "backend"), connection.backend, kind


def draft(config: Config | None, data: dict[str, Any], words: list[str]) -> Draft:
    """What can be checked of `data`: all of it when there is a `config`, else part by part."""
    whole = Draft(whole=config is not None, middleware_words=words)
    whole.backend_names = list(data["backends"]) if isinstance(data.get("backends"), dict) else []
    whole.middleware_names = list(data["middlewares"]) if isinstance(data.get("middlewares"), dict) else []
    if config is not None:
        whole.listeners, whole.routes = dict(enumerate(config.listeners)), dict(enumerate(config.routes))
        whole.admin, whole.access_log, whole.history = config.admin, config.access_log, config.history
        whole.workers = config.workers
        whole.backends = {("backends", name): backend for name, backend in config.backends.items()}
        whole.backends |= {path: ref for path, ref, _ in whole.users() if isinstance(ref, Backend)}
        return whole
    whole.listeners = _parts(Listener, data.get("listeners"))
    whole.routes = _parts(Route, data.get("routes"))
    for path, written in written_backends(data):
        backend = _part(Backend, written)
        if backend is not None:
            whole.backends[path] = backend
    whole.admin = _part(Admin, data.get("admin"))
    return whole


def _parts(model: type[M], written: Any) -> dict[int, M]:
    found = {
        index: _part(model, item) for index, item in enumerate(written if isinstance(written, list) else [])
    }
    return {index: item for index, item in found.items() if item is not None}


def _part(model: type[M], written: Any) -> M | None:
    try:
        return model.model_validate(written)
    except (ValidationError, RecursionError):
        return None
