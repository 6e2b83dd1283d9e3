"""TLS passed on as it is: the ClientHello says where, and then reaches the server unchanged."""

from __future__ import annotations

from toron.core.connection_routing import ConnectionRouter
from toron.interfaces import Serve
from toron.net.accept_tls import read_hello
from toron.net.connection import Connection


def serve_sni(router: ConnectionRouter[Serve], seconds: float) -> Serve:
    """What serves a connection of an `sni` listener; the ClientHello has `seconds`."""

    async def serve(connection: Connection) -> None:
        hello = await read_hello(connection, seconds)
        await router.find(connection.client_ip, hello.sni, hello.alpn)(connection)

    return serve
