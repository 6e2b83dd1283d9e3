"""Checks what is asked of clients: their certificates, and that they come over https."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping

from cryptography import x509

from toron.config.check_certificate import FILE_LIMIT, certificate_names, read_file
from toron.config.check_match import check_host, groups, is_host
from toron.config.draft import Draft
from toron.config.model import ClientTls, Listener, Route
from toron.config.place import Path, Report, quote

_CRL = b"-----BEGIN X509 CRL-----"


def check_clients(path: Path, listener: Listener, report: Report, folder: str, now: float) -> None:
    """Report what is wrong with a listener's `tls: {client: ...}`; `now` is in Unix seconds."""
    here = (*path, "tls", "client")
    if listener.protocol == "http3" and listener.tls.client:
        message = (
            "over HTTP/3 no client can be asked for a certificate here: take it out, and serve these names"
            " over https alone"
        )
        report.error(here, message, key=True)
        return
    if listener.protocol == "tls" and "misdirected" in listener.tls.model_fields_set:
        message = "a tls listener sees no requests: take it out"
        report.error((*path, "tls", "misdirected"), message, key=True)
    seen: dict[str, Path] = {}
    served = _served(listener, folder) if listener.tls.client else None
    for index, rule in enumerate(listener.tls.client):
        item = report.document.item(here, index)
        _check_names(item, rule, seen, report)
        if served is not None:
            _check_served(item, rule, served, report)
        _check_files(item, rule, report, folder, datetime.datetime.fromtimestamp(now, datetime.UTC))


def _check_names(path: Path, rule: ClientTls, seen: dict[str, Path], report: Report) -> None:
    """Each name, and the rest of them, in one rule; `seen` are those of the rules before."""
    for index, name in enumerate(rule.names):
        place = report.document.item((*path, "names"), index)
        if name.startswith("^"):
            report.error(place, f"{quote(name)} is an expression: write names, exact or *. and a name")
        else:
            check_host(place, name, report)
        first = seen.setdefault(name.lower().rstrip("."), path)
        if first != path:
            where = report.line(first, place, key=False)
            report.error(place, f"{quote(name)} is in the rule at {where} already: take one out")
    if not rule.names and (first := seen.setdefault("", path)) != path:
        where = report.line(first, path, key=False)
        message = f"the rule at {where} is for all other names already: add names: to one of them"
        report.error(path, message)


def _check_served(path: Path, rule: ClientTls, served: set[str], report: Report) -> None:
    """Warn of names with a wrong letter in them: their rule would protect nothing."""
    for index, name in enumerate(rule.names):
        if is_host(name.removeprefix("*.")) and not _is_served(name.lower().rstrip("."), served):
            message = f"no certificate here is for {quote(name)}: nobody can ask for it, correct the name"
            report.warn(report.document.item((*path, "names"), index), message)


def _served(listener: Listener, folder: str) -> set[str] | None:
    """The names that certificates are for; None where it is not known, or any name is served."""
    if listener.tls.default_cert == "first":
        return None
    names: set[str] = set()
    for each in listener.certificates:
        if each.self_signed:
            names.update(name.lower() for name in each.self_signed)
        elif each.cert is None:
            return None
        else:
            try:
                with open(os.path.join(folder, each.cert), "rb") as file:
                    names.update(certificate_names(x509.load_pem_x509_certificate(file.read(FILE_LIMIT))))
            except (OSError, ValueError):
                return None
    return names


def _is_served(name: str, served: set[str]) -> bool:
    """Whether any client that gets a certificate asks for this name, or for one that `*.x` means."""
    if name.startswith("*."):
        return any(each.partition(".")[2] == name[2:] for each in served)
    return name in served or f"*.{name.partition('.')[2]}" in served


def _check_files(path: Path, rule: ClientTls, report: Report, folder: str, moment: datetime.datetime) -> None:
    if rule.verify == "none":
        for key in sorted(rule.model_fields_set & {"ca", "crl", "headers"}):
            message = f"with verify: none nobody is asked for a certificate: take it or {key} out"
            report.error((*path, key), message, key=True)
        return
    if rule.ca is None:
        message = "the key 'ca' is missing: add ca: with a PEM file of the authorities that sign for clients"
        report.error(path, message)
    else:
        _check_authorities((*path, "ca"), rule.ca, report, folder, moment)
    if rule.crl is not None:
        _check_lists((*path, "crl"), rule.crl, report, folder, moment)


