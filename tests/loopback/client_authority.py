"""Makes the certificates of clients: good ones, and every kind that must be refused."""

from __future__ import annotations

import datetime
import hashlib
import ssl
from base64 import b64encode
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.loopback.authority import _SIGNS_CERTIFICATES, Authority, Pair

_PEM, _DER = serialization.Encoding.PEM, serialization.Encoding.DER


def loaded(path: Path) -> x509.Certificate:
    """The first certificate of a file."""
    return x509.load_pem_x509_certificate(path.read_bytes())


def fingerprint(path: Path) -> str:
    """SHA-256 of a file's first certificate, in hexadecimal digits."""
    return hashlib.sha256(loaded(path).public_bytes(_DER)).hexdigest()


def pin(path: Path) -> str:
    """SHA-256 of the public key in a file's first certificate, as pins are written."""
    key = loaded(path).public_key()
    der = key.public_bytes(_DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"sha256/{b64encode(hashlib.sha256(der).digest()).decode()}"


def _der(tag: int, value: bytes) -> bytes:
    """A value of less than 64 KiB with its tag and length in front."""
    size = len(value)
    length = bytes([size]) if size < 0x80 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + value


class ClientAuthority(Authority):
    """An authority that signs for clients, for authorities below it, and says what it has revoked."""

    def client(
        self,
        name: str,
        *alternatives: x509.GeneralName,
        days: int = 2,
        purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH,
        above: bytes = b"",
    ) -> Pair:
        """A certificate with the subject `O=Example,CN=name`, and behind it what is `above`, in PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example")
        subject = x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, name)])
        more: list[x509.ExtensionType] = [x509.ExtendedKeyUsage([purpose])]
        if alternatives:
            more.append(x509.SubjectAlternativeName(alternatives))
        made = self._sign(subject, key, x509.BasicConstraints(False, None), *more, days=days)
        stem = f"client-{''.join(filter(str.isalnum, name))}-{made.serial_number % 99991}"
        pair = Pair(self.folder / f"{stem}.pem", self.folder / f"{stem}.key")
        pair.cert.write_bytes(made.public_bytes(_PEM) + above)
        pair.key.write_bytes(
            key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        return pair

    def unreadable(self, name: str) -> Pair:
        """A certificate that OpenSSL takes, and that has letters of no alphabet in its subject."""
        pair = self.client(name)
        signed = loaded(pair.cert).tbs_certificate_bytes
        # A TeletexString (X.690), of bytes that are no UTF-8.
        was, size = name.encode(), bytes([len(name)])
        signed = signed.replace(b"\x0c" + size + was, b"\x14" + size + b"\xe9" * len(was))
        signature = self._key.sign(signed, ec.ECDSA(hashes.SHA256()))
        body = signed + bytes.fromhex("300a06082a8648ce3d040302") + _der(3, b"\0" + signature)
        pair.cert.write_text(ssl.DER_cert_to_PEM_cert(_der(0x30, body)))
        return pair

    def below(self, name: str, deep: int = 0) -> ClientAuthority:
        """Another one, that this one has signed; `deep` is how many may be below that."""
        made = ClientAuthority(self.folder, name)
        certificate = self._sign(
            made._subject, made._key, x509.BasicConstraints(True, deep), critical=(_SIGNS_CERTIFICATES,)
        )
        made.ca.write_bytes(certificate.public_bytes(_PEM))
        return made

    def revoked(self, *pairs: Pair, days: int = 2) -> bytes:
        """Its list of what it has revoked, in PEM, good for so many days."""
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self._subject)
        end = now + datetime.timedelta(days=days)
        builder = builder.last_update(end - datetime.timedelta(days=9)).next_update(end)
        for pair in pairs:
            entry = x509.RevokedCertificateBuilder().serial_number(loaded(pair.cert).serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(now).build())
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
        ).add_extension(x509.CRLNumber(1), critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(_PEM)
