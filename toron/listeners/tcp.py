"""Plain TCP: each connection goes where its client's address leads it."""

from __future__ import annotations

from toron.core.connection_routing import ConnectionRouter
from toron.interfaces import Serve
from toron.net.connection import Connection


def serve_tcp(router: ConnectionRouter[Serve]) -> Serve:
    """What serves a connection of a `tcp` listener."""

    async def serve(connection: Connection) -> None:
        await router.find(connection.client_ip)(connection)

    return serve
