"""Ends TLS on an accepted connection, with the certificate of the name that was asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Collection

from toron.core.agreement import covers
from toron.core.client_certificate import ClientCertificate
from toron.core.refusal import (
    CHALLENGE_SHOWN,
    CLIENT_CERT_BAD,
    HANDSHAKE_FAILED,
    HELLO_TIMEOUT,
    UNKNOWN_NAME,
    Refusal,
)
from toron.core.wait import Task, Wait
from toron.net.certificates import Certificates, Served
from toron.net.client_certs import AskedClients, ClientRule, refusal
from toron.net.client_identity import UNREADABLE
from toron.net.connection import Arrival, Connection
from toron.net.tls import TlsFailed, TlsLayer
from toron.wire import clienthello
from toron.wire.events import Malformed

DECODE_ERROR, UNRECOGNIZED_NAME, NO_APPLICATION_PROTOCOL = 50, 112, 120
"""Alerts (RFC 8446 section 6)."""
_HANDSHAKE = 22


def alert(description: int) -> bytes:
    """A fatal alert in a record that is not encrypted (RFC 8446 sections 5.1 and 6)."""
    return bytes((21, 3, 3, 0, 2, 2, description))


async def read_hello(connection: Connection, seconds: float) -> clienthello.ClientHello:
    """Read the ClientHello without taking it; raises Malformed, or Refusal when it is late."""
    hello = await connection.read(clienthello.Peek().parse, seconds, HELLO_TIMEOUT)
    connection.hello = hello
    return hello


async def accept_tls(
    connection: Connection,
    certificates: Certificates,
    seconds: float,
    *,
    protocols: Collection[bytes] = (),
    plain: bytes = b"",
    tickets_wait: bool = False,
    clients: AskedClients | None = None,
) -> None:
    """Shake hands; afterwards the connection's transport is the decrypted one.

    The ClientHello is read before OpenSSL sees it, so the certificate is chosen first and an
    unknown name is refused with the alert RFC 6066 asks for; so is a client that offers ALPN, but
    none of `protocols` (RFC 7301 section 3.2; empty: any). `plain` is the answer to a client that
    speaks no TLS. `seconds` bound all of it; `tickets_wait` is as in TlsLayer. `clients` says which of
    them have to show a certificate. Raises Refusal (`unrecognized_name`, `handshake_failed`,
    `handshake_timeout`, `client_certificate_...`, and `acme_challenge` for who only wanted to see who we
    are) or Malformed.
    """
    end = connection.reactor.seconds() + seconds
    try:
        hello = await read_hello(connection, seconds)
    except Malformed:
        if connection.held[0] == _HANDSHAKE:
            plain = alert(DECODE_ERROR)
        if plain:
            _say(connection, plain)
        raise
    rule = None if clients is None else clients.rules.of(hello.sni)
    shown = certificates if clients is None or rule is None else clients.shown(rule)
    served = shown.choose(hello)
    if certificates.demand is not None and _lacks(served, hello.sni):
        await _demand(connection, certificates.demand(hello.sni, connection.client_ip), end)
        served = shown.choose(hello)
    if served is None:
        _say(connection, alert(UNRECOGNIZED_NAME))
        raise Refusal(UNKNOWN_NAME, hello.sni)
    known = served.challenge or not protocols or not hello.alpn
    if not known and not any(name in protocols for name in hello.alpn):
        _say(connection, alert(NO_APPLICATION_PROTOCOL))
        offered = b", ".join(hello.alpn).decode("ascii", "backslashreplace")
        raise Refusal(HANDSHAKE_FAILED, f"none of its protocols is spoken here: {offered}")
    shaken: Wait[TlsFailed | None] = Wait()
    layer = TlsLayer(
        served.context, server=True, ready=shaken.fire, name=hello.sni, tickets_wait=tickets_wait
    )
    arrival = Arrival()
    layer.protocol = arrival
    late = TlsFailed("late")
    left = max(0.0, end - connection.reactor.seconds())
    timer = connection.reactor.callLater(left, shaken.fire, late)
    try:
        connection.hand_over(layer)
        failure = await shaken
    finally:
        if timer.active():
            timer.cancel()
    if failure is not None:
        raise Refusal(HELLO_TIMEOUT, str(failure)) if failure is late else refusal(failure)
    if served.challenge:
        # Nothing is said behind it (RFC 8737 section 3).
        layer.loseConnection()
        raise Refusal(CHALLENGE_SHOWN)
    connection.transport = layer
    tls = connection.tls = layer.info()
    tls.host = hello.sni.encode("ascii", "replace")
    tls.names = served.names
    if rule is not None:
        tls.rule = rule
        tls.client = _identity(rule, layer)
    arrival.makeConnection(layer)
    arrival.belong(connection)


def _lacks(served: Served | None, name: str) -> bool:
    """Whether what would be shown is not for the name that was asked for."""
    if served is None:
        return True
    return bool(name) and not served.challenge and not covers(served.names, name)


def _identity(rule: ClientRule, layer: TlsLayer) -> ClientCertificate | None:
    try:
        return rule.identity(layer.verified())
    except UNREADABLE as error:
        layer.loseConnection()
        raise Refusal(CLIENT_CERT_BAD, f"the certificate can not be read: {error}") from None


async def _demand(connection: Connection, demand: Awaitable[object], end: float) -> None:
    """Wait until a certificate was asked for; Refusal when that takes too long."""
    asked: Wait[BaseException | None] = Wait()
    late = TlsFailed("there was no certificate in time")
    task = Task(demand, lambda _, error: asked.fire(error))
    left = max(0.0, end - connection.reactor.seconds())
    timer = connection.reactor.callLater(left, asked.fire, late)
    task.start()
    try:
        error = await asked
    finally:
        task.cancel()
        if timer.active():
            timer.cancel()
    if error is not None:
        _say(connection, alert(UNRECOGNIZED_NAME))
        raise Refusal(HELLO_TIMEOUT, str(late)) if error is late else error


def _say(connection: Connection, last: bytes) -> None:
    """Send some last bytes, and close."""
    connection.transport.write(last)
    connection.transport.loseConnection()
