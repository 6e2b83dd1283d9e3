"""Answers with what was received, for demonstrations and for looking at what arrives behind a gateway."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.protocol import Protocol

from toron.core.message import Request, Response
from toron.core.refusal import BODY_TOO_LARGE, EXTRA_MISSING, Refusal
from toron.net.connection import Connection
from toron.wire.events import ResponseHead
from toron.wire.headers import Headers

_MOST = 1 << 20


def echo_http(pair: Callable[[Any], Any] | None) -> Callable[[Request], Awaitable[Response]]:
    """A service that answers JSON; a WebSocket is answered message by message.

    `pair` makes a WebSocket echo for a request (see `net.websocket_echo`), None where the extra
    for it is not installed.
    """

    async def service(request: Request) -> Response:
        if request.upgrade == b"websocket":
            if pair is None:
                raise Refusal(EXTRA_MISSING, "toron[websocket]")
            response: Response = pair(request)
            return response
        body = b""
        if request.body is not None:
            if request.expects_continue and request.inform is not None:
                request.inform(ResponseHead(100, Headers(), b"Continue"))
            whole = await request.body.read_all(_MOST)
            if whole is None:
                raise Refusal(BODY_TOO_LARGE, f"more than {_MOST} bytes")
            body = whole
        said = {
            "method": request.method.decode("ascii"),
            "path": request.target.decode("ascii", "backslashreplace"),
            "host": request.host.decode("ascii", "backslashreplace"),
            "client_ip": request.client_ip,
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.headers],
            "body": body.decode("utf-8", "backslashreplace"),
        }
        text = json.dumps(said, indent=2).encode() + b"\n"
        return Response(200, Headers([(b"Content-Type", b"application/json")]), text)

    return service


class _EchoProtocol(Protocol):
    """Sends back what comes, as fast as it is taken."""

    transport: Any

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def connectionMade(self) -> None:
        self.transport.registerProducer(self.transport, True)

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)

    def connectionLost(self, reason: Any = None) -> None:
        self._connection.lost(reason)


async def echo_stream(connection: Connection) -> None:
    """The last step of a TCP listener that says back what it hears."""
    connection.hand_over(_EchoProtocol(connection))
    await connection.ended
