"""Checks what is written on OCSP: somebody to ask, something to ask with, and a way to show the answer."""

from __future__ import annotations

import os

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from toron.config.model import Certificate, Listener
from toron.config.place import Path, Report


def check_ocsp(path: Path, listener: Listener, certificate: Certificate, report: Report, folder: str) -> None:
    """Report what is wrong with the OCSP keys of a certificate whose file can be read."""
    assert certificate.cert is not None
    with open(os.path.join(folder, certificate.cert), "rb") as file:
        leaf, *above = x509.load_pem_x509_certificates(file.read())
    must = _must_staple(leaf)
    if certificate.ocsp is False:
        if certificate.ocsp_cache is not None:
            report.error((*path, "ocsp_cache"), "ocsp: false asks nobody: take one of them out", key=True)
        if must:
            text = "the certificate says that an OCSP response must come with it: clients may refuse it"
            report.warn((*path, "ocsp"), text, key=True)
        return
    if certificate.ocsp is None and not must:
        if certificate.ocsp_cache is not None:
            text = "nobody is asked for what it would keep: add ocsp: true, or take it out"
            report.error((*path, "ocsp_cache"), text, key=True)
        return
    why = _impossible(leaf, above)
    if listener.protocol == "http3":
        why = "over http3 no OCSP response can be shown"
    if why and certificate.ocsp:
        report.error((*path, "ocsp"), f"{why}: take ocsp out", key=True)
    elif why:
        text = f"the certificate says that an OCSP response must come with it, but {why}"
        report.warn((*path, "cert"), f"{text}: use one without must-staple")


def _must_staple(leaf: x509.Certificate) -> bool:
    try:
        feature = leaf.extensions.get_extension_for_class(x509.TLSFeature).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return x509.TLSFeatureType.status_request in feature


def _impossible(leaf: x509.Certificate, above: list[x509.Certificate]) -> str:
    """Why nobody can be asked; empty where that can be."""
    try:
        access = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        access = x509.AuthorityInformationAccess([])
    places = [each for each in access if each.access_method == AuthorityInformationAccessOID.OCSP]
    if not any(str(each.access_location.value).startswith("http://") for each in places):
        return "the certificate names no OCSP responder"
    if not any(each.subject == leaf.issuer for each in above):
        return "the certificate of its issuer is not behind it in the file"
    return ""
