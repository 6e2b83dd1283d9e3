"""Redirects requests that did not come to the right address."""

from __future__ import annotations

from pydantic import PrivateAttr, model_validator

from toron.config.model import Redirect, Shortened
from toron.core.message import Middleware, Request, Response, Service
from toron.core.redirect import Redirection
from toron.interfaces import Environment

ACME = b"/.well-known/acme-challenge/"
"""Certificate authorities ask here over plain HTTP (RFC 8555 section 8.3)."""


class Options(Redirect, Shortened):
    """Where to: `redirect: {scheme: https}`, `{host: www.example.com}`, `{to: /new/$1}`."""

    main = "to"

    _redirection: Redirection = PrivateAttr()

    @model_validator(mode="after")
    def _compile(self) -> Options:
        self._redirection = Redirection(self.to, self.scheme, self.host, self.port, self.status)
        return self


def make(options: Options, environment: Environment) -> Middleware:
    """A request that is where the redirect leads is passed on, and so are ACME challenges."""
    redirection, name = options._redirection, environment.name
    to_https = options.scheme == "https" and options.to is None

    async def redirect(request: Request, service: Service) -> Response:
        if redirection.there(request) or (to_https and request.route_path.startswith(ACME)):
            return await service(request)
        request.middleware = name
        return redirection.answer(request)

    return redirect
