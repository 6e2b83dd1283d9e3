"""Which certificates clients have to show, and what is made of those that they do show."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from OpenSSL import SSL, crypto

from toron.core.client_certificate import ClientCertificate
from toron.core.refusal import (
    CLIENT_CERT_BAD,
    CLIENT_CERT_EXPIRED,
    CLIENT_CERT_MISSING,
    CLIENT_CERT_PURPOSE,
    CLIENT_CERT_REVOKED,
    CLIENT_CERT_UNKNOWN,
    HANDSHAKE_FAILED,
    Reason,
    Refusal,
)
from toron.net.certificates import Certificates
from toron.net.client_identity import UNREADABLE, distinguished, identity
from toron.net.tls import TlsFailed
from toron.net.tls_context import Prepare

_CODES = SSL.X509VerificationCodes
_JUDGEMENTS: dict[int, tuple[Reason, str]] = {
    _CODES.ERR_CERT_HAS_EXPIRED: (CLIENT_CERT_EXPIRED, "has expired"),
    _CODES.ERR_CERT_NOT_YET_VALID: (CLIENT_CERT_EXPIRED, "is not valid yet"),
    _CODES.ERR_CERT_REVOKED: (CLIENT_CERT_REVOKED, "was revoked"),
    _CODES.ERR_INVALID_PURPOSE: (CLIENT_CERT_PURPOSE, "is not for clients"),
    _CODES.ERR_DEPTH_ZERO_SELF_SIGNED_CERT: (CLIENT_CERT_UNKNOWN, "is self-signed"),
    _CODES.ERR_SELF_SIGNED_CERT_IN_CHAIN: (CLIENT_CERT_UNKNOWN, "is of an unknown authority"),
    _CODES.ERR_UNABLE_TO_GET_ISSUER_CERT: (CLIENT_CERT_UNKNOWN, "is of an unknown authority"),
    _CODES.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY: (CLIENT_CERT_UNKNOWN, "is of an unknown authority"),
    _CODES.ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: (CLIENT_CERT_UNKNOWN, "is of an unknown authority"),
    _CODES.ERR_UNABLE_TO_GET_CRL: (CLIENT_CERT_BAD, "is of an authority without a revocation list here"),
    _CODES.ERR_CRL_HAS_EXPIRED: (CLIENT_CERT_BAD, "can not be checked: the revocation list has expired"),
}
_inside: Any = SSL
_lib: Any = getattr(_inside, "_lib", None)
_set_store: Any = getattr(_lib, "SSL_CTX_set_cert_store", None)
_count_store: Any = getattr(_lib, "X509_STORE_up_ref", None)
_NO_LIST = (_CODES.ERR_UNABLE_TO_GET_CRL, _CODES.ERR_UNABLE_TO_GET_CRL_ISSUER)
_DER = serialization.Encoding.DER
_SHOWN = 500
"""Letters of a name that anybody may have made up, for the log."""
_NO_CERTIFICATE = "peer did not return a certificate"
"""How OpenSSL says it."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Why OpenSSL did not take a certificate."""

    reason: Reason
    detail: str

    def __str__(self) -> str:
        return self.detail


def refusal(failure: TlsFailed) -> Refusal:
    """What a handshake that failed is refused with: why, as far as it was for the client's certificate."""
    why = failure.args[0] if failure.args else ""
    if isinstance(why, Judgement):
        return Refusal(why.reason, why.detail)
    return Refusal(CLIENT_CERT_MISSING if why == _NO_CERTIFICATE else HANDSHAKE_FAILED, str(failure))


@dataclass(frozen=True)
class ClientRule:
    """What is asked of clients for some names: a certificate of one of these authorities.

    Two rules that ask for the same are equal.
    """

    required: bool
    """Else a client may show none; one that it shows has to be good either way."""
    authorities: bytes
    """All of them, in PEM. One that is not self-signed is trusted without those above it."""
    revoked: bytes = b""
    """Revocation lists in PEM, one for each authority that signs; b"" where nobody is looked up."""
    fields: tuple[str, ...] = ()
    """Of `FIELDS`, what a server is told."""

    def fill(self, store: crypto.X509Store) -> None:
        """Have a store trust its authorities, and look up who was revoked; ValueError for files of no use."""
        authorities = x509.load_pem_x509_certificates(self.authorities)
        for authority in authorities:
            store.add_cert(crypto.X509.from_cryptography(authority))
        flags = crypto.X509StoreFlags.PARTIAL_CHAIN if _without_those_above(authorities) else 0
        if self.revoked:
            for each in revocation_lists(self.revoked):
                store.add_crl(each)
            flags |= crypto.X509StoreFlags.CRL_CHECK | crypto.X509StoreFlags.CRL_CHECK_ALL
        store.set_flags(flags)

    def prepare(self, context: SSL.Context, filled: crypto.X509Store | None = None) -> None:
        """Have a server's context ask for it; ValueError or SSL.Error where the files are no good.

        `filled` is a store that `fill` had, for many contexts to share: with long revocation lists it is
        large. Nothing is ever resumed: a session would outlive the certificate that it was made with.
        """
        if filled is None or not _share(context, filled):
            store = context.get_cert_store()
            assert store is not None
            self.fill(store)
        authorities = x509.load_pem_x509_certificates(self.authorities)
        for authority in authorities:
            context.add_client_ca(crypto.X509.from_cryptography(authority))
        mode = SSL.VERIFY_PEER | (SSL.VERIFY_FAIL_IF_NO_PEER_CERT if self.required else 0)
        context.set_verify(mode, _Judge(_without_those_above(authorities)))
        context.set_options(SSL.OP_NO_TICKET)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        told = hashlib.sha256(self.authorities + self.revoked).digest()
        context.set_session_id(b"clients" + told[:16])

    def identity(self, chain: Sequence[x509.Certificate]) -> ClientCertificate | None:
        """The client's certificate, of a verified chain that begins with it; None without one.

        ValueError where it can not be read.
        """
        return identity(chain, self.fields) if chain else None


