"""Changes header fields of requests and responses."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator, model_validator

from toron.config.model import AsText, Many, Model, OneOrMore
from toron.core.message import Middleware, Request, Response, Service
from toron.interfaces import Environment
from toron.middleware._names import checked_name
from toron.middleware._variables import Value
from toron.wire.headers import Field as HeaderField
from toron.wire.headers import Headers

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(:\d{1,5})?")


def _checked_value(value: str) -> str:
    Value(value)
    return value


Name = Annotated[str, AfterValidator(checked_name)]
Text = Annotated[AsText, AfterValidator(_checked_value)]
Names = Annotated[OneOrMore, AfterValidator(lambda names: tuple(checked_name(name) for name in names))]


class Changes(Model):
    """Fields to remove, then to set (replacing those of that name), then to add.

    Values may hold `{client_ip}`, `{host}`, `{method}`, `{path}`, `{scheme}`, `{id}`, `{route}` and what the
    client's certificate says: `{client_cert.subject}`, `.issuer`, `.san`, `.serial` and `.fingerprint`.
    """

    remove: Names = ()
    """Fields to take away; this is done first."""
    set: dict[Name, Text] = Field(default={})
    """Fields to write, in place of those of that name. `{client_ip}`, `{host}`, `{method}`, `{path}`,
    `{scheme}`, `{id}` and `{route}` in a value stand for those of the request; `{client_cert.subject}`,
    `.issuer`, `.san`, `.serial` and `.fingerprint` for what the client's certificate says."""
    add: dict[Name, Many[Text]] = Field(default={})
    """Fields to write beside those of that name."""

    @field_validator("add", "remove")
    @classmethod
    def _one_host(cls, fields: Any) -> Any:
        if any(name.lower() == "host" for name in fields):
            raise ValueError("a request has exactly one Host: write it under `request: {set: ...}`")
        return fields


class Options(Changes):
    """Changes of both directions, written at the top, and of one: `request`, `response`.

    `headers: {set: {X-Served-By: toron}}` reaches the server and the client;
    `headers: {response: {set: {X-Frame-Options: DENY}}}` only the client.
    """

    request: Changes = Changes()
    """`remove`, `set` and `add` for requests only."""
    response: Changes = Changes()
    """`remove`, `set` and `add` for responses only."""

    @model_validator(mode="after")
    def _host_of_requests(self) -> Options:
        if any(name.lower() == "host" for part in (self.set, self.response.set) for name in part):
            raise ValueError("a response has no Host: write it under `request: {set: ...}`")
        for name, value in self.request.set.items():
            if name.lower() == "host" and Value(value).plain is not None and not _HOST.fullmatch(value):
                raise ValueError(f"{value!r} is not a host: write a name or address, and a port if needed")
        return self


Filled = tuple[list[HeaderField], list[HeaderField]]
"""Fields to set, and fields to add."""


class Edit:
    """Changes as they are carried out."""

    __slots__ = ("_adds", "_plain", "_removes", "_sets")

    def __init__(self, *changes: Changes) -> None:
        self._removes = [name.lower().encode() for change in changes for name in change.remove]
        self._sets = [(n.encode(), Value(v)) for change in changes for n, v in change.set.items()]
        added = [item for change in changes for item in change.add.items()]
        self._adds = [(name.encode(), Value(value)) for name, values in added for value in values]
        values = [value.plain for _, value in self._sets + self._adds]
        self._plain = None if None in values else self._fill(Request(b"GET", b"/", Headers()))

    def __bool__(self) -> bool:
        return bool(self._removes or self._sets or self._adds)

    def filled(self, request: Request) -> Filled:
        """What is to be set, and what to be added, for this request."""
        return self._plain or self._fill(request)

    def _fill(self, request: Request) -> Filled:
        return (
            [(name, value.fill(request)) for name, value in self._sets],
            [(name, value.fill(request)) for name, value in self._adds],
        )

    def apply(self, headers: Headers, filled: Filled) -> None:
        """Carry it out."""
        for name in self._removes:
            headers.remove(name)
        for name, value in filled[0]:
            headers.set(name, value)
        for name, value in filled[1]:
            headers.add(name, value)


def make(options: Options, environment: Environment) -> Middleware:
    """Variables are of the request as it came here, in responses too."""
    outward, inward = Edit(options, options.request), Edit(options, options.response)
    new_host = any(name.lower() == "host" for name in options.request.set)

    async def headers(request: Request, service: Service) -> Response:
        coming_back = inward.filled(request) if inward else None
        if outward:
            outward.apply(request.headers, outward.filled(request))
        if new_host:
            request.host = _host_name(request.headers.get(b"host") or b"")
        response = await service(request)
        if coming_back is not None:
            inward.apply(response.headers, coming_back)
        return response

    return headers


def _host_name(value: bytes) -> bytes:
    name, colon, port = value.rpartition(b":")
    bare = name if colon and port.isdigit() else value
    return bare.lower().rstrip(b".")
