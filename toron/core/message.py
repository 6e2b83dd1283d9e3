"""The request that walks through middlewares, and the response that comes back once."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from toron.core.body import Body
from toron.wire.events import ResponseHead
from toron.wire.headers import Field, Headers

if TYPE_CHECKING:
    from toron.core.backend import Backend
    from toron.core.server import Server
    from toron.core.trail import Trail

Captures = re.Match[bytes] | None


class Tunnel(Protocol):
    """A stream that the answer switched to another protocol; whoever gets it must end it."""

    def abort(self) -> None:
        """End it at once, where it will not be joined."""


class Request:
    """One request, whichever version of HTTP carried it.

    `path` and `query` are as they were sent; `route_path` is the path as routes see it: percent
    escapes decoded once, `//` and `.` segments taken out, `%2F` left as it is (see `core.path`). A
    middleware that changes where a request goes sets `path` (and `query`), never `route_path`.
    """

    __slots__ = (
        "accepts_trailers", "answered_after", "arrived", "asked", "backend", "body", "captures",
        "client_fields", "client_ip", "expects_continue", "headers", "host", "id", "inform", "listener",
        "local", "method", "middleware", "notes", "path", "peer", "peer_ip", "peer_port", "port", "prefix",
        "query", "retries", "route", "route_path", "scheme", "server", "tls", "trail", "trusted_peer",
        "upgrade", "version",
    )  # fmt: skip

    def __init__(
        self,
        method: bytes,
        path: bytes,
        headers: Headers,
        *,
        query: bytes | None = None,
        host: bytes = b"",
        scheme: bytes = b"http",
        body: Body | None = None,
        client_ip: str = "",
        route_path: bytes | None = None,
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        """Without the question mark; None when there was none."""
        self.asked = path if query is None else path + b"?" + query
        """The target as the client sent it, whatever middlewares make of the path."""
        self.headers = headers
        self.host = host
        """The host asked for, in lower case, without port or trailing dot."""
        self.port = 0
        """The port the listener is bound to."""
        self.scheme = scheme
        self.body = body
        """None when the request has no body."""
        self.version: tuple[int, int] = (0, 0)
        """As the codec says, for the log: nothing is decided by it."""
        self.client_ip = client_ip
        """The client's address, after PROXY headers and trusted proxies."""
        self.client_fields: tuple[Field, ...] | None = None
        """What `core.forwarding` says of the client, where it was worked out for its connection already."""
        self.peer_ip = client_ip
        """The address the connection came from."""
        self.peer_port = 0
        self.peer = ""
        """Both as logs have them, `ip:port`; empty where nobody has written them yet."""
        self.local: tuple[str, int] = ("", 0)
        """The address and port that the connection came to."""
        self.trusted_peer = False
        """Whether the peer may speak for others, so its X-Forwarded-* are believed."""
        self.route_path = path if route_path is None else route_path
        self.prefix = b""
        """What a middleware took off the front of the path, for X-Forwarded-Prefix."""
        self.upgrade: bytes | None = None
        """The protocols the client wants to switch to (the Upgrade field), in lower case."""
        self.expects_continue = False
        """The client waits for 100 (Continue), or a final answer, before it sends the body."""
        self.accepts_trailers = False
        self.inform: Callable[[ResponseHead], None] | None = None
        """Sends an interim (1xx) response to the client."""
        self.tls: Any = None
        """The `TlsInfo` of the client's connection, or None."""
        self.id = ""
        self.arrived = 0.0
        """Seconds of the reactor's clock at which the head was whole."""
        self.listener = ""
        self.route = ""
        """The name of the route that matched."""
        self.captures: Captures = None
        """What the route's regular expression matched in `route_path`."""
        self.middleware = ""
        """The middleware that answered instead of passing the request on."""
        self.backend: Backend | None = None
        self.server: Server | None = None
        self.retries = 0
        self.answered_after: float | None = None
        """Seconds from `arrived` to the server's response head."""
        self.trail: Trail | None = None
        """Where its way is written down, if somebody may ask for it later."""
        self.notes: dict[str, Any] | None = None
        """What plug-ins want to remember, by names of their own."""

    @property
    def target(self) -> bytes:
        """The origin-form request target to send on (RFC 9112 section 3.2.1)."""
        return self.path if self.query is None else self.path + b"?" + self.query


class Response:
    """One final response: a status, headers, and a body that is here or on its way.

    `headers` carry no framing: Content-Length is kept for information (and for HEAD), and the
    codec writes what frames the body. `tunnel` is set with status 101 only.
    """

    __slots__ = ("body", "headers", "reason", "status", "tunnel", "upgrade", "word")

    def __init__(
        self,
        status: int,
        headers: Headers | None = None,
        body: Body | bytes = b"",
        reason: bytes = b"",
    ) -> None:
        self.status = status
        self.headers = Headers() if headers is None else headers
        self.body = body
        self.reason = reason
        self.upgrade = b""
        """With status 101: the protocol switched to, in lower case."""
        self.tunnel: Tunnel | None = None
        self.word = ""
        """The reason word of a response that the gateway made itself instead of a server."""


Service = Callable[[Request], Awaitable[Response]]
"""Answers a request."""

Middleware = Callable[[Request, Service], Awaitable[Response]]
"""Stands before an answer: sees the request first and the response last."""
