"""What there is to say of a certificate: as data, and as lines for people."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from toron.net.key_pair import KeyPair
from toron.net.ocsp import must_staple, question


def facts(chain: bytes) -> dict[str, Any]:
    """Of the first certificate in PEM text, as JSON has it; ValueError where there is none."""
    pair = KeyPair(chain, b"")
    leaf, *above = x509.load_pem_x509_certificates(chain)
    try:
        responder = question(pair).url
    except ValueError:
        responder = None
    return {
        "names": pair.names(),
        "key": _key(leaf),
        "issuer": leaf.issuer.rfc4514_string(),
        "serial": f"{leaf.serial_number:x}",
        "sha256": leaf.fingerprint(hashes.SHA256()).hex(),
        "not_before": _time(leaf.not_valid_before_utc),
        "not_after": _time(leaf.not_valid_after_utc),
        "renew_from": _time(datetime.datetime.fromtimestamp(pair.renew_from, datetime.UTC)),
        "chain": [each.subject.rfc4514_string() for each in above],
        "ocsp": responder,
        "must_staple": must_staple(pair),
    }


def lines(known: dict[str, Any], now: datetime.datetime) -> Iterator[tuple[str, str]]:
    """The same for people, with labels."""
    yield "names", ", ".join(known["names"]) or "none"
    yield "key", known["key"]
    yield "issuer", known["issuer"] or "no name"
    yield "valid", f"{known['not_before']} to {known['not_after']}, {left(known, now)}"
    yield "renew", f"from {known['renew_from']}"
    yield "serial", known["serial"]
    yield "sha256", known["sha256"]
    yield "chain", " < ".join(known["chain"]) or "itself alone"
    if known["ocsp"] or known["must_staple"]:
        must = ", must be stapled" if known["must_staple"] else ""
        yield "ocsp", f"{known['ocsp'] or 'nobody to ask'}{must}"


def left(known: dict[str, Any], now: datetime.datetime) -> str:
    """How long it still holds."""
    end = datetime.datetime.fromisoformat(known["not_after"])
    begin = datetime.datetime.fromisoformat(known["not_before"])
    if now >= end:
        return f"expired {(now - end).days} days ago"
    if now < begin:
        return f"not valid for {(begin - now).days + 1} days yet"
    return f"{(end - now).days} days left"


def _time(when: datetime.datetime) -> str:
    return when.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _key(leaf: x509.Certificate) -> str:
    key = leaf.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"ECDSA {key.curve.name}"
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}"
    return type(key).__name__.removesuffix("PublicKey").lstrip("_")
