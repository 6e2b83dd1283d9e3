"""The certificates of a listener as QUIC needs them, chosen by the name in a ClientHello."""

from __future__ import annotations

import datetime
import hmac
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import serialization
from qh3.tls import load_pem_private_key, load_pem_x509_certificates

from toron.net.certificates import Certificates
from toron.net.key_pair import KeyPair, self_signed
from toron.wire.clienthello import ClientHello


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate, those above it, and its key, in the types of qh3."""

    certificate: Any
    chain: list[Any]
    key: Any
    names: list[str]
    """Those the certificate is for."""


def identity(pair: KeyPair) -> Identity:
    """The same pair for QUIC; ValueError where its key is of a kind that QUIC can not use here."""
    key = serialization.load_pem_private_key(pair.key, None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    first, *others = load_pem_x509_certificates(pair.chain)
    try:
        made = Identity(first, others, load_pem_private_key(key), pair.names())
    except Exception as error:
        raise ValueError(f"its key can not be used for QUIC: {error}") from None
    if type(made.key).__name__ not in ("EcPrivateKey", "RsaPrivateKey", "Ed25519PrivateKey"):
        raise ValueError(
            "its key can not be used for QUIC: it needs an RSA, P-256, P-384, P-521 or Ed25519 key"
        )
    return made


class Identities:
    """The identity for a ClientHello, as `Certificates` choose; they may be replaced at any time."""

    def __init__(self, certificates: Certificates) -> None:
        """ValueError as `identity` raises it, now and where a pair is to be replaced."""
        self._certificates = certificates
        certificates.derive(identity)
        self.first: Identity
        served = next(iter(certificates.served()), None)
        if served is None:
            # The library wants one before anybody asks; nobody gets this.
            pair = self_signed(["localhost"], datetime.datetime.now(datetime.UTC))
            self.first = identity(pair)
        else:
            pair = served.pair
            self.first = served.derived
        self.reset_key = hmac.digest(pair.key, b"stateless reset", "sha256")
        """What stateless resets are proved with: the same after a restart, and in every worker."""

    def choose(self, hello: ClientHello) -> Identity | None:
        """What this client is shown; None where it is refused."""
        served = self._certificates.choose(hello)
        return None if served is None or served.challenge else served.derived
