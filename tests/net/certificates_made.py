"""Certificates of every kind of key, made in memory."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import NameOID

from toron.net.key_pair import KeyPair

_PEM = serialization.Encoding.PEM
_PLAIN = serialization.NoEncryption()

RSA: Any = rsa.generate_private_key(65537, 2048)
"""One for all tests: it takes long to make."""


def made_with(
    key: Any,
    names: Sequence[str] = ("a.test",),
    *,
    begins: datetime.datetime | None = None,
    lasts: datetime.timedelta = datetime.timedelta(days=90),
    form: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8,
    extensions: Sequence[x509.ExtensionType] = (),
) -> KeyPair:
    """A certificate for a key, signed by itself; without `names` it has the common name alone."""
    begins = begins or datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0] if names else "Old.test")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + lasts)
    )
    if names:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(alternatives, critical=False)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    edwards = isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    certificate = builder.sign(key, None if edwards else hashes.SHA256())
    return KeyPair(certificate.public_bytes(_PEM), key.private_bytes(_PEM, form, _PLAIN))


def broken(pair: KeyPair) -> KeyPair:
    """The same with an extension twice, which its signature does not cover any more."""
    der = bytearray(pair.leaf.public_bytes(serialization.Encoding.DER))
    at = der.find(b"\x06\x03\x55\x1d\x13")
    der[at + 4] = 0x11
    return KeyPair(ssl.DER_cert_to_PEM_cert(bytes(der)).encode(), pair.key)


def p256(*names: str) -> KeyPair:
    """With a key that most clients verify, and the cheapest."""
    return made_with(ec.generate_private_key(ec.SECP256R1()), names or ("a.test",))


def with_rsa(*names: str) -> KeyPair:
    """With a key that all clients verify."""
    return made_with(RSA, names or ("a.test",))
