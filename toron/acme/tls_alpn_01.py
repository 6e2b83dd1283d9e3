"""Proves control of a name by a certificate in a handshake (RFC 8737)."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from toron.acme.csr import key_pem
from toron.net.key_pair import KeyPair

if TYPE_CHECKING:
    from toron.net.certificate_source import Source

_IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
"""id-pe-acmeIdentifier (RFC 8737 section 6.1)."""

_OCTET_STRING = b"\x04\x20"
_LASTS = datetime.timedelta(days=1)


def proof_pair(name: str, authorization: str, now: float) -> KeyPair:
    """The certificate that proves it (RFC 8737 section 3); `now` is in Unix seconds."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([])
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    digest = _OCTET_STRING + hashlib.sha256(authorization.encode()).digest()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - _LASTS)
        .not_valid_after(moment + _LASTS)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
        .add_extension(x509.UnrecognizedExtension(_IDENTIFIER, digest), critical=True)
        .sign(key, hashes.SHA256())
    )
    return KeyPair(certificate.public_bytes(Encoding.PEM), key_pem(key))


class Handshakes:
    """Shows the proof in every listener that has this certificate; a `Proof`."""

    kind = "tls-alpn-01"

    def __init__(self, source: Source, wall: Callable[[], float]) -> None:
        self._source = source
        self._wall = wall

    async def show(self, name: str, token: str, authorization: str) -> None:
        """Clients that speak `acme-tls/1` get the proof."""
        self._source.offer_challenge(name, proof_pair(name, authorization, self._wall()))

    async def hide(self, name: str, token: str, authorization: str) -> None:
        """They get an alert again."""
        self._source.withdraw_challenge(name)
