"""A key and its chain in one file, so that they are never those of two certificates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from toron.net.key_pair import KeyPair

_BEGIN = b"-----BEGIN CERTIFICATE-----"


def joined(pair: KeyPair) -> bytes:
    """The text of the file: the key, then the chain."""
    return pair.key + pair.chain


def parted(data: bytes, names: Iterable[str]) -> KeyPair:
    """The pair in such a text; ValueError where it is none for these names."""
    at = data.find(_BEGIN)
    if at < 0:
        raise ValueError("it has no certificate in it")
    pair = KeyPair(data[at:], data[:at])
    check(pair, names)
    return pair


def check(pair: KeyPair, names: Iterable[str]) -> None:
    """ValueError unless key and certificate belong together, and are for these names."""
    leaf = load_pem_x509_certificate(pair.chain)
    try:
        key = load_pem_private_key(pair.key, None)
    except TypeError:
        raise ValueError("the key has a passphrase") from None
    if _public(leaf.public_key()) != _public(key.public_key()):
        raise ValueError("the key is not that of the certificate")
    missing = set(names) - set(pair.names())
    if missing:
        raise ValueError(f"the certificate is not for {', '.join(sorted(missing))}")


def _public(key: Any) -> bytes:
    return bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
