"""Writes what ended into the access log and the counters: requests, connections, sessions, refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from toron.core.message import Request
from toron.core.refusal import Reason, Refusal, UpstreamFailed
from toron.core.server import Server
from toron.observe.access_lines import ConnectionLine, HttpLine, TlsLine, milliseconds, text
from toron.observe.access_log import AccessLog, NullAccessLog
from toron.observe.metrics import Metrics
from toron.observe.recent import FORGETFUL, NO_CHART, Chart, Recent
from toron.observe.stats import ListenerStats, RouteStats
from toron.wire.headers import Remembered

Kind = Literal["connection", "tcp", "tls", "sni", "udp", "tunnel"]

_known = Remembered(text, longest=255).__getitem__
"""The text of a piece that many requests share."""

_VERSIONS = {(1, 1): "1.1", (1, 0): "1.0", (2, 0): "2", (3, 0): "3"}


class Journal:
    """What one listener's traffic leaves behind."""

    def __init__(
        self,
        kind: Kind,
        access_log: AccessLog | NullAccessLog,
        metrics: Metrics,
        stats: ListenerStats,
        seconds: Callable[[], float],
        recent: Recent = FORGETFUL,
        chart: Chart = NO_CHART,
        new_id: Callable[[], str] = str,
    ) -> None:
        """`seconds` is the reactor's clock; `new_id` names connections, `chart` explains their ways."""
        self._kind: Kind = kind
        self._log = access_log
        self._metrics = metrics
        self._stats = stats
        self._seconds = seconds
        self._routes: dict[str, RouteStats] = {}
        self._recent = recent
        self._chart = chart
        self._new_id = new_id

    # --- layer 7 ------------------------------------------------------------------------------

    def request(
        self, connection: Any, request: Request, status: int, sent: int, reason: Reason | None, detail: str
    ) -> None:
        """An exchange is over: `sent` bytes of body went out, `reason` is None for an ordinary end."""
        taken = self._seconds() - request.arrived
        name = request.route
        route = self._routes.get(name)
        if route is None:
            route = self._routes[name] = self._metrics.route(name)
        stats = self._stats
        route.answered(stats.name, status, taken)
        received = 0 if request.body is None else request.body.received
        stats.body_in += received
        stats.body_out += sent
        if reason is not None:
            stats.refuse(reason.word)
        log = self._log
        # What went wrong is of interest even though nobody has followed it on its way.
        keep = request.trail is not None or reason is not None or status >= 500
        if keep:
            keep = self._recent.has_room(request.trail is not None)
        if not log.enabled and not keep:
            return
        headers = request.headers
        agent = headers.get(b"user-agent")
        referer = headers.get(b"referer")
        after = request.answered_after
        line = HttpLine(
            kind="http",
            id=request.id,
            listener=stats.name,
            client=request.client_ip,
            peer=request.peer or f"{request.peer_ip}:{request.peer_port}",
            tls=_tls(connection.connection),
            scheme=_known(request.scheme),
            host=_known(request.host),
            method=_known(request.method),
            path=text(request.asked),
            version=_VERSIONS.get(request.version, ""),
            status=status,
            reason="" if reason is None else reason.word,
            detail=text(detail) if detail else "",
            route=name,
            middleware=request.middleware,
            backend="" if request.backend is None else request.backend.name,
            server="" if request.server is None else request.server.name,
            retries=request.retries,
            bytes_in=received,
            bytes_out=sent,
            duration_ms=milliseconds(taken),
            upstream_ms=None if after is None else milliseconds(after),
            user_agent=text(agent) if agent else "",
            referer=text(referer) if referer else "",
        )
        if log.enabled:
            log.write(line)
        if keep:
            self._recent.request(line, self._chart, request)

    # --- layer 4 ------------------------------------------------------------------------------

    def refused(self, connection: Any, refusal: Refusal) -> None:
        """A connection or session ended before it was anybody's."""
        self._stats.refuse(refusal.reason.word)
        if self._is_told(refusal.reason):
            line = self._line(connection)
            line.detail = refusal.detail
            if isinstance(refusal, UpstreamFailed):
                line.backend, line.server = refusal.backend, refusal.server
            self._end(connection, line, refusal.reason)

    def started(self, connection: Any, backend: str, server: Server) -> None:
        """A relay has begun."""
        if self._log.enabled:
            line = self._line(connection)
            line.event = "start"
            line.backend, line.server = backend, server.name
            line.duration_ms = None
            self._log.write(line)

    def relayed(self, connection: Any, backend: str, server: Server, relay: Any) -> None:
        """A relay is over."""
        reason: Reason | None = relay.reason
        if reason is not None:
            self._stats.refuse(reason.word)
        if self._is_told(reason):
            line = self._line(connection)
            line.backend, line.server = backend, server.name
            line.bytes_in, line.bytes_out = relay.client.received, relay.server.received
            self._end(connection, line, reason)

    def session(self, session: Any) -> None:
        """A UDP session is over."""
        reason: Reason | None = session.reason
        if reason is not None:
            self._stats.refuse(reason.word)
        if self._is_told(reason):
            line = self._line(session)
            line.backend, line.server = session.backend, session.server.name
            line.bytes_in, line.bytes_out = session.bytes_in, session.bytes_out
            line.packets_in, line.packets_out = session.packets_in, session.packets_out
            self._end(session, line, reason)

    def _is_told(self, reason: Reason | None) -> bool:
        """Whether anybody wants a line of something that ends for this reason."""
        recent = self._recent
        return bool(self._log.enabled or (recent.left if reason is None else recent.spare) >= 1.0)

    def _end(self, connection: Any, line: ConnectionLine, reason: Reason | None) -> None:
        """The connection or session is over."""
        line.reason = "" if reason is None else reason.word
        if self._log.enabled:
            self._log.write(line)
        recent = self._recent
        if recent.left >= 1.0 if reason is None else recent.has_room(False):
            recent.connection(line, self._chart, connection)

    def _line(self, connection: Any) -> ConnectionLine:
        hello = getattr(connection, "hello", None)
        connection.id = connection.id or self._new_id()
        return ConnectionLine(
            kind=self._kind,
            id=connection.id,
            listener=self._stats.name,
            client=connection.client_ip,
            peer=f"{connection.peer_ip}:{connection.peer_port}",
            sni=hello.sni if hello is not None else "",
            alpn=b",".join(hello.alpn) if hello is not None else "",
            tls=_tls(connection) if getattr(connection, "tls", None) is not None else None,
            duration_ms=(self._seconds() - connection.accepted) * 1000,
        )


def _tls(connection: Any) -> TlsLine | None:
    """The TLS part of a line, made once for a connection."""
    info = connection.tls
    if info is None:
        return None
    line: TlsLine | None = info.line
    if line is None:
        client = "" if info.client is None else info.client.subject
        line = info.line = TlsLine(info.version, info.cipher, info.sni, info.alpn, info.group, client)
    return line
