"""Ends TLS on an accepted connection, with the certificate of the name that was asked for."""

from __future__ import annotations

from toron.core.refusal import HANDSHAKE_FAILED, HELLO_TIMEOUT, UNKNOWN_NAME, Refusal
from toron.core.wait import Wait
from toron.net.certificates import ALERT_UNRECOGNIZED_NAME, Certificates
from toron.net.connection import Arrival, Connection
from toron.net.tls import TlsFailed, TlsLayer
from toron.wire import clienthello


async def read_hello(connection: Connection, seconds: float) -> clienthello.ClientHello:
    """Read the ClientHello without taking it; raises Malformed, or Refusal when it is late."""
    hello = await connection.read(clienthello.Peek().parse, seconds, HELLO_TIMEOUT)
    connection.hello = hello
    return hello


async def accept_tls(connection: Connection, certificates: Certificates, seconds: float) -> None:
    """Shake hands; afterwards the connection's transport is the decrypted one.

    The ClientHello is read before OpenSSL sees it, so the certificate is chosen first and an
    unknown name is refused with the alert RFC 6066 asks for. `seconds` bound all of it. Raises
    Refusal (`unrecognized_name`, `handshake_failed`, `handshake_timeout`) or Malformed.
    """
    hello = await read_hello(connection, seconds)
    context = certificates.choose(hello.sni)
    transport = connection.transport
    if context is None:
        transport.write(ALERT_UNRECOGNIZED_NAME)
        transport.loseConnection()
        raise Refusal(UNKNOWN_NAME, hello.sni)
    shaken: Wait[TlsFailed | None] = Wait()
    layer = TlsLayer(context, server=True, ready=shaken.fire)
    arrival = Arrival()
    layer.protocol = arrival
    timer = connection.reactor.callLater(seconds, shaken.fire, TlsFailed("late"))
    try:
        connection.hand_over(layer)
        failure = await shaken
    finally:
        if timer.active():
            timer.cancel()
    if failure is not None:
        late = str(failure) == "late"
        raise Refusal(HELLO_TIMEOUT if late else HANDSHAKE_FAILED, str(failure))
    connection.transport = layer
    connection.tls = layer.info()
    arrival.makeConnection(layer)
    arrival.belong(connection)