def _check_authorities(path: Path, name: str, report: Report, folder: str, moment: datetime.datetime) -> None:
    data = read_file(path, name, report, folder)
    if data is None:
        return
    try:
        found = x509.load_pem_x509_certificates(data)
    except ValueError:
        message = f"{name} is not a certificate in PEM form: write a file that has BEGIN CERTIFICATE"
        report.error(path, message)
        return
    for authority in found:
        who = authority.subject.rfc4514_string()
        if not _signs(authority):
            message = f"{quote(who)} is not an authority: write a file with those that sign for clients"
            report.error(path, message)
        elif authority.not_valid_after_utc < moment:
            end = f"{authority.not_valid_after_utc:%Y-%m-%d}"
            report.warn(path, f"the authority {quote(who)} expired on {end}: nobody it signed for gets in")


def _signs(certificate: x509.Certificate) -> bool:
    """Whether it may sign others; one of the first version does not say."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return certificate.version is x509.Version.v1
    except ValueError:
        return False


def _check_lists(path: Path, name: str, report: Report, folder: str, moment: datetime.datetime) -> None:
    data = read_file(path, name, report, folder)
    if data is None:
        return
    try:
        found = [x509.load_pem_x509_crl(_CRL + piece) for piece in data.split(_CRL)[1:]]
    except ValueError:
        found = []
    if not found:
        message = f"{name} is not a revocation list in PEM form: write a file that has BEGIN X509 CRL"
        report.error(path, message)
    for each in found:
        end = each.next_update_utc
        if end is not None and end < moment:
            who = quote(each.issuer.rfc4514_string())
            message = f"the list of {who} ended on {end:%Y-%m-%d}: nobody gets in until there is a new one"
            report.warn(path, message)


def check_client_cert(
    path: Path, route: Route, listeners: Mapping[str, Listener], whole: bool, report: Report
) -> None:
    """Report a route that asks for certificates which no client can show, or for what can not be."""
    if route.client_cert is None:
        return
    for key in ("subject", "san"):
        for index, wanted in enumerate(getattr(route.client_cert, key)):
            place = report.document.item((*path, "client_cert", key), index)
            if wanted.startswith("^"):
                groups(place, wanted, report)
            elif not wanted:
                report.error(place, f"nothing is written here: write a {key}, or take it out")
    for index, name in enumerate(route.listeners):
        known = listeners.get(name)
        if known is not None and not _asks(known):
            message = f"the listener {quote(name)} asks for no certificates: add tls: {{client: ...}} there"
            report.error(report.document.item((*path, "listeners"), index), message)
    if whole and not route.listeners and not any(map(_asks, listeners.values())):
        message = "no listener asks for certificates: add tls: {client: {ca: ...}} to an https listener"
        report.error((*path, "client_cert"), message, key=True)


def _asks(listener: Listener) -> bool:
    return listener.protocol == "https" and any(rule.verify != "none" for rule in listener.tls.client)


def check_ways_past(draft: Draft, report: Report) -> None:
    """Report http3 listeners beside https ones that ask for certificates, at the same port."""
    asking = {each.port: index for index, each in draft.listeners.items() if _asks(each) and each.port}
    for index, listener in draft.listeners.items():
        if listener.protocol == "http3" and listener.port in asking:
            where = report.line(("listeners", asking[listener.port]), ("listeners", index))
            message = (
                f"over HTTP/3 nobody is asked for a certificate, and the https listener at {where} asks:"
                " take one of them out, or write another port"
            )
            report.error(("listeners", index), message, key=True)


def check_redirects(draft: Draft, report: Report) -> None:
    """Report `redirect_http` where there is nothing to redirect, or nowhere to."""
    kinds = {listener.protocol for listener in draft.listeners.values()}
    for index, listener in draft.listeners.items():
        if listener.redirect_http is None or not draft.whole:
            continue
        here = ("listeners", index, "redirect_http")
        if listener.protocol == "https" and "http" not in kinds:
            message = "there is no http listener to redirect from: add {protocol: http, port: 80}"
            report.error(here, message, key=True)
        if listener.protocol == "http" and "https" not in kinds:
            message = "there is no https listener to redirect to: add one, with certificates"
            report.error(here, message, key=True)
