"""HTTP/1.1 over plain TCP."""

from __future__ import annotations

from toron.interfaces import Serve
from toron.net.connection import Connection
from toron.net.http1_server import HttpServer
from toron.net.http_site import HttpSite


def serve_http(site: HttpSite) -> Serve:
    """What serves a connection of an `http` listener."""

    async def serve(connection: Connection) -> None:
        server = HttpServer(connection, site)
        connection.hand_over(server)
        await server.ended

    return serve
