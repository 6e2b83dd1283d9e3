"""HTTP over plain TCP: HTTP/1.1, and HTTP/2 where the client knows that it is spoken here."""

from __future__ import annotations

from toron.interfaces import Serve
from toron.net.connection import Connection
from toron.net.http1_server import HttpServer
from toron.net.http_first import FirstBytes
from toron.net.http_site import HttpSite


def serve_http(site: HttpSite, http2: bool = True) -> Serve:
    """What serves a connection of an `http` listener; without `http2` it is HTTP/1.1 whatever comes."""

    async def serve(connection: Connection) -> None:
        server = FirstBytes(connection, site) if http2 else HttpServer(connection, site)
        connection.hand_over(server)
        await server.ended

    return serve
