"""An authority that issues certificates and answers for them, in memory."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from tests.net.certificates_made import RSA
from toron.net.key_pair import KeyPair

NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
HOUR = datetime.timedelta(hours=1)
PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
GOOD, REVOKED, UNKNOWN = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN
URL = "http://ocsp.test/"

MUST_STAPLE = x509.TLSFeature([x509.TLSFeatureType.status_request])
RESPONDER = x509.AuthorityInformationAccess(
    [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(URL))]
)


def key(kind: str = "ecdsa") -> Any:
    """A private key."""
    if kind == "rsa":
        return RSA
    return (
        ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else ec.generate_private_key(ec.SECP256R1())
    )


def algorithm(of: Any) -> Any:
    """What is hashed with before this key signs."""
    return None if isinstance(of, ed25519.Ed25519PrivateKey) else hashes.SHA256()


class Issuer:
    """One that signs with a key of its kind."""

    def __init__(self, name: str = "ca", kind: str = "ecdsa") -> None:
        self.key = key(kind)
        self.certificate = self.sign(name, self.key, [x509.BasicConstraints(True, None)], itself=True)

    def sign(
        self, name: str, to: Any, extensions: Sequence[x509.ExtensionType] = (), *, itself: bool = False,
        begins: datetime.datetime = NOW - DAY,
    ) -> x509.Certificate:  # fmt: skip
        """A certificate for 90 days."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if itself else self.certificate.subject)
            .public_key(to.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(begins + 90 * DAY)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self.key, algorithm(self.key))

    def pair(
        self, *more: x509.ExtensionType, chain: bool = True, responder: bool = True,
        begins: datetime.datetime = NOW - DAY,
    ) -> KeyPair:  # fmt: skip
        """A certificate that names its responder, with ours behind it."""
        of = key()
        names = x509.SubjectAlternativeName([x509.DNSName("a.test")])
        leaf = self.sign("a.test", of, [names, *([RESPONDER] if responder else []), *more], begins=begins)
        above = self.certificate.public_bytes(PEM) if chain else b""
        plain = of.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return KeyPair(leaf.public_bytes(PEM) + above, plain)

    def answer(
        self,
        leaf: x509.Certificate,
        status: Any = GOOD,
        *,
        begins: datetime.datetime = NOW - HOUR,
        ends: datetime.datetime | None = NOW + 7 * DAY,
        by: tuple[x509.Certificate, Any] | None = None,
        encoding: Any = ocsp.OCSPResponderEncoding.HASH,
        with_certificate: bool = True,
    ) -> bytes:
        """What its responder says; `by` is who signs instead, and with which key."""
        responder, signing = by or (self.certificate, self.key)
        builder = ocsp.OCSPResponseBuilder().add_response(
            leaf, self.certificate, hashes.SHA1(), status, begins, ends,
            NOW - HOUR if status is REVOKED else None, None,
        ).responder_id(encoding, responder)  # fmt: skip
        if by is not None and with_certificate:
            builder = builder.certificates([responder])
        return builder.sign(signing, algorithm(signing)).public_bytes(DER)

    def delegate(self, *, may: bool = True, begins: datetime.datetime = NOW - DAY) -> tuple[Any, Any]:
        """Somebody who may answer for us, with the key."""
        of = key()
        usage = ExtendedKeyUsageOID.OCSP_SIGNING if may else ExtendedKeyUsageOID.SERVER_AUTH
        return self.sign("delegate", of, [x509.ExtendedKeyUsage([usage])], begins=begins), of
