"""TLS inside QUIC: qh3's, with the certificate of the name that the client asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qh3.quic.tls_bridge import QuicTlsBridge, QuicTlsBridgeError
from qh3.tls import CipherSuite, Direction, Epoch

from toron.core.refusal import HANDSHAKE_FAILED, HELLO_BAD, UNKNOWN_NAME, Refusal
from toron.net.quic_identities import Identities
from toron.net.quic_sealed import Sealed
from toron.net.tls import TlsInfo
from toron.wire import clienthello
from toron.wire.events import Malformed

CONNECTION_REFUSED = 0x02
CRYPTO_ERROR = 0x100
"""To which a TLS alert is added (RFC 9001 section 4.8)."""
DECODE_ERROR, UNRECOGNIZED_NAME, NO_APPLICATION_PROTOCOL = 50, 112, 120
"""Alerts (RFC 8446 section 6)."""

_GROUPS = (
    ("_x25519_kyber_768_private_key", "X25519MLKEM768"),
    ("_x25519_private_key", "X25519"),
    ("_ec_p256_private_key", "secp256r1"),
    ("_ec_p384_private_key", "secp384r1"),
    ("_ec_p521_private_key", "secp521r1"),
)
"""What qh3 remembers of a key exchange, and how OpenSSL calls the group."""


class NamedTls(QuicTlsBridge):
    """TLS that chooses its certificate by the name in the ClientHello (RFC 6066 section 3)."""

    identities: Identities
    protocol: bytes
    refusing = False
    hello: clienthello.ClientHello | None = None
    refusal: Refusal | None = None
    names: Sequence[str] = ()
    """Those of the certificate that the client is shown."""
    sealed: Sealed | None = None
    _seen = b""

    def _on_traffic_secret(
        self, direction: Direction, epoch: Epoch, cipher_suite: CipherSuite, secret: bytes
    ) -> None:
        super()._on_traffic_secret(direction, epoch, cipher_suite, secret)
        if direction == Direction.ENCRYPT and epoch == Epoch.ONE_RTT:
            self.sealed = Sealed(cipher_suite.name, secret)

    def receive_crypto(
        self, epoch: Epoch, data: bytes, offset: int | None = None, *, version: int | None = None
    ) -> None:
        if self.refusing:
            raise QuicTlsBridgeError(CONNECTION_REFUSED, "")
        if self.hello is None:
            self._seen += data
            self._look()
        super().receive_crypto(epoch, data, offset, version=version)

    def _look(self) -> None:
        """Choose, if the ClientHello is whole."""
        try:
            hello = self.hello = clienthello.message(self._seen)
        except Malformed as error:
            raise self._refuse(DECODE_ERROR, Refusal(HELLO_BAD, error.detail)) from None
        if hello is None:
            return
        self._seen = b""
        identity = self.identities.choose(hello)
        if identity is None:
            raise self._refuse(UNRECOGNIZED_NAME, Refusal(UNKNOWN_NAME, hello.sni))
        if self.protocol not in hello.alpn:
            offered = b", ".join(hello.alpn).decode("ascii", "backslashreplace")
            detail = f"none of its protocols is spoken here: {offered}"
            raise self._refuse(NO_APPLICATION_PROTOCOL, Refusal(HANDSHAKE_FAILED, detail))
        self.names = identity.names
        tls = self.tls
        tls.certificate, tls.certificate_chain = identity.certificate, identity.chain
        tls.certificate_private_key = identity.key

    def _refuse(self, alert: int, refusal: Refusal) -> QuicTlsBridgeError:
        self.refusal = refusal
        return QuicTlsBridgeError(CRYPTO_ERROR + alert, "")

    def info(self) -> TlsInfo:
        """What was agreed; only after the handshake."""
        made: Any = self
        group = next((name for held, name in _GROUPS if getattr(made.tls, held, None) is not None), "")
        return TlsInfo(
            version="TLSv1.3",
            cipher=f"TLS_{made.cipher_suite.name}",
            group=group,
            alpn=made.tls.alpn_negotiated or "",
            sni=made.hello.sni,
            host=made.hello.sni.encode("ascii", "replace"),
            names=self.names,
        )