class ClientRules:
    """The rules of one listener by the names that clients ask for: exact, `*.x` for one label more, all."""

    __slots__ = ("_exact", "_rest", "_wild", "rules")

    def __init__(self, rest: ClientRule | None, by_name: Mapping[str, ClientRule | None]) -> None:
        """`rest` is for all names that are not in `by_name`, and for clients that name nothing."""
        self._rest = rest
        self._exact = {name: rule for name, rule in by_name.items() if not name.startswith("*.")}
        self._wild = {name[2:]: rule for name, rule in by_name.items() if name.startswith("*.")}
        self.rules = list(dict.fromkeys(rule for rule in (rest, *by_name.values()) if rule is not None))
        """Each once."""

    def __eq__(self, other: object) -> bool:
        """Whether they ask for the same."""
        if not isinstance(other, ClientRules):
            return NotImplemented
        return (self._rest, self._exact, self._wild) == (other._rest, other._exact, other._wild)

    __hash__ = None  # type: ignore[assignment]

    def of(self, name: str) -> ClientRule | None:
        """The rule for a name in lower case, "" for none; None where no certificate is asked for."""
        if name in self._exact:
            return self._exact[name]
        return self._wild.get(name.partition(".")[2], self._rest) if self._wild else self._rest


class AskedClients:
    """The rules of a listener, and its certificates once more for each, in contexts that ask for it."""

    __slots__ = ("_certificates", "rules")

    def __init__(self, rules: ClientRules, certificates: Certificates) -> None:
        """SSL.Error or ValueError where a certificate can not be served so."""
        self.rules = rules
        self._certificates = {rule: certificates.twin(_prepared(rule)) for rule in rules.rules}

    def shown(self, rule: ClientRule) -> Certificates:
        """What those are shown who are asked for this."""
        return self._certificates[rule]


def _prepared(rule: ClientRule) -> Prepare:
    """What prepares many contexts, which have one store."""
    store = crypto.X509Store()
    rule.fill(store)
    return partial(rule.prepare, filled=store)


def _share(context: SSL.Context, store: crypto.X509Store) -> bool:
    """Have a context use a store that others use too; whether this pyOpenSSL can do that."""
    if _set_store is None or _count_store is None:
        return False
    inside: Any = context
    count: Any = store
    # The context lets go of it at its end, as if it were its own.
    _count_store(count._store)
    _set_store(inside._context, count._store)
    return True


def revocation_lists(pem: bytes) -> list[x509.CertificateRevocationList]:
    """All of a file; ValueError where there is none, or one is not well formed."""
    begin = b"-----BEGIN X509 CRL-----"
    pieces = pem.split(begin)[1:]
    if not pieces:
        raise ValueError("there is no revocation list in it")
    return [x509.load_pem_x509_crl(begin + piece) for piece in pieces]


def _without_those_above(authorities: Sequence[x509.Certificate]) -> frozenset[bytes]:
    """Those, in DER, that are signed by somebody who is not among them."""
    subjects = {authority.subject for authority in authorities}
    return frozenset(
        authority.public_bytes(_DER) for authority in authorities if authority.issuer not in subjects
    )


class _Judge:
    """Keeps OpenSSL's verdict, and leaves on the connection why a certificate is not good."""

    def __init__(self, middle: Collection[bytes]) -> None:
        """`middle` has the authorities, in DER, where trust begins though they are not self-signed."""
        self._middle = middle

    def __call__(
        self, connection: SSL.Connection, certificate: crypto.X509, code: int, depth: int, good: int
    ) -> bool:
        if good:
            return True
        if code in _NO_LIST and crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate) in self._middle:
            # Whoever is above it is not here to say that it was revoked.
            return True
        reason, verdict = _JUDGEMENTS.get(code, (CLIENT_CERT_BAD, f"is not good (X.509 error {code})"))
        connection.set_app_data(Judgement(reason, f"the certificate of {_whose(certificate)} {verdict}"))
        return False


def _whose(certificate: crypto.X509) -> str:
    """The subject of what may not be a certificate to anybody but OpenSSL."""
    try:
        return distinguished(certificate.to_cryptography().subject)[:_SHOWN] or "nobody"
    except UNREADABLE:
        return "somebody whose name can not be read"
