"""Connects to a server: plain or over verified TLS, with a PROXY header where one is wanted."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from typing import Any

import service_identity
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from OpenSSL import SSL
from service_identity.pyopenssl import verify_hostname, verify_ip_address
from twisted.internet.abstract import isIPAddress, isIPv6Address

from toron.core.refusal import CONNECT_TIMEOUT, UPSTREAM_CERT, UPSTREAM_TLS, UpstreamFailed
from toron.core.server import Server
from toron.core.wait import Wait
from toron.net.connecting import Attempt
from toron.net.resolve import Resolver
from toron.net.tls import TlsFailed, TlsLayer
from toron.wire.schemes import OVER_TLS

_DER, _SPKI = Encoding.DER, PublicFormat.SubjectPublicKeyInfo


class UpstreamTls:
    """How to speak TLS to the servers of one backend."""

    def __init__(
        self, context: SSL.Context, server_name: str | None, verify: bool,
        multiplexed: SSL.Context | None = None, pins: Collection[str] = (),
    ) -> None:  # fmt: skip
        """`multiplexed` offers the protocols of connections that carry many exchanges too.

        `pins` are SHA-256 digests of public keys (DER), in hexadecimal digits: where there are any, one of
        the certificates that were verified has one of them; the server's own where none is verified.
        """
        self.context = context
        self.multiplexed = multiplexed or context
        self.server_name = server_name
        self.verify = verify
        self._pins = frozenset(pins)

    def name_for(self, server: Server) -> str:
        """The name that is sent and verified."""
        return self.server_name or server.tls_name

    def check(self, name: str, connection: SSL.Connection) -> None:
        """Raise unless the certificate is for that name, and of a key that is pinned."""
        if self.verify:
            try:
                if isIPAddress(name) or isIPv6Address(name):
                    verify_ip_address(connection, name)
                else:
                    verify_hostname(connection, name)
            except service_identity.VerificationError:
                raise TlsFailed(f"the certificate is not for {name}") from None
            except service_identity.CertificateError:
                raise TlsFailed(f"the certificate is not for {name}: it has no subjectAltName") from None
        if self._pins and self._pins.isdisjoint(self._keys(connection)):
            raise TlsFailed("the certificate has a key that is not pinned")

    def _keys(self, connection: SSL.Connection) -> Iterator[str]:
        """The digests of the public keys that a pin may be of."""
        if self.verify:
            chain = connection.get_verified_chain(as_cryptography=True) or []
        else:
            shown = connection.get_peer_certificate(as_cryptography=True)
            chain = [] if shown is None else [shown]
        for certificate in chain:
            yield hashlib.sha256(certificate.public_key().public_bytes(_DER, _SPKI)).hexdigest()


_JUDGEMENTS = {
    SSL.X509VerificationCodes.ERR_CERT_NOT_YET_VALID: "is not valid yet",
    SSL.X509VerificationCodes.ERR_CERT_HAS_EXPIRED: "has expired",
    SSL.X509VerificationCodes.ERR_CERT_REVOKED: "was revoked",
    SSL.X509VerificationCodes.ERR_INVALID_PURPOSE: "is not for servers",
    SSL.X509VerificationCodes.ERR_DEPTH_ZERO_SELF_SIGNED_CERT: "is self-signed",
    SSL.X509VerificationCodes.ERR_SELF_SIGNED_CERT_IN_CHAIN: "is of an unknown authority",
    SSL.X509VerificationCodes.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "is of an unknown authority",
    SSL.X509VerificationCodes.ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: "is of an unknown authority",
}


def _judge(connection: SSL.Connection, certificate: Any, code: int, depth: int, good: int) -> bool:
    """Keep OpenSSL's verdict, and leave on the connection why a certificate is not good."""
    if not good:
        verdict = _JUDGEMENTS.get(code, f"is not good (X.509 error {code})")
        connection.set_app_data(f"the certificate {verdict}")
    return bool(good)


