"""Ends QUIC on a new connection: the handshake, within its time."""

from __future__ import annotations

from toron.net.connection import Connection
from toron.net.quic_session import QuicSession


async def accept_quic(connection: Connection, seconds: float) -> QuicSession:
    """Shake hands; afterwards `connection.tls` says what was agreed. Nothing is heard before `attach`.

    Raises Refusal: `unrecognized_name`, `handshake_failed`, `handshake_timeout`, `client_hello_bad`.
    """
    session: QuicSession = connection.transport
    timer = connection.reactor.callLater(seconds, session.late)
    try:
        session.begin()
        refusal = await session.ready
    finally:
        if timer.active():
            timer.cancel()
    if refusal is not None:
        raise refusal
    connection.tls = session.info()
    return session
