"""Checks what the shape of a configuration cannot say: whether its parts fit together."""

from __future__ import annotations

import os
from collections.abc import Iterable

from toron.config.check_acme import check_acme
from toron.config.check_admin import check_admin
from toron.config.check_backend import check_backend, check_kind
from toron.config.check_clients import check_redirects, check_ways_past
from toron.config.check_listener import check_clashes, check_listener
from toron.config.check_route import check_route
from toron.config.check_shadow import check_shadows
from toron.config.draft import Draft
from toron.config.explain import suggest
from toron.config.model import LAYER7, Backend
from toron.config.place import Path, Report, quote


def check(draft: Draft, report: Report, folder: str, now: float) -> None:
    """Report everything that does not fit; relative paths start at `folder`, `now` is in Unix seconds."""
    for index, listener in draft.listeners.items():
        check_listener(("listeners", index), listener, report, folder, now)
    check_clashes(draft, report)
    check_ways_past(draft, report)
    check_redirects(draft, report)
    check_acme(draft, report, folder)
    listeners = {listener.label: listener for listener in draft.listeners.values()}
    for index, route in draft.routes.items():
        check_route(("routes", index), route, listeners, draft.whole, report)
    check_shadows(draft, report)
    for path, backend in draft.backends.items():
        check_backend(path, backend, report, folder)
    _check_uses(draft, report)
    _check_unused(draft, report)
    _check_rest(draft, report, folder)


def _check_uses(draft: Draft, report: Report) -> None:
    known = dict.fromkeys(draft.backend_names)
    for path, reference, kind in draft.users():
        if isinstance(reference, Backend):
            check_kind(path, path, reference, kind, report)
        elif reference not in known:
            report.error(path, f"unknown backend {quote(reference)}: {suggest(reference, known, report)}")
        elif (backend := draft.backends.get(("backends", reference))) is not None:
            check_kind(path, ("backends", reference), backend, kind, report)


def _check_unused(draft: Draft, report: Report) -> None:
    if not draft.whole:
        return  # a use may be in a part that could not be read
    used = {reference for _, reference, _ in draft.users() if isinstance(reference, str)}
    _warn_unused(report, "backends", "backend", draft.backend_names, used)
    words = {use.word for route in draft.routes.values() for use in route.middlewares}
    _warn_unused(report, "middlewares", "middleware", draft.middleware_names, words)
    layer7 = [index for index, listener in draft.listeners.items() if listener.protocol in LAYER7]
    if draft.routes and not layer7:
        report.warn(("routes",), "no listener speaks http or https: these routes are never used", key=True)
    if layer7 and not draft.routes:
        report.warn(
            ("listeners", layer7[0]),
            "there are no routes: every request is answered 404, add routes:",
            key=True,
        )


def _warn_unused(report: Report, section: str, noun: str, names: Iterable[str], used: set[str]) -> None:
    for name in names:
        if name not in used:
            path: Path = (section, name)
            report.warn(
                path, f"the {noun} {quote(name)} is never used: name it in a route, or take it out", key=True
            )


def _check_rest(draft: Draft, report: Report, folder: str) -> None:
    if draft.admin is not None:
        check_admin(draft.admin, report)
    log, history = draft.access_log, draft.history
    if log is not None and log.path != "-":
        _check_parent(("access_log", "path"), log.path, report, folder)
    if history is not None and history.path is not None:
        _check_parent(("history", "path"), history.path, report, folder)
    if history is not None and history.model_fields_set and draft.admin is None:
        message = "nothing is remembered without an admin port, which is where it is asked for: add admin: {}"
        report.warn(("history",), message, key=True)


def _check_parent(path: Path, written: str, report: Report, folder: str) -> None:
    parent = os.path.dirname(os.path.normpath(os.path.join(folder, written)))
    if not os.path.isdir(parent or "."):
        report.error(path, f"there is no folder {parent}: make it, or write another path")
