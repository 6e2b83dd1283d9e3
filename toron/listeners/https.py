"""HTTP over TLS: the certificate by name, the version of HTTP by ALPN."""

from __future__ import annotations

from toron.interfaces import Serve
from toron.net.accept_tls import accept_tls
from toron.net.certificates import Certificates
from toron.net.connection import Connection
from toron.net.http1_server import HttpServer
from toron.net.http_site import HttpSite

PROTOCOLS = (b"http/1.1",)
"""What ALPN offers, the best first."""

_TEXT = b"This port speaks HTTPS, and the request came without TLS.\n"
_PLAIN = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_TEXT), _TEXT)
)


def serve_https(site: HttpSite, certificates: Certificates, seconds: float) -> Serve:
    """What serves a connection of an `https` listener; the handshake has `seconds`."""

    async def serve(connection: Connection) -> None:
        await accept_tls(
            connection, certificates, seconds, protocols=PROTOCOLS, plain=_PLAIN, tickets_wait=True
        )
        assert connection.tls is not None
        site.stats.handshake(connection.tls.version)
        server = HttpServer(connection, site)
        connection.hand_over(server)
        await server.ended

    return serve
