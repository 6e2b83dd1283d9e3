"""HTTP/3: HTTP over QUIC, the certificate by name."""

from __future__ import annotations

from toron.interfaces import Serve
from toron.net.connection import Connection
from toron.net.http3_server import Http3Server
from toron.net.http_site import HttpSite
from toron.net.quic_accept import accept_quic

PROTOCOL = "h3"
"""What ALPN has to agree on."""


def serve_http3(site: HttpSite, seconds: float) -> Serve:
    """What serves a connection of an `http3` listener; the handshake has `seconds`."""

    async def serve(connection: Connection) -> None:
        session = await accept_quic(connection, seconds)
        assert connection.tls is not None
        site.stats.handshake(connection.tls.version)
        server = Http3Server(connection, session, site)
        server.start()
        await server.ended

    return serve
