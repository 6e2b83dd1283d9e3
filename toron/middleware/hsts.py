"""Tells browsers to come over HTTPS only, for as long as they remember."""

from __future__ import annotations

from pydantic import model_validator

from toron.config.model import Model
from toron.config.units import Duration
from toron.core.message import Middleware, Request, Response, Service
from toron.interfaces import Environment

_YEAR = 86400.0 * 365


class Options(Model):
    """What browsers are told: `hsts: {}` for a year, and this host alone."""

    max_age: Duration = _YEAR
    """How long browsers remember it; with 0 they forget it."""
    include_subdomains: bool = False
    """It is for all names below this one too."""
    preload: bool = False
    """Browsers may come with it built in, if the name is on their list: that is hard to take back."""

    @model_validator(mode="after")
    def _fit_for_the_list(self) -> Options:
        if 0 < self.max_age < 1:
            raise ValueError("max_age is in whole seconds: write 1s or more, or 0 to be forgotten")
        if self.preload and (self.max_age < _YEAR or not self.include_subdomains):
            raise ValueError("preload needs include_subdomains: true and a max_age of 365d: write both")
        return self


def make(options: Options, environment: Environment) -> Middleware:
    """Sets Strict-Transport-Security (RFC 6797) in answers over TLS, and in no others (section 7.2).

    What a server says itself is replaced: a response has it once.
    """
    parts = [f"max-age={int(options.max_age)}"]
    parts += ["includeSubDomains"] if options.include_subdomains else []
    parts += ["preload"] if options.preload else []
    said = "; ".join(parts).encode()

    async def hsts(request: Request, service: Service) -> Response:
        response = await service(request)
        if request.tls is not None:
            response.headers.set(b"Strict-Transport-Security", said)
        else:
            response.headers.remove(b"strict-transport-security")
        return response

    return hsts
