"""Tells clients that came over TLS that they may come again over QUIC."""

from __future__ import annotations

from pydantic import Field

from toron.config.model import Model, Port
from toron.config.units import Duration
from toron.core.message import Middleware, Request, Response, Service
from toron.interfaces import Environment
from toron.wire.alt_svc import over_quic

_NOT_OF = frozenset({101, 421})
"""Statuses of which clients take no advice: another protocol, and a name that is not served here."""


class Options(Model):
    """Where QUIC is spoken: `alt-svc: {}` for the port that the request came to."""

    port: Port | None = Field(None, gt=0)
    """The UDP port as clients see it; without it the port of the listener."""
    max_age: Duration = 86400.0
    """How long clients may remember it."""


def make(options: Options, environment: Environment) -> Middleware:
    """Sets Alt-Svc (RFC 7838) in answers to requests over TLS, and only in those.

    Where clients are asked for certificates nothing is said: over QUIC they could show none.
    What a server says itself is about the server, so it is replaced.
    """
    said: dict[int, bytes] = {}

    async def alt_svc(request: Request, service: Service) -> Response:
        response = await service(request)
        tls = request.tls
        if tls is not None and tls.rule is None and response.status not in _NOT_OF:
            port = options.port or request.port
            value = said.get(port)
            if value is None:
                value = said[port] = over_quic(port, options.max_age)
            response.headers.set(b"Alt-Svc", value)
        return response

    return alt_svc
