"""Makes the certificates that tests need: an authority, and what it signs."""

from __future__ import annotations

import datetime
import ipaddress
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Pair:
    """A certificate with its chain, and the key, in two PEM files."""

    cert: Path
    key: Path

    @property
    def yaml(self) -> str:
        """As it stands in a configuration."""
        return f"{{cert: {self.cert}, key: {self.key}}}"


_OCSP = AuthorityInformationAccessOID.OCSP

_SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
)  # fmt: skip


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Authority:
    """A certificate authority; `ca` is the file that trusts it.

    All files are in `folder`, by default one of its own that `close` removes.
    """

    def __init__(self, folder: Path | None = None, name: str = "test authority") -> None:
        self._own = folder is None
        self.folder = folder = folder or Path(tempfile.mkdtemp(prefix="toron-"))
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _name(name)
        certificate = self._sign(
            self._subject, self._key, x509.BasicConstraints(True, None), critical=(_SIGNS_CERTIFICATES,)
        )
        self.ca = folder / f"{name.replace(' ', '-')}.pem"
        self.ca.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def key(self) -> Path:
        """A file with the key that it signs with."""
        path = self.folder / "authority.key"
        form, lock = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        path.write_bytes(self._key.private_bytes(serialization.Encoding.PEM, form, lock))
        return path

    def start(self) -> None:
        """It is there from the beginning."""

    def close(self) -> None:
        """Remove the folder, where it is its own."""
        if self._own:
            shutil.rmtree(self.folder)

    def _sign(
        self,
        subject: x509.Name,
        key: Key,
        constraints: x509.BasicConstraints,
        *extensions: x509.ExtensionType,
        critical: tuple[x509.ExtensionType, ...] = (),
        days: int = 2,
    ) -> x509.Certificate:
        end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(end - datetime.timedelta(days=90))
            .not_valid_after(end)
            .add_extension(constraints, critical=True)
        )
        # Python 3.13 asks for all that RFC 5280 does.
        extensions = (
            *extensions,
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
        )
        for extension in (*critical, *extensions):
            builder = builder.add_extension(extension, critical=extension in critical)
        return builder.sign(self._key, hashes.SHA256())

    def issue(self, *names: str, kind: str = "ecdsa", days: int = 2, responder: str = "") -> Pair:
        """A certificate for DNS names or addresses; `days` until it expires, `kind` ecdsa or rsa.

        With the URL of a `responder` it names that, and ours is behind it.
        """
        key: Key = (
            ec.generate_private_key(ec.SECP256R1())
            if kind == "ecdsa"
            else rsa.generate_private_key(public_exponent=65537, key_size=2048)
        )
        alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
        more: list[x509.ExtensionType] = [alternatives]
        if responder:
            place = x509.UniformResourceIdentifier(responder)
            more.append(x509.AuthorityInformationAccess([x509.AccessDescription(_OCSP, place)]))
        certificate = self._sign(_name(names[0]), key, x509.BasicConstraints(False, None), *more, days=days)
        stem = f"{names[0].replace('*', 'any').replace(':', '-')}-{kind}-{certificate.serial_number % 9973}"
        pair = Pair(self.folder / f"{stem}.pem", self.folder / f"{stem}.key")
        above = self.ca.read_bytes() if responder else b""
        pair.cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + above)
        pair.key.touch(0o600)
        pair.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return pair
