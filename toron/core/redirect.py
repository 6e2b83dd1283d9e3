"""Works out the address that a request is redirected to."""

from __future__ import annotations

import re

from toron.core.message import Request, Response
from toron.core.path import escaped
from toron.core.refusal import REASONS, Refusal
from toron.core.template import Template
from toron.wire.headers import Headers

_DEFAULT_PORTS = {b"http": 80, b"https": 443}
_ABSOLUTE = re.compile(r"(https?)://([^/?#]*)(.*)", re.DOTALL)
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(?::(\d{1,5}))?")
_HOST = re.compile(r"\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*|[0-9A-Za-z._-]+")
_UNPRINTABLE = re.compile(rb"[^!-~]")
_WRITTEN_PORT = re.compile(rb":(\d{1,5})$")

Address = tuple[bytes, bytes, int, bytes]
"""Scheme, host (IPv6 in brackets), port, and path with query."""


class Redirection:
    """Where requests are sent instead: a target, or the same path at another scheme, host or port.

    The host is the option's, or the one the request was for, which was validated on its way in;
    captures go into the path and the query only, so no client chooses where it leads.
    """

    __slots__ = ("_host", "_port", "_scheme", "_template", "groups", "status")

    def __init__(
        self,
        to: str | None = None,
        scheme: str | None = None,
        host: str | None = None,
        port: int | None = None,
        status: int = 308,
    ) -> None:
        """`to` is a path (with `$1` and its own query), or an absolute http or https URL.

        Without `to` the path and the query stay. Raises ValueError, saying what to write.
        """
        self.status = status
        if to is not None and (absolute := _ABSOLUTE.fullmatch(to)):
            if scheme or host or port is not None:
                raise ValueError("`to` names a scheme and host already: write either those or a path in `to`")
            scheme, authority, to = absolute[1], absolute[2], absolute[3]
            host, port = _split(authority)
            port = _DEFAULT_PORTS[scheme.encode()] if port is None else port
            to = to if to.startswith("/") else "/" + to
        elif to is not None and (not to.startswith("/") or to.startswith("//")):
            raise ValueError(
                f"{to!r} leads nowhere: write a path such as /new/$1, or a URL with http:// or https://"
            )
        if to is None and scheme is None and host is None and port is None:
            raise ValueError("the redirect leads nowhere: write `to`, `scheme`, `host` or `port`")
        if port is not None and not 0 < port < 65536:
            raise ValueError(f"nothing can be redirected to port {port}: write one from 1 to 65535")
        self._template = None if to is None else Template(to)
        self._scheme = None if scheme is None else scheme.encode()
        self._host = None if host is None else _checked(host)
        self._port = port
        self.groups = 0 if self._template is None else self._template.groups
        """The highest capture that `to` asks for."""

    def location(self, request: Request) -> bytes:
        """The Location (RFC 9110 section 10.2.2): a path where only the path changes, else a URL."""
        scheme, host, port, target = self._aim(request)
        target = _UNPRINTABLE.sub(lambda byte: b"%%%02X" % byte[0][0], target)
        if self._scheme is None and self._host is None and self._port is None:
            return target
        if not host:
            raise Refusal(REASONS["bad_host"], "a redirect needs the host that was asked for")
        shown = b"" if port == _DEFAULT_PORTS.get(scheme) else b":%d" % port
        return scheme + b"://" + host + shown + target

    def there(self, request: Request) -> bool:
        """Whether the request came to that very address already."""
        if self._template is None and self._host is None and self._port is None:
            return request.scheme == self._scheme
        return self._aim(request) == _address(request)

    def answer(self, request: Request) -> Response:
        """The redirect itself."""
        return Response(self.status, Headers([(b"Location", self.location(request))]))

    def _aim(self, request: Request) -> Address:
        scheme, host, port, target = _address(request)
        if self._scheme is not None and self._scheme != scheme:
            scheme = self._scheme
            port = _DEFAULT_PORTS[scheme]
        if self._host is not None:
            host = self._host
        if self._port is not None:
            port = self._port
        if self._template is not None:
            path = self._template.fill(request.captures)
            query = self._template.query(request.captures, request.query)
            target = path if query is None else path + b"?" + query
        return scheme, host, port, target


def _address(request: Request) -> Address:
    """Where the client sent the request: what a middleware took off the path is put back."""
    host = request.host
    if b":" in host and not host.startswith(b"["):
        host = b"[" + host + b"]"
    written = request.headers.get(b"host")
    if written is None:
        port = request.port
    elif found := _WRITTEN_PORT.search(written):
        port = int(found[1])
    else:
        # The port that the world sees, not the one bound here, which may lie behind a port mapping.
        port = _DEFAULT_PORTS.get(request.scheme, 0)
    path = escaped(request.prefix + request.path)
    if not path.startswith(b"/"):
        path = b"/"
    return request.scheme, host, port, path if request.query is None else path + b"?" + request.query


def _split(authority: str) -> tuple[str, int | None]:
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        raise ValueError(
            f"{authority!r} is not a host: write a name or address, with a port where one is needed;"
            " captures such as $1 may stand in the path and the query only"
        )
    return found[1], int(found[2]) if found[2] else None


def _checked(host: str) -> bytes:
    if not _HOST.fullmatch(host):
        raise ValueError(
            f"{host!r} is not a host: write a name (its xn-- form where it is not ASCII) or an address,"
            " and the port under `port`"
        )
    lower = host.lower().encode()
    return b"[" + lower + b"]" if b":" in lower and not lower.startswith(b"[") else lower
