"""Which certificate answers to which name, and how strict TLS is about the rest."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import SSL

_CIPHERS = {
    "modern": b"ECDHE+AESGCM:ECDHE+CHACHA20",
    "intermediate": b"ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:!aNULL:!SHA1:!CAMELLIA:!ARIA:!AESCCM",
    "legacy": b"ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:ECDHE+AES:RSA+AESGCM:RSA+AES:!aNULL:!3DES:!CAMELLIA",
}
_FLOOR = {"modern": SSL.TLS1_3_VERSION, "intermediate": SSL.TLS1_2_VERSION, "legacy": SSL.TLS1_2_VERSION}


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate chain and its private key, both PEM."""

    chain: bytes
    key: bytes

    def names(self) -> list[str]:
        """The names the certificate is for: DNS names and addresses, else the common name."""
        certificate = x509.load_pem_x509_certificate(self.chain)
        try:
            extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        except x509.ExtensionNotFound:
            common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
            return [str(attribute.value).lower() for attribute in common]
        names = extension.value.get_values_for_type(x509.DNSName)
        addresses = extension.value.get_values_for_type(x509.IPAddress)
        return [name.lower() for name in names] + [str(address) for address in addresses]

    @property
    def not_after(self) -> float:
        """When it expires, in seconds since 1970."""
        return x509.load_pem_x509_certificate(self.chain).not_valid_after_utc.timestamp()


def self_signed(names: Sequence[str], now: datetime.datetime) -> KeyPair:
    """A certificate for development: nobody trusts it, and it lasts 30 days."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    alternatives: list[x509.GeneralName] = []
    for name in names:
        try:
            alternatives.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            alternatives.append(x509.DNSName(name))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return KeyPair(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def server_context(pair: KeyPair, policy: str, protocols: Iterable[bytes]) -> SSL.Context:
    """A context that serves this pair; `protocols` are offered by ALPN in this order."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(_FLOOR[policy])
    context.set_options(
        SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE
        | SSL.OP_SINGLE_ECDH_USE
    )  # fmt: skip
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_cipher_list(_CIPHERS[policy])
    first, *others = x509.load_pem_x509_certificates(pair.chain)
    context.use_certificate(first)
    for other in others:
        context.add_extra_chain_cert(other)
    context.use_privatekey(serialization.load_pem_private_key(pair.key, None))  # type: ignore[arg-type]
    context.check_privatekey()
    context.set_session_id(b"toron")
    offered = tuple(protocols)
    if offered:
        context.set_alpn_select_callback(
            lambda _, wanted: next((name for name in offered if name in wanted), SSL.NO_OVERLAPPING_PROTOCOLS)
        )
    return context


class Certificates:
    """Finds the context for a server name: exact, then a wildcard for one label, then the rest.

    `strict` gives none for a name no certificate has; otherwise the first certificate serves it.
    A client that names nothing gets the first certificate.
    """

    def __init__(
        self, pairs: Sequence[KeyPair], policy: str, protocols: Iterable[bytes], strict: bool
    ) -> None:
        self._exact: dict[str, SSL.Context] = {}
        self._wild: dict[str, SSL.Context] = {}
        self._strict = strict
        self.expiry: dict[str, float] = {}
        """Each certificate's first name, and when it expires (seconds since 1970)."""
        self.pairs: dict[SSL.Context, KeyPair] = {}
        """What each context serves, in the order of the configuration."""
        offered = tuple(protocols)
        for pair in pairs:
            context = server_context(pair, policy, offered)
            self.pairs[context] = pair
            names = pair.names()
            self.expiry[names[0] if names else "?"] = pair.not_after
            for name in names:
                if name.startswith("*."):
                    self._wild.setdefault(name[2:], context)
                else:
                    self._exact.setdefault(name, context)
        self._first = next(iter(self.pairs))

    def choose(self, name: str) -> SSL.Context | None:
        """The context for a name in lower case, "" where the client sent none."""
        found = self._exact.get(name)
        if found is not None:
            return found
        _, dot, parent = name.partition(".")
        if dot:
            found = self._wild.get(parent)
            if found is not None:
                return found
        return None if self._strict and name else self._first

    def which(self, name: str) -> int | None:
        """The place in `pairs` of the certificate that serves a name, as `choose` does."""
        found = self.choose(name)
        return None if found is None else list(self.pairs).index(found)
