"""Checks certificate files: readable, valid, matching their keys, and each name in one of them."""

from __future__ import annotations

import datetime
import os
import stat
from collections.abc import Iterator

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from toron.config.check_ocsp import check_ocsp
from toron.config.model import BackendTls, Certificate, Listener
from toron.config.place import Path, Report

_SOON = datetime.timedelta(days=30)
"""What is left of a certificate when it is time to renew it, at most."""

FILE_LIMIT = 4 << 20
"""Bytes of a certificate file, at most."""


def check_certificates(path: Path, listener: Listener, report: Report, folder: str, now: float) -> None:
    """Report what is wrong with the certificates of a listener; `now` is in Unix seconds."""
    seen: dict[tuple[str, str], int] = {}
    for index, certificate in enumerate(listener.certificates):
        here = (*path, "certificates", index)
        if certificate.acme is not None:
            continue  # see check_acme
        if certificate.self_signed:
            _check_self_signed(here, certificate, report)
            continue
        leaf = _check_pair(here, certificate, report, folder)
        if leaf is None:
            continue
        _check_dates(here, leaf, report, now)
        check_ocsp(here, listener, certificate, report, folder)
        names = list(certificate_names(leaf))
        if not names and listener.tls.default_cert == "strict":
            text = "no name in it, so no client gets it: use one with names, or tls: {default_cert: first}"
            report.error((*here, "cert"), text)
        kind = type(leaf.public_key()).__name__
        for name in names:
            first = seen.setdefault((name, kind), index)
            if first != index:
                where = report.line((*path, "certificates", first), here, key=False)
                report.warn(
                    (*here, "cert"),
                    f"the certificate at {where} has the name {name!r} too: the first is used",
                )
                break


def _check_self_signed(path: Path, certificate: Certificate, report: Report) -> None:
    for key in ("cert", "key"):
        if getattr(certificate, key) is not None:
            report.error(
                (*path, key), "self_signed makes its own: write either self_signed or cert and key", key=True
            )
    for key in ("ocsp", "ocsp_cache"):
        if getattr(certificate, key) is not None:
            report.error((*path, key), "nobody answers for a self-signed certificate: take it out", key=True)
    report.warn(
        (*path, "self_signed"), "for development: clients do not trust a self-signed certificate", key=True
    )


def _check_pair(path: Path, certificate: Certificate, report: Report, folder: str) -> x509.Certificate | None:
    for key in ("cert", "key"):
        if getattr(certificate, key) is None:
            report.error(
                path, f"the key {key!r} is missing: add {key}: with the path of a PEM file", key=True
            )
    leaf = public = None
    if certificate.cert is not None:
        leaf = load_certificate((*path, "cert"), certificate.cert, report, folder)
    if certificate.key is not None:
        public = load_key((*path, "key"), certificate.key, report, folder)
    if leaf is None or public is None:
        return leaf
    if _bytes(leaf) != public:
        report.error(
            (*path, "key"),
            f"{certificate.key} is not the key of {certificate.cert}: write the one it was made with",
        )
    return leaf


def _bytes(leaf: x509.Certificate) -> bytes:
    return leaf.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def read_file(path: Path, name: str, report: Report, folder: str) -> bytes | None:
    """What is in a file; None when a problem was reported at `path`."""
    name = os.path.normpath(os.path.join(folder, name))
    try:
        with open(name, "rb") as file:
            return file.read(FILE_LIMIT)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        report.error(path, f"{name} cannot be read: {why}: check the path and its mode")
        return None


def load_certificate(path: Path, name: str, report: Report, folder: str) -> x509.Certificate | None:
    """The first certificate of a PEM file; None when a problem was reported at `path`."""
    data = read_file(path, name, report, folder)
    if data is None:
        return None
    try:
        leaf = x509.load_pem_x509_certificates(data)[0]
        _bytes(leaf)
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        hint = " (this looks like a key)" if b"PRIVATE KEY-----" in data else ""
        report.error(
            path, f"{name} is not a certificate in PEM form{hint}: write a file that has BEGIN CERTIFICATE"
        )
        return None
    try:
        _ = leaf.extensions
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        report.error(path, f"the extensions in {name} can not be read: {error}: have it made anew")
        return None
    return leaf


def load_key(path: Path, name: str, report: Report, folder: str) -> bytes | None:
    """The public half (DER) of a private key in a PEM file; None when a problem was reported at `path`."""
    data = read_file(path, name, report, folder)
    if data is None:
        return None
    if stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode) & 0o077:
        report.warn(path, f"others than its owner can read {name}: chmod 600 {name}")
    try:
        key = serialization.load_pem_private_key(data, None)
    except TypeError:
        report.error(
            path, f"{name} has a passphrase: write a copy without one, openssl pkey -in {name} -out ..."
        )
        return None
    except (ValueError, UnsupportedAlgorithm):
        hint = " (this looks like a certificate)" if b"BEGIN CERTIFICATE-----" in data else ""
        report.error(
            path, f"{name} is not a private key in PEM form{hint}: write a file that has BEGIN PRIVATE KEY"
        )
        return None
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _check_dates(path: Path, leaf: x509.Certificate, report: Report, now: float) -> None:
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    end, life = leaf.not_valid_after_utc, leaf.not_valid_after_utc - leaf.not_valid_before_utc
    if moment > end:
        report.warn((*path, "cert"), f"the certificate expired on {end:%Y-%m-%d}: renew it")
    elif moment > end - min(life / 3, _SOON):
        days = (end - moment).days
        report.warn(
            (*path, "cert"), f"the certificate expires on {end:%Y-%m-%d}, in {days} days: renew it soon"
        )
    if moment < leaf.not_valid_before_utc:
        report.warn(
            (*path, "cert"),
            f"the certificate is not valid before {leaf.not_valid_before_utc:%Y-%m-%d}: wait or renew it",
        )


def certificate_names(leaf: x509.Certificate) -> Iterator[str]:
    """The DNS names and addresses a certificate is for, lower case; its common name where it has none."""
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [
            *found.get_values_for_type(x509.DNSName),
            *map(str, found.get_values_for_type(x509.IPAddress)),
        ]
    except (x509.ExtensionNotFound, ValueError):
        names = []
    if not names:
        common = leaf.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        names = [str(attribute.value) for attribute in common]
    yield from dict.fromkeys(name.lower() for name in names)


def check_backend_tls(path: Path, tls: BackendTls, report: Report, folder: str) -> None:
    """Report what is wrong with the files that TLS to a server needs."""
    if tls.ca is not None:
        load_certificate((*path, "ca"), tls.ca, report, folder)
    if (tls.cert is None) != (tls.key is None):
        there, missing = ("cert", "key") if tls.key is None else ("key", "cert")
        report.error((*path, there), f"{there} needs its {missing}: add {missing}:", key=True)
    elif tls.cert is not None:
        _check_pair(path, Certificate(cert=tls.cert, key=tls.key), report, folder)
