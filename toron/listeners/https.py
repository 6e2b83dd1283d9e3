"""HTTP over TLS: the certificate by name, the version of HTTP by ALPN."""

from __future__ import annotations

from toron.interfaces import Serve
from toron.net.accept_tls import accept_tls
from toron.net.certificates import Certificates
from toron.net.client_certs import AskedClients
from toron.net.connection import Connection
from toron.net.http1_server import HttpServer
from toron.net.http2_server import Http2Server
from toron.net.http_site import HttpSite

_HTTP2 = b"h2"
_HTTP1 = b"http/1.1"

_TEXT = b"This port speaks HTTPS, and the request came without TLS.\n"
_PLAIN = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_TEXT), _TEXT)
)


def protocols(http2: bool) -> tuple[bytes, ...]:
    """What ALPN offers, the best first (RFC 7301, RFC 9113 section 3.2)."""
    return (_HTTP2, _HTTP1) if http2 else (_HTTP1,)


def serve_https(
    site: HttpSite,
    certificates: Certificates,
    seconds: float,
    http2: bool = True,
    clients: AskedClients | None = None,
) -> Serve:
    """What serves a connection of an `https` listener; the handshake has `seconds`.

    `clients` says which of them have to show a certificate.
    """
    offered = protocols(http2)

    async def serve(connection: Connection) -> None:
        await accept_tls(
            connection, certificates, seconds,
            protocols=offered, plain=_PLAIN, tickets_wait=True, clients=clients,
        )  # fmt: skip
        tls = connection.tls
        assert tls is not None
        site.stats.handshake(tls.version)
        server: HttpServer | Http2Server
        server = (
            Http2Server(connection, site) if tls.alpn == _HTTP2.decode() else HttpServer(connection, site)
        )
        connection.hand_over(server)
        await server.ended

    return serve
