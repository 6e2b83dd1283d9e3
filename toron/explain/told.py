"""Tells the way of one request, connection or session that is over, from what was written down of it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress

from msgspec import to_builtins

from toron.compose import Composition, Rehearsed
from toron.composing.entrance import Entrance
from toron.config.load import Loaded
from toron.config.model import TERMINATES_TLS, Listener
from toron.core.message import Request
from toron.core.path import route_path
from toron.core.refusal import REASONS, Refusal
from toron.core.trail import Step
from toron.explain.connections import connection_way
from toron.explain.entrance import certificate
from toron.explain.hidden import Hidden
from toron.explain.question import Question
from toron.explain.record import (
    Asked,
    Ended,
    GuardStep,
    ListenerTaken,
    MiddlewareStep,
    Outcome,
    Record,
    RouteStep,
)
from toron.explain.routes import adding_others, route_step
from toron.explain.tries import backend_of
from toron.explain.walk import changes, header_changes
from toron.observe.access_lines import ConnectionLine, HttpLine
from toron.observe.recent import Kept, Recent
from toron.wire.headers import Headers

NOT_FOLLOWED = (
    "it was one of too many to be followed: what middlewares changed was not written down, and routes that"
    " almost match are judged by the request as they left it"
)
_BEFORE_ROUTES = frozenset(
    (
        "bad_path", "body_too_large", "head_timeout", "client_hello_bad", "handshake_timeout",
        "handshake_failed", "unrecognized_name", "client_hello_displaced", "proxy_header_untrusted",
        "proxy_header_bad", "proxy_header_timeout", "misdirected", "client_certificate_missing",
        "client_certificate_unknown_ca", "client_certificate_expired", "client_certificate_revoked",
        "client_certificate_purpose", "client_certificate_bad",
    )
)  # fmt: skip
"""Reasons for which something is refused before any route is looked for."""

_BY_SITE = frozenset(("bad_path", "body_too_large", "misdirected"))
"""Those of them for which requests are refused: there the handshake is done."""

_BY_ROUTE = frozenset(("client_certificate_required", "client_certificate_not_allowed"))
"""Reasons for which a route refuses before its middlewares are asked."""


def telling(recent: Recent, kept: Kept, *, near: bool = True) -> Generator[None, None, Record]:
    """The record of something that is over, in small steps; `near` adds routes that almost match."""
    line = recent.line_of(kept)
    composition: Composition | None = kept.chart.served
    said = Record(_asked(recent, kept, line), _outcome(line), ended=Ended(to_builtins(line)))
    if composition is None:
        said.ended = Ended(to_builtins(line), "its configuration is not known any more")
        return said
    told = _Told(composition, recent, kept, line, said)
    yield from told.steps(near)
    return said


class _Told:
    """One of them, and the configuration by which it went."""

    def __init__(
        self,
        composition: Composition,
        recent: Recent,
        kept: Kept,
        line: HttpLine | ConnectionLine,
        record: Record,
    ) -> None:
        self._loaded: Loaded = composition.ground.loaded
        self._served = Rehearsed(composition)
        self._hidden = Hidden(self._loaded, recent.redact)
        self._kept = kept
        self._line = line
        self._record = record

    def steps(self, near: bool) -> Generator[None]:
        """Through the door, along the routes, to the servers."""
        line, loaded = self._line, self._loaded
        found = [item for item in enumerate(loaded.config.listeners) if item[1].label == line.listener]
        if not found:
            return
        index, spec = found[0]
        entrance = self._served.entrances[spec.label]
        place = loaded.place("listeners", index)
        self._record.listener = ListenerTaken(spec.label, spec.kind, spec.port, place)
        if isinstance(line, ConnectionLine):
            self._record.asked.url += f":{spec.port}"
        if not self._guards(index, entrance):
            return
        self._certificate(index, spec, entrance)
        if isinstance(line, HttpLine):
            yield from self._request(line, ("listeners", index), entrance, near)
        elif line.reason not in _BEFORE_ROUTES and line.kind != "connection":
            self._connection(line, index, spec, entrance)

    def _guards(self, index: int, entrance: Entrance) -> bool:
        """What they said; whether all let it pass."""
        line, passed = self._line, len(entrance.guards)
        if isinstance(line, ConnectionLine):
            passed = self._kept.passed
        refused = bool(line.reason) and not line.reason.startswith("proxy_header")
        for number, (name, _) in enumerate(entrance.guards[: passed + refused]):
            step = GuardStep(name, self._loaded.place("listeners", index, "guards", number), "passes")
            if number == passed:
                step.verdict, step.reason = "refuses", line.reason
            self._record.guards.append(step)
        return passed >= len(entrance.guards)

    def _certificate(self, index: int, spec: Listener, entrance: Entrance) -> None:
        """The one that was shown."""
        line = self._line
        if spec.protocol not in TERMINATES_TLS or line.reason in _BEFORE_ROUTES - _BY_SITE:
            return
        tls = line.tls.sni if isinstance(line, HttpLine) and line.tls is not None else ""
        sni = str(line.sni) if isinstance(line, ConnectionLine) else tls
        # Certificates come and go while a configuration serves.
        with suppress(Refusal):
            self._record.certificate = certificate(self._loaded, index, entrance, self._question(sni, spec))

    def _question(self, sni: str, spec: Listener) -> Question:
        """What would have to be asked to come here."""
        line = self._line
        alpn = tuple(str(line.alpn).split(",")) if isinstance(line, ConnectionLine) and line.alpn else ()
        return Question("", "tls", sni, spec.port, True, "/", client=line.client, alpn=alpn)

    # --- layer 4 ------------------------------------------------------------------------------

    def _connection(self, line: ConnectionLine, index: int, spec: Listener, entrance: Entrance) -> None:
        """The route of a connection, and the servers that were asked."""
        record = self._record
        try:
            reference, path = connection_way(
                self._loaded, index, spec, entrance, self._question(str(line.sni), spec), record
            )
        except Refusal:
            # The line says so, too.
            return
        if reference is not None:
            record.backend = backend_of(self._loaded, self._served, reference, path, self._kept.trail, line)

    # --- layer 7 ------------------------------------------------------------------------------

    def _request(
        self, line: HttpLine, path: tuple[str | int, ...], entrance: Entrance, near: bool
    ) -> Generator[None]:
        """The route, the middlewares, and the servers that were asked; `path` is the listener's."""
        record, trail = self._record, self._kept.trail
        route = self._route(line, entrance)
        if route is not None:
            record.route = route_step(self._loaded, self._served, route)
            self._middlewares(line, route)
            reference = self._loaded.config.routes[route].backend
            if reference is not None and line.backend:
                written = ("routes", route, "backend")
                record.backend = backend_of(self._loaded, self._served, reference, written, trail, line)
            if record.ended is not None and (trail is None or trail.head is None):
                record.ended.note = NOT_FOLLOWED if self._served.walks[route][0] else ""
        elif line.route:
            # It was none of the configuration's: the listener itself has answered.
            record.route = RouteStep(line.route, self._loaded.place(*path, line.route))
        request = self._as_it_came(line)
        if near and request is not None and line.reason not in _BEFORE_ROUTES:
            yield from adding_others(self._loaded, self._served, entrance, request, route, record)
            for step in record.near:
                if step.missed is not None:
                    self._hidden.miss(step.missed)

    def _route(self, line: HttpLine, entrance: Entrance) -> int | None:
        """The number of the route that was taken."""
        trail = self._kept.trail
        if trail is not None and trail.found is not None:
            found: int | None = entrance.routes.get(id(trail.found))
            return found
        if not line.route:
            return None
        numbers = range(len(self._loaded.config.routes))
        return next((each for each in numbers if self._served.route_name(each) == line.route), None)

    def _as_it_came(self, line: HttpLine) -> Request | None:
        """The request once more, for routers to look at; None where no route could have been looked for."""
        kept = self._kept
        path, mark, query = kept.asked.partition(b"?")
        request = Request(
            line.method.encode(), path, Headers(kept.fields or ()), query=query if mark else None,
            host=line.host.encode(), scheme=line.scheme.encode(), client_ip=line.client,
        )  # fmt: skip
        request.upgrade = kept.upgrade
        if kept.trail is not None and kept.trail.head is not None:
            request.method, request.host = kept.trail.head.method, kept.trail.head.host
            request.client_ip = kept.trail.head.client_ip
        try:
            request.route_path = path if path == b"*" else route_path(path)
        except Refusal:
            return None
        return request

    def _middlewares(self, line: HttpLine, route: int) -> None:
        """What each of them did, up to the one that was the last."""
        names = [name for name, _ in self._served.walks[route][0]]
        trail = self._kept.trail
        seen = {step.number: step for step in trail.middlewares} if trail is not None else {}
        last = len(names) - 1
        if trail is not None and trail.head is not None:
            last = max(seen, default=-1)
        elif line.middleware:
            last = names.index(line.middleware)
        elif line.reason in _BY_ROUTE:
            last = -1
        for number, name in enumerate(names[: last + 1]):
            step = MiddlewareStep(name, self._loaded.place("routes", route, "middlewares", number))
            if line.middleware and number == last:
                step.verdict = "refuses" if line.reason else "answers"
                step.status, step.reason, step.detail = line.status, line.reason or None, line.detail
            if number in seen:
                self._changes(step, seen[number])
            self._record.middlewares.append(step)

    def _changes(self, said: MiddlewareStep, step: Step) -> None:
        if step.came is not None and step.passed is not None:
            before, after = (
                each._replace(fields=self._hidden.fields(each.fields)) for each in (step.came, step.passed)
            )
            said.request = changes(before, after, self._hidden.text)
        if step.answer is not None and step.left is not None:
            said.response = header_changes(
                self._hidden.fields(step.answer), self._hidden.fields(step.left), self._hidden.text
            )


