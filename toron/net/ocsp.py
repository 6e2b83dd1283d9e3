"""What is asked of the responder of a certificate, and whether its answer may be shown (RFC 6960)."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from toron.net.key_pair import KeyPair

_SKEW = datetime.timedelta(minutes=5)
"""How far the responder's clock may be ahead of ours."""
_USUAL = datetime.timedelta(hours=1)
"""How long an answer holds that does not say so."""


class Revoked(ValueError):
    """The responder says that the certificate must not be trusted any more."""


@dataclass(frozen=True, slots=True)
class Question:
    """Of one certificate."""

    url: str
    """The responder that the certificate names."""
    request: bytes
    """In DER (section 4.1)."""
    serial: int
    issuer: x509.Certificate


@dataclass(frozen=True, slots=True)
class Answer:
    """That the certificate is good; from when and until when, in Unix seconds."""

    response: bytes
    begins: float
    ends: float


def must_staple(pair: KeyPair) -> bool:
    """Whether clients may refuse the certificate when no answer comes with it (RFC 7633)."""
    try:
        feature = pair.leaf.extensions.get_extension_for_class(x509.TLSFeature).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return x509.TLSFeatureType.status_request in feature


def question(pair: KeyPair) -> Question:
    """What to ask; ValueError where there is nobody to be asked, or nothing to ask with."""
    leaf, *above = x509.load_pem_x509_certificates(pair.chain)
    try:
        access = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        access = x509.AuthorityInformationAccess([])
    url = next(
        (
            str(each.access_location.value)
            for each in access
            if each.access_method == AuthorityInformationAccessOID.OCSP
            and isinstance(each.access_location, x509.UniformResourceIdentifier)
            and each.access_location.value.startswith("http://")
        ),
        "",
    )
    if not url:
        raise ValueError("the certificate names no OCSP responder")
    issuer = next((each for each in above if _issued(leaf, each)), None)
    if issuer is None:
        raise ValueError("the certificate of its issuer is not behind it in the file")
    built = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, hashes.SHA1()).build()
    return Question(url, built.public_bytes(serialization.Encoding.DER), leaf.serial_number, issuer)


def answer(asked: Question, response: bytes, now: float) -> Answer:
    """What a responder has said; ValueError in words where it may not be shown, Revoked where that is why."""
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    try:
        read = ocsp.load_der_ocsp_response(response)
    except ValueError:
        raise ValueError("it is no OCSP response") from None
    if read.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise ValueError(f"the responder says {read.response_status.name.lower().replace('_', ' ')}")
    try:
        _check_signature(read, _signer(read, asked.issuer, moment))
    except (InvalidSignature, UnsupportedAlgorithm, TypeError):
        raise ValueError("the response is not signed by who may sign it") from None
    single = _of(read, asked)
    if single.certificate_status is ocsp.OCSPCertStatus.REVOKED:
        raise Revoked(f"the certificate was revoked on {single.revocation_time_utc:%Y-%m-%d}")
    if single.certificate_status is not ocsp.OCSPCertStatus.GOOD:
        raise ValueError("the responder does not know the certificate")
    begins, ends = single.this_update_utc, single.next_update_utc or moment + _USUAL
    if begins > moment + _SKEW:
        raise ValueError(f"the response is for later: {begins:%Y-%m-%d %H:%M} UTC")
    if ends <= moment:
        raise ValueError(f"the response is too old: it held until {ends:%Y-%m-%d %H:%M} UTC")
    return Answer(response, begins.timestamp(), ends.timestamp())


def _of(read: ocsp.OCSPResponse, asked: Question) -> ocsp.OCSPSingleResponse:
    """What the response says of our certificate."""
    ours = ocsp.load_der_ocsp_request(asked.request)
    for single in read.responses:
        if (
            single.serial_number == asked.serial
            and single.issuer_key_hash == ours.issuer_key_hash
            and single.issuer_name_hash == ours.issuer_name_hash
        ):
            return single
    raise ValueError("the response is about another certificate")


def _signer(read: ocsp.OCSPResponse, issuer: x509.Certificate, moment: datetime.datetime) -> x509.Certificate:
    """Who has signed it: the issuer, or whom the issuer has named for that (section 4.2.2.2)."""
    if _is(read, issuer):
        return issuer
    for each in read.certificates:
        if _is(read, each) and _issued(each, issuer) and _may_answer(each):
            if each.not_valid_before_utc <= moment <= each.not_valid_after_utc:
                return each
            raise ValueError("the certificate of the responder is not valid now")
    raise ValueError("the response is not signed by who may sign it")


def _is(read: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    """Whether the response names this as its responder."""
    if read.responder_name is not None:
        return read.responder_name == certificate.subject
    identifier = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
    return read.responder_key_hash == identifier.digest


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _may_answer(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in usage


def _check_signature(read: ocsp.OCSPResponse, signer: x509.Certificate) -> None:
    """Raise InvalidSignature unless `signer` has signed the response."""
    key, algorithm = signer.public_key(), read.signature_hash_algorithm
    signature, signed = read.signature, read.tbs_response_bytes
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        key.verify(signature, signed)
    elif algorithm is None:
        raise InvalidSignature
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, signed, padding.PKCS1v15(), algorithm)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, signed, ec.ECDSA(algorithm))
    else:
        raise InvalidSignature
