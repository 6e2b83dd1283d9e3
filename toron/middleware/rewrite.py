"""Sends a request on with another path."""

from __future__ import annotations

import re
from typing import Any

import re2
from pydantic import Field, PrivateAttr, model_validator

from toron.config.model import Shortened
from toron.core.message import Middleware, Request, Response, Service
from toron.core.path import route_path
from toron.core.refusal import REASONS, Refusal
from toron.core.template import Template
from toron.interfaces import Environment

_DOT_SEGMENT = re.compile(rb"/\.\.?(?:/|$)")


class Options(Shortened):
    """The new path: `rewrite: /v2/$1`, or `rewrite: {from: "^/api/(.*)$", to: /v2/$1}`."""

    main = "to"

    to: str
    """May carry a query, which comes before the request's own; a lone `?` at its end drops that."""
    from_: str | None = Field(None, alias="from")
    """A regular expression (RE2 syntax) on the path; where it does not match, nothing is changed.
    Without it `$1` is what the route's own regular expression captured."""

    _template: Template = PrivateAttr()
    _expression: Any = PrivateAttr(None)

    @model_validator(mode="after")
    def _compile(self) -> Options:
        self._template = Template(self.to)
        if self.from_ is not None:
            self._expression = compiled(self.from_)
            if self._template.groups > self._expression.groups:
                raise ValueError(
                    f"`to` asks for ${self._template.groups}, but `from` captures {self._expression.groups}:"
                    " put what is wanted in parentheses"
                )
        return self


def compiled(expression: str) -> Any:
    """A regular expression on bytes, in time linear to the path; ValueError when it is none."""
    settings = re2.Options()
    settings.encoding = re2.Options.Encoding.LATIN1  # paths may be any bytes
    settings.log_errors = False
    try:
        return re2.compile(expression.encode(), settings)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error
        raise ValueError(f"`from` is not a regular expression: {reason}") from None


def make(options: Options, environment: Environment) -> Middleware:
    """A path that comes out with `..` in it is refused: a capture would lead out of its place."""
    template, expression = options._template, options._expression

    async def rewrite(request: Request, service: Service) -> Response:
        captures = request.captures
        if expression is not None:
            captures = expression.search(route_path(request.path))
            if captures is None:
                return await service(request)
        path = template.fill(captures)
        if b"/." in path and _DOT_SEGMENT.search(path):
            raise Refusal(REASONS["bad_path"], "the rewritten path has a dot segment")
        request.path, request.query = path, template.query(captures, request.query)
        return await service(request)

    return rewrite
