"""Walks a request through the middlewares of its route, and writes down what each of them does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from toron.compose import Rehearsed
from toron.config.load import Loaded
from toron.core.chain import chain
from toron.core.message import Middleware, Request, Response, Service
from toron.core.trail import Seen, seen
from toron.explain.plugins import note, shown
from toron.explain.record import MiddlewareStep
from toron.explain.running import Ran, run
from toron.wire.headers import Field, Headers

Shown = Callable[[str], str]


def walk(
    loaded: Loaded, rehearsed: Rehearsed, route: int, request: Request
) -> tuple[list[MiddlewareStep], bool, Ran]:
    """The steps up to the one that answers, whether a server would be asked, and what comes back.

    Where a server would be asked, what comes back is an empty response in its place.
    """
    middlewares, last = rehearsed.walks[route]
    steps: list[MiddlewareStep] = []
    reached: list[bool] = []
    asks_server = loaded.config.routes[route].backend is not None

    async def service(request: Request) -> Response:
        reached.append(True)
        # An echo of a WebSocket needs a connection: it is only said that it answers.
        if asks_server or (request.upgrade and loaded.config.routes[route].echo is not None):
            return Response(200)
        return await last(request)

    watched = []
    for number, (name, middleware) in enumerate(middlewares):
        path = ("routes", route, "middlewares", number)
        watched.append((name, _watched(loaded, path, name, middleware, steps)))
    ran = run(chain(watched, service)(request))
    return steps, asks_server and bool(reached), ran


def _watched(
    loaded: Loaded,
    path: tuple[str | int, ...],
    name: str,
    middleware: Middleware,
    steps: list[MiddlewareStep],
) -> Middleware:
    """A middleware that does the same, and adds a step."""

    def say(text: str) -> str:
        return shown(loaded, text)

    async def watched(request: Request, service: Service) -> Response:
        step = MiddlewareStep(name, loaded.place(*path), note=note(loaded, path, request))
        steps.append(step)
        before, came_back = seen(request), Headers()
        passed: list[Ran] = []

        async def going_on(request: Request) -> Response:
            nonlocal came_back
            step.request = changes(before, seen(request), say)
            passed.append(run(service(request)))
            response: Response = _result(passed[0])
            came_back = response.headers.copy()
            return response

        ran = run(middleware(request, going_on))
        if ran.unknown:
            step.verdict, step.note = "unknown", ran.unknown
            return _result(passed[0]) if passed else await service(request)
        if passed:
            if ran.refusal is None:
                step.response = header_changes(came_back.fields, ran.value.headers.fields, say)
        elif ran.refusal is not None:
            reason = ran.refusal.reason
            step.verdict, step.reason, step.status = "refuses", reason.word, reason.status
            step.detail = ran.refusal.detail
        else:
            step.verdict, step.status = "answers", ran.value.status
        response: Response = _result(ran)
        return response

    return watched


def _result(ran: Ran) -> Any:
    """What came of it, or the refusal once more."""
    if ran.refusal is not None:
        raise ran.refusal
    return ran.value or Response(200)


_NAMES = {"client_ip": "client address"}


def changes(before: Seen, after: Seen, say: Shown) -> list[str]:
    """What a middleware has changed of a request, in words."""
    found = []
    for key in Seen._fields[:-1]:
        old, new = _text(getattr(before, key)), _text(getattr(after, key))
        if old != new:
            found.append(f"{_NAMES.get(key, key)}: {say(old)} -> {say(new)}")
    return found + header_changes(before.fields, after.fields, say)


def _text(value: bytes | str | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""


def header_changes(before: list[Field], after: list[Field], say: Shown) -> list[str]:
    """What a middleware has changed of fields, in words."""
    had, have = {name.lower() for name, _ in before}, {name.lower() for name, _ in after}
    gone = dict.fromkeys(name.decode("latin-1") for name, _ in before if name.lower() not in have)
    new = [(name, value) for name, value in after if (name, value) not in before]
    found = [f"removes {name}" for name in gone]
    for name, value in new:
        verb = "sets" if name.lower() in had else "adds"
        found.append(f"{verb} {name.decode('latin-1')}: {say(_text(value))}")
    return found
