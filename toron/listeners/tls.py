"""TLS ended here, bytes relayed: each connection goes where its name and protocol lead it."""

from __future__ import annotations

from toron.core.connection_routing import ConnectionRouter
from toron.interfaces import Serve
from toron.net.accept_tls import accept_tls
from toron.net.certificates import Certificates
from toron.net.client_certs import AskedClients
from toron.net.connection import Connection
from toron.observe.stats import ListenerStats


def serve_tls(
    router: ConnectionRouter[Serve],
    certificates: Certificates,
    seconds: float,
    stats: ListenerStats,
    clients: AskedClients | None = None,
) -> Serve:
    """What serves a connection of a `tls` listener; the handshake has `seconds`.

    `clients` says which of them have to show a certificate.
    """

    async def serve(connection: Connection) -> None:
        await accept_tls(connection, certificates, seconds, clients=clients)
        assert connection.tls is not None and connection.hello is not None
        stats.handshake(connection.tls.version)
        follow = router.find(connection.client_ip, connection.hello.sni, connection.hello.alpn)
        await follow(connection)

    return serve
