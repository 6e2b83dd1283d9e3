"""Lets browsers call gRPC servers: gRPC-Web on the client's side, gRPC on the server's."""

from __future__ import annotations

import binascii
import re
from typing import Annotated

from pydantic import AfterValidator, model_validator

from toron.config.model import Model, OneOrMore
from toron.core import grpc
from toron.core.body import Body
from toron.core.message import Middleware, Request, Response, Service
from toron.core.refusal import BAD_GRPC_WEB, Refusal
from toron.core.transform import Transform, transformed
from toron.interfaces import Environment
from toron.middleware._names import TOKEN
from toron.wire.headers import Field, Headers

_ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[0-9a-z._-]+)(:[0-9]{1,5})?")
_REMEMBERED = b"7200"
"""Seconds for which a browser need not ask again; longer than that Chromium does not keep it."""


def _checked_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    origins = tuple(origin.lower() for origin in origins)
    for origin in origins:
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin!r} is no origin: write one such as https://app.example.com, or *")
    return origins


def _checked_names(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not TOKEN.fullmatch(name):
            raise ValueError(f"{name!r} is not a header name: write letters, digits and dashes")
    return names


class Options(Model):
    """From where browsers may call. Without `origins` only pages of the same host can."""

    origins: Annotated[OneOrMore, AfterValidator(_checked_origins)] = ()
    """Origins whose pages may call: `https://app.example.com`, or `*` for all. Their preflights are answered
    here."""
    credentials: bool = False
    """Whether these pages may send cookies."""
    expose: Annotated[OneOrMore, AfterValidator(_checked_names)] = ()
    """Headers of responses (metadata) that these pages may read, besides how the call ended."""

    @model_validator(mode="after")
    def _credentials_of_some(self) -> Options:
        if self.credentials and "*" in self.origins:
            raise ValueError("not with credentials for all origins: name those that may send cookies")
        return self


def make(options: Options, environment: Environment) -> Middleware:
    """Requests that are no gRPC-Web go on as they are; bodies are translated as they come."""
    origins = Origins(options)

    async def grpc_web(request: Request, service: Service) -> Response:
        allowed = origins.allow(request.headers.get(b"origin"))
        if allowed and _is_preflight(request):
            return origins.preflight(request, allowed)
        asked = request.headers.get(b"content-type")
        kind, messages = grpc.read_type(asked)
        if kind not in (grpc.WEB, grpc.WEB_TEXT):
            return await service(request)
        wanted = grpc.answer_type(request.headers)
        try:
            _to_grpc(request, kind, messages)
            response = await service(request)
        except Refusal as refusal:
            # Whoever writes its answer has to know what the client reads.
            request.headers.set(b"Content-Type", asked or b"")
            refusal.headers += tuple(allowed)
            raise
        for name, value in allowed:
            if name != b"Vary":
                response.headers.remove(name.lower())
            response.headers.add(name, value)
        return _from_grpc(response, grpc.read_type(wanted)[0])

    return grpc_web


class Origins:
    """Cross-origin calls (the Fetch standard, section 3.2): which are allowed, and how that is said."""

    def __init__(self, options: Options) -> None:
        self._origins = frozenset(origin.encode() for origin in options.origins)
        self._more: list[Field] = []
        if options.credentials:
            self._more.append((b"Access-Control-Allow-Credentials", b"true"))
        exposed = (*(name.decode() for name in grpc.STATUS_FIELDS), *options.expose)
        self._exposed = (b"Access-Control-Expose-Headers", ", ".join(exposed).encode())

    def allow(self, origin: bytes | None) -> list[Field]:
        """The fields that let a page of that origin read a response; none where it may not."""
        if origin is None or (b"*" not in self._origins and origin.lower() not in self._origins):
            return []
        fields = [(b"Access-Control-Allow-Origin", b"*" if b"*" in self._origins else origin)]
        if b"*" not in self._origins:
            fields.append((b"Vary", b"Origin"))
        return [*fields, *self._more, self._exposed]

    def preflight(self, request: Request, allowed: list[Field]) -> Response:
        """What a browser asks before a call: the method, and headers of all kinds (metadata)."""
        headers = Headers(allowed)
        headers.add(b"Access-Control-Allow-Methods", b"POST")
        names = request.headers.listed(b"access-control-request-headers")
        if names:
            headers.add(b"Access-Control-Allow-Headers", b", ".join(names))
        headers.add(b"Access-Control-Max-Age", _REMEMBERED)
        return Response(204, headers)


def _is_preflight(request: Request) -> bool:
    return request.method == b"OPTIONS" and request.headers.get(b"access-control-request-method") == b"POST"


def _to_grpc(request: Request, kind: bytes, messages: bytes) -> None:
    request.headers.set(b"Content-Type", grpc.GRPC + messages)
    request.accepts_trailers = True
    if kind == grpc.WEB_TEXT and request.body is not None:
        body = request.body = transformed(request.body, FromText())
        if isinstance(body.error, Refusal):
            # There is no use in troubling a server.
            raise body.error


def _from_grpc(response: Response, kind: bytes) -> Response:
    """The response as gRPC-Web, with its trailers in the body; what is not gRPC stays as it is."""
    headers = response.headers
    spoken, messages = grpc.read_type(headers.get(b"content-type"))
    if spoken != grpc.GRPC:
        return response
    headers.set(b"Content-Type", kind + messages)
    # Where there were no messages, how it ended is here and not in trailers.
    ended = [(name, value) for name in grpc.STATUS_FIELDS for value in headers.get_all(name)]
    for name in grpc.STATUS_FIELDS:
        headers.remove(name)
    transform: Transform = WithTrailers(ended)
    if kind == grpc.WEB_TEXT:
        transform = ToText(transform)
    if isinstance(response.body, Body):
        response.body = transformed(response.body, transform)
    else:
        response.body = transform.data(response.body) + transform.end(None)[0]
    return response


class WithTrailers:
    """Writes the trailers into the body, as its last frame."""

    def __init__(self, ended: list[Field]) -> None:
        """`ended` are fields for that frame that came already."""
        self._ended = ended

    def data(self, data: bytes) -> bytes:
        return data

    def end(self, trailers: Headers | None) -> tuple[bytes, None]:
        fields = [*self._ended, *(trailers or ())]
        return grpc.trailer_frame(fields) if fields else b"", None


class ToText:
    """Writes base64: each piece with a padding of its own, so that none has to wait for the next."""

    def __init__(self, first: Transform) -> None:
        self._first = first

    def data(self, data: bytes) -> bytes:
        return binascii.b2a_base64(self._first.data(data), newline=False)

    def end(self, trailers: Headers | None) -> tuple[bytes, Headers | None]:
        last, trailers = self._first.end(trailers)
        return binascii.b2a_base64(last, newline=False), trailers


class FromText:
    """Reads base64 that may be cut anywhere, and padded wherever its writer had no more to say."""

    def __init__(self) -> None:
        self._held = b""
        """Up to three characters whose fourth has not come."""

    def data(self, data: bytes) -> bytes:
        data = self._held + data
        whole = len(data) - len(data) % 4
        self._held = data[whole:]
        read: list[bytes] = []
        start = 0
        while start < whole:
            padding = data.find(b"=", start, whole)
            end = whole if padding < 0 else padding - padding % 4 + 4
            try:
                read.append(binascii.a2b_base64(data[start:end], strict_mode=True))
            except binascii.Error as error:
                raise Refusal(BAD_GRPC_WEB, str(error)) from None
            start = end
        return b"".join(read)

    def end(self, trailers: Headers | None) -> tuple[bytes, Headers | None]:
        if self._held:
            raise Refusal(BAD_GRPC_WEB, "cut off")
        return b"", trailers