def client_context(
    ca: str | None, verify: bool, cert: str | None, key: str | None, protocols: tuple[bytes, ...]
) -> SSL.Context:
    """A context for connections to servers: TLS 1.2 and up, verified against `ca` or the system's.

    `ca`, `cert` and `key` are paths of PEM files; raises SSL.Error or OSError for bad ones.
    """
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    if ca is not None:
        context.load_verify_locations(ca)
    else:
        context.set_default_verify_paths()
    context.set_verify(SSL.VERIFY_PEER if verify else SSL.VERIFY_NONE, _judge if verify else None)
    if cert is not None:
        context.use_certificate_chain_file(cert)
        context.use_privatekey_file(key or cert)
        context.check_privatekey()
    if protocols:
        context.set_alpn_protos(list(protocols))
    return context


class Dialer:
    """Makes connections to the servers of one backend; `connect` is the limit in seconds."""

    def __init__(
        self, reactor: Any, connect: float, tls: UpstreamTls | None, port: int | None = None
    ) -> None:
        self._reactor = reactor
        self._connect = connect
        self._tls = tls
        self._port = port
        self._resolver = Resolver(reactor)

    def at_port(self, port: int) -> Dialer:
        """One that goes to the same machines, but to this port of them."""
        return Dialer(self._reactor, self._connect, self._tls, port)

    async def dial(
        self,
        server: Server,
        protocol: Any,
        first: bytes = b"",
        *,
        paused: bool = False,
        multiplexed: bool = False,
    ) -> Any:
        """Connect `protocol` to the server; `first` is sent before anything else, TLS included.

        Returns the transport, its reading paused only by the protocol. With `paused` it is not read from
        at all yet, and the protocol stands on it without having been told. `multiplexed` has TLS offer
        protocols of connections that carry many exchanges. Raises UpstreamFailed.
        """
        secure = self._tls if server.scheme in OVER_TLS else None
        port = self._port or server.port
        address = self._resolver.literal(server.host)
        if address is None:
            attempt = await self._to_a_name(server.host, port)
        else:
            attempt = Attempt(self._reactor, address, port)
            if not attempt.stands:
                await attempt.wait(self._connect)
        transport: Any = attempt.transport(protocol)
        if first:
            transport.write(first)
        if secure is not None:
            transport.resumeProducing()
            context = secure.multiplexed if multiplexed else secure.context
            return await self._secure(server, protocol, transport, secure, context, paused)
        if not paused:
            transport.resumeProducing()
            protocol.makeConnection(transport)
        return transport

    async def _to_a_name(self, name: str, port: int) -> Attempt:
        """The first of its addresses that takes the connection."""
        seconds = self._reactor.seconds
        end = seconds() + self._connect
        addresses = await self._resolver.addresses(name, self._connect)
        for left in range(len(addresses), 0, -1):
            try:
                attempt = Attempt(self._reactor, addresses[-left], port)
                # An address that says nothing must leave time for the others.
                await attempt.wait(max(0.0, end - seconds()) / left)
            except UpstreamFailed as failure:
                if failure.ours or left == 1:
                    raise
            else:
                return attempt
        raise AssertionError("a name has an address")

    async def _secure(
        self,
        server: Server,
        protocol: Any,
        transport: Any,
        tls: UpstreamTls,
        context: SSL.Context,
        paused: bool,
    ) -> Any:
        name = tls.name_for(server)
        literal = isIPAddress(name) or isIPv6Address(name)
        shaken: Wait[TlsFailed | None] = Wait()
        layer = TlsLayer(
            context,
            server=False,
            ready=shaken.fire,
            name="" if literal else name,
            check=lambda connection: tls.check(name, connection),
        )
        transport.protocol = layer
        timer = self._reactor.callLater(self._connect, shaken.fire, TlsFailed("late"))
        try:
            layer.makeConnection(transport)
            failure = await shaken
        except BaseException:
            transport.abortConnection()
            raise
        finally:
            if timer.active():
                timer.cancel()
        if failure is None:
            layer.protocol = protocol
            if paused:
                layer.pauseProducing()
            else:
                protocol.makeConnection(layer)
            return layer
        text = str(failure)
        if text == "late":
            transport.abortConnection()
            raise UpstreamFailed(CONNECT_TIMEOUT, "TLS handshake", untouched=True)
        # The layer closes it, after the alert that tells the server.
        raise UpstreamFailed(UPSTREAM_CERT if layer.distrusted else UPSTREAM_TLS, text, untouched=True)
