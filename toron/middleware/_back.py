"""Rewrites the paths that a response points to, so that they lead back through the gateway."""

from __future__ import annotations

import re
from collections.abc import Callable

from toron.core.message import Request, Response
from toron.wire.headers import Field, Headers, fold

Mapping = Callable[[bytes], bytes]
"""From a path as the server wrote it to the path as the client must ask for it."""

_URL = re.compile(rb"(?i)(?:(https?):)?//([^/?#]*)")
_PORT = re.compile(rb":(\d{0,5})$")
_REFRESH = re.compile(rb"""(?i)([\d.]*\s*[;,]\s*(?:url\s*=\s*)?)(["']?)(.*)(\2)""", re.DOTALL)
_POINTING = frozenset({b"location", b"content-location", b"refresh", b"set-cookie"})


def under(path: bytes, prefix: bytes) -> bool:
    """Whether the path is the prefix, or below it on a segment boundary."""
    return path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in (b"", b"/", b"?", b"#")


def point_back(response: Response, request: Request, mapping: Mapping) -> None:
    """Apply `mapping` to Location, Content-Location, Refresh, and the Path of every Set-Cookie.

    URLs of other hosts and relative ones stay. A URL of the server's own address becomes a path.
    """
    headers = response.headers
    if not any(name in headers for name in _POINTING):
        return
    response.headers = Headers([_mapped(field, request, mapping) for field in headers])


def _mapped(field: Field, request: Request, mapping: Mapping) -> Field:
    name, value = field
    match fold(name):
        case b"location" | b"content-location":
            return name, _reference(value, request, mapping)
        case b"set-cookie":
            return name, _cookie(value, mapping)
        case b"refresh" if found := _REFRESH.fullmatch(value.strip()):
            return name, found[1] + found[2] + _reference(found[3], request, mapping) + found[4]
        case _:
            return field


def _reference(url: bytes, request: Request, mapping: Mapping) -> bytes:
    if url.startswith(b"/") and not url.startswith(b"//"):
        return mapping(url)
    found = _URL.match(url)
    if found is None:
        return url
    rest = url[found.end() :]
    path = rest if rest.startswith(b"/") else b"/" + rest
    if _is_client_side(found[2].lower(), request):
        return found[0] + mapping(path)
    server = request.server
    if server is not None and found[2].lower() == server.name.encode():
        return mapping(path)
    return url


def _is_client_side(authority: bytes, request: Request) -> bool:
    """Whether it names the host that the client asked for, at its port or a default one."""
    port = _PORT.search(authority)
    host = authority[: port.start()] if port else authority
    if not host or host.strip(b"[]").rstrip(b".") != request.host.strip(b"[]"):
        return False
    if port is None or not port[1]:
        return True
    asked = _PORT.search(request.headers.get(b"host") or b"")
    return int(port[1]) in (int(asked[1] or 0) if asked else request.port, 443 if request.tls else 80)


def _cookie(value: bytes, mapping: Mapping) -> bytes:
    crumbs = value.split(b";")
    for index, crumb in enumerate(crumbs[1:], 1):
        key, equals, path = crumb.partition(b"=")
        if equals and key.strip().lower() == b"path" and path.strip().startswith(b"/"):
            crumbs[index] = key + b"=" + (mapping(path.strip()).rstrip(b"/") or b"/")
    return b";".join(crumbs)