def _asked(recent: Recent, kept: Kept, line: HttpLine | ConnectionLine) -> Asked:
    """What came, without secrets."""
    hidden = Hidden(None, recent.redact)
    if isinstance(line, ConnectionLine):
        scheme = {"udp": "udp", "tls": "tls", "sni": "tls"}.get(line.kind, "tcp")
        return Asked(f"{scheme}://{line.sni or '*'!s}", None, [], line.client)
    fields = hidden.fields(kept.fields or [])
    authority = next((value for name, value in fields if name.lower() == b"host"), line.host.encode())
    url = f"{line.scheme}://{authority.decode('latin-1')}{line.path}"
    shown = [
        (name.decode("latin-1"), hidden.text(value.decode("utf-8", "replace"))) for name, value in fields
    ]
    if kept.cut:
        shown.append(("...", f"and {kept.cut} more"))
    return Asked(url, line.method, shown, line.client)


def _outcome(line: HttpLine | ConnectionLine) -> Outcome:
    """How it ended, as the access log has it."""
    status = line.status if isinstance(line, HttpLine) else None
    if line.reason:
        outcome = Outcome("refused", status, line.reason, str(line.detail))
        if not outcome.detail and line.reason in REASONS:
            outcome.detail = REASONS[line.reason].text
        return outcome
    return Outcome("server" if line.server else "answer", status)
