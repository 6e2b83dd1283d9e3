"""Checks certificates that renew themselves: names, challenges, and what each challenge needs."""

from __future__ import annotations

import base64
import binascii
import os
import re
import shutil

from toron.config.check_certificate import load_certificate
from toron.config.draft import Draft
from toron.config.model import Acme, Certificate, Listener
from toron.config.place import Path, Report, quote

_NAME = re.compile(r"(?:(?!-)[a-z0-9-]{1,63}(?<!-)\.)*(?!-)(?![0-9]+\Z)[a-z0-9-]{1,63}(?<!-)")
_OTHERS = ("cert", "key", "self_signed")


def check_acme(draft: Draft, report: Report, folder: str) -> None:
    """Report what keeps a certificate from renewing itself; relative paths start at `folder`."""
    for index, listener in draft.listeners.items():
        demands = 0
        for number, certificate in enumerate(listener.certificates):
            if certificate.acme is not None:
                demands += certificate.acme.on_demand is not None
                path = ("listeners", index, "certificates", number)
                _check_others(path, certificate, report)
                _check_one((*path, "acme"), certificate.acme, report, folder)
                if demands > 1 and certificate.acme.on_demand is not None:
                    message = "this listener has certificates on demand already: write all names there"
                    report.error((*path, "acme", "on_demand"), message, key=True)
                _check_ways((*path, "acme"), certificate.acme, listener, draft, report, folder)


def _check_others(path: Path, certificate: Certificate, report: Report) -> None:
    for key in _OTHERS:
        if getattr(certificate, key):
            message = f"acme gets a certificate of its own: write either acme or {key}"
            report.error((*path, key), message, key=True)


def _check_one(path: Path, acme: Acme, report: Report, folder: str) -> None:
    _check_names(path, acme, report)
    if not re.fullmatch(r"https://[^\s/?#]+\S*", acme.directory):
        message = (
            f"{quote(acme.directory)} is not the URL of a directory: write one that begins with https://"
        )
        report.error((*path, "directory"), message)
    if acme.email is not None and not re.fullmatch(r"[^\s@,?]+@[^\s@,?]+", acme.email):
        report.error((*path, "email"), f"{quote(acme.email)} is not one e-mail address: write one, or none")
    if acme.ca is not None:
        load_certificate((*path, "ca"), acme.ca, report, folder)
    state = os.path.normpath(os.path.join(folder, acme.state))
    if os.path.exists(state) and not os.path.isdir(state):
        report.error((*path, "state"), f"{state} is not a folder: write the path of one, or of none yet")
    if acme.eab is not None:
        try:
            _decoded(acme.eab.hmac.get_secret_value())
        except (ValueError, binascii.Error):
            message = "the key is not in base64url: write it as the directory's owner gives it"
            report.error((*path, "eab", "hmac"), message)


def _decoded(text: str) -> bytes:
    if not re.fullmatch(r"[A-Za-z0-9_-]+={0,2}", text):
        raise ValueError("not base64url")
    return base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))


def _check_names(path: Path, acme: Acme, report: Report) -> None:
    demand = acme.on_demand
    if not acme.names and demand is None:
        report.error(path, "no name is written: add names: [a.example], or on_demand:", key=True)
    if acme.names and demand is not None:
        report.error(
            (*path, "on_demand"), "there are names already: write either names or on_demand", key=True
        )
    seen: set[str] = set()
    for position, name in enumerate(acme.names):
        here = report.document.item((*path, "names"), position)
        _check_name(here, name, report)
        if name.startswith("*.") and acme.challenge != "dns-01":
            message = f"{name} needs another challenge: write challenge: dns-01, or names without *"
            report.error(here, message)
        if name.lower() in seen:
            report.error(here, f"{name} is there twice: take one out")
        seen.add(name.lower())
    for position, name in enumerate(() if demand is None else demand.allow):
        _check_name(report.document.item((*path, "on_demand", "allow"), position), name, report)
    if demand is not None and demand.ask is not None and not re.fullmatch(r"https?://\S+", demand.ask):
        message = f"{quote(demand.ask)} is not a URL: write one that begins with https:// or http://"
        report.error((*path, "on_demand", "ask"), message)


def _check_name(path: Path, name: str, report: Report) -> None:
    plain = name.lower().removeprefix("*.")
    if not _NAME.fullmatch(plain) or len(plain) > 253:
        hint = "letters, digits and - (xn--... for all others)"
        report.error(path, f"{quote(name)} is not a DNS name: write one such as a.example, with {hint}")


def _check_ways(
    path: Path, acme: Acme, listener: Listener, draft: Draft, report: Report, folder: str
) -> None:
    """Whether the directory can come to see the proof."""
    if acme.on_demand is not None and draft.workers != 1:
        message = "certificates on demand need one process: write workers: 1, or names"
        report.error((*path, "on_demand"), message, key=True)
    if acme.on_demand is not None and listener.protocol == "http3":
        message = "an http3 listener can not wait for certificates: write names, or use an https listener"
        report.error((*path, "on_demand"), message, key=True)
    protocols = {each.protocol for each in draft.listeners.values()}
    if acme.challenge == "http-01" and draft.whole and "http" not in protocols:
        message = "http-01 needs an http listener, port 80 to the world: add one, or write another challenge:"
        report.error(path, message, key=True)
    if acme.challenge == "tls-alpn-01" and listener.protocol == "http3":
        message = "tls-alpn-01 is shown by https and tls listeners only: write another challenge:"
        report.error((*path, "challenge"), message)
    for key in ("hook", "hook_timeout"):
        if acme.challenge != "dns-01" and key in acme.model_fields_set:
            report.error((*path, key), f"only dns-01 has a {key}: take it out", key=True)
    if acme.challenge != "dns-01":
        return
    if not acme.hook:
        message = "dns-01 needs a command that writes the TXT record: add hook: [command, argument]"
        report.error(path, message, key=True)
    elif not _runs(acme.hook[0], folder):
        here = report.document.item((*path, "hook"), 0)
        message = f"there is no command {quote(acme.hook[0])} that can be run: write its whole path"
        report.error(here, message)


def _runs(command: str, folder: str) -> bool:
    return shutil.which(os.path.join(folder, command) if os.sep in command else command) is not None
