"""Explains where a request, a connection or a datagram goes in a configuration, without serving it."""

from __future__ import annotations

from typing import Literal

from toron.compose import Rehearsed, rehearse
from toron.composing.entrance import Entrance
from toron.config.load import Loaded
from toron.config.model import Listener
from toron.core.error_page import refused
from toron.core.message import Request, Response
from toron.core.refusal import Refusal
from toron.explain.connections import connection_way
from toron.explain.entrance import Caller, caller, certificate, guards, taken
from toron.explain.question import Question
from toron.explain.record import Asked, Outcome, Record
from toron.explain.requests import request_of
from toron.explain.routes import add_others, add_route
from toron.explain.running import run
from toron.explain.servers import backend_step
from toron.explain.walk import walk
from toron.interfaces import Caller as AnyCaller
from toron.wire.headers import Headers

NO_LISTENER = "no_listener"
"""The reason where nothing accepts what is asked."""

SHOWN = "clients show certificates here: a good one is taken to have been shown"


class Explainer:
    """Answers questions about one configuration, which is composed once for all of them.

    Nothing is opened; what only a running gateway knows (health, what is left of a limit) is taken
    to be at its best, and the record says so. Without `others` the routes of requests that are not
    taken are left out, which takes no time then however many there are.
    """

    def __init__(self, loaded: Loaded, rehearsed: Rehearsed | None = None, *, others: bool = True) -> None:
        """Raises Invalid for what a start would."""
        self._others = others
        self._loaded = loaded
        self._rehearsed = rehearse(loaded) if rehearsed is None else rehearsed

    def explain(self, asked: Question) -> Record:
        """The way of what is asked about; ValueError where it names a listener that there is not."""
        self._rehearsed.rest()
        record = Record(_asked(asked), Outcome("refused"))
        found = taken(self._loaded, asked)
        if isinstance(found, str):
            record.outcome = Outcome("refused", reason=NO_LISTENER, detail=found)
            return record
        index, record.listener = found
        try:
            self._enter(index, asked, record)
        except Refusal as refusal:
            record.outcome = Outcome("refused", reason=refusal.reason.word, detail=refusal.detail)
        record.outcome.certain = all(step.verdict != "unknown" for step in record.verdicts)
        return record

    def _enter(self, index: int, asked: Question, record: Record) -> None:
        """Through the door, as far as it goes."""
        spec = self._loaded.config.listeners[index]
        entrance = self._rehearsed.entrances[spec.label]
        connection = caller(asked, spec)
        record.guards = guards(self._loaded, index, entrance, connection)
        if record.guards and record.guards[-1].verdict == "refuses":
            record.outcome = Outcome("refused", reason=record.guards[-1].reason)
            return
        record.certificate = certificate(self._loaded, index, entrance, asked)
        if connection.tls is not None and record.certificate is not None:
            connection.tls.names = record.certificate.names
            connection.tls.rule = None if entrance.clients is None else entrance.clients.of(asked.sni)
        if connection.tls is not None and connection.tls.rule is not None:
            _add_note(record, SHOWN)
        if entrance.site is None:
            self._relay(index, spec, entrance, asked, record, connection)
        elif asked.is_http:
            self._serve(entrance, asked, connection, record)
        else:
            detail = f"the listener speaks HTTP from here on: ask with {spec.protocol}://"
            record.outcome = Outcome("answer", detail=detail)

    def _relay(
        self,
        index: int,
        spec: Listener,
        entrance: Entrance,
        asked: Question,
        record: Record,
        connection: Caller,
    ) -> None:
        """A connection or a datagram, to its backend."""
        reference, path = connection_way(self._loaded, index, spec, entrance, asked, record)
        if reference is None:
            record.outcome = Outcome("answer", detail="what comes is sent back")
        else:
            record.backend = backend_step(self._loaded, self._rehearsed, reference, path, connection)
            record.outcome = Outcome("server")

    def _serve(self, entrance: Entrance, asked: Question, connection: Caller, record: Record) -> None:
        """A request, to its answer or to a server."""
        assert entrance.site is not None
        request = None
        try:
            request = request_of(asked, entrance.site, connection)
            record.outcome = self._request(entrance, request, record)
        except Refusal as refusal:
            headers, name = (Headers(), "") if request is None else (request.headers, request.id)
            record.outcome = _outcome("refused", refused(refusal, headers, name), refusal.detail)

    def _request(self, entrance: Entrance, request: Request, record: Record) -> Outcome:
        """Through the middlewares of its route."""
        route = add_route(self._loaded, self._rehearsed, entrance, request, record)
        if self._others:
            add_others(self._loaded, self._rehearsed, entrance, request, route, record)
        if route is None:
            # The listener itself answers, or says why not.
            assert entrance.site is not None
            ran = run(entrance.site.service(request))
            if ran.refusal is not None:
                raise ran.refusal
            return _outcome("answer", ran.value, "") if ran.value else Outcome("answer", detail=ran.unknown)
        if route in self._rehearsed.requirements:
            self._certificate_of_client(route, request)
        record.middlewares, asks_server, ran = walk(self._loaded, self._rehearsed, route, request)
        if asks_server:
            self._backend(route, request, record)
        if ran.refusal is not None:
            raise ran.refusal
        if asks_server:
            return Outcome("server")
        if ran.value is None or request.upgrade:
            return Outcome("answer", detail=ran.unknown)
        return _outcome("answer", ran.value, "")

    def _certificate_of_client(self, route: int, request: Request) -> None:
        """What the route asks of it: who can show one is taken to have shown one that fits."""
        if request.tls is None or request.tls.rule is None:
            self._rehearsed.requirements[route].check(request)

    def _backend(self, route: int, request: AnyCaller, record: Record) -> None:
        reference = self._loaded.config.routes[route].backend
        assert reference is not None
        path = ("routes", route, "backend")
        record.backend = backend_step(self._loaded, self._rehearsed, reference, path, request)


def _add_note(record: Record, note: str) -> None:
    assert record.listener is not None
    record.listener.note = "; ".join(filter(None, (record.listener.note, note)))


def _outcome(kind: Literal["answer", "refused"], response: Response, detail: str) -> Outcome:
    fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers]
    return Outcome(kind, response.status, response.word or None, detail, fields)


def _asked(asked: Question) -> Asked:
    return Asked(asked.url, asked.method if asked.is_http else None, list(asked.headers), asked.client)
