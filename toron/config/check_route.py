"""Checks routes: one way each, names that exist, answers that can be given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from toron.config.check_clients import check_client_cert
from toron.config.check_match import TOKEN, check_match, is_host
from toron.config.explain import suggest
from toron.config.model import LAYER7, Listener, Redirect, Respond, Route
from toron.config.place import Path, Report, quote

_WAYS = ("backend", "redirect", "respond", "echo")
_CAPTURE = re.compile(r"\$(\d+)")
_TARGET = re.compile(r"(/|\$\d|[a-zA-Z][a-zA-Z0-9+.-]*://)[!-~]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check_route(
    path: Path, route: Route, listeners: Mapping[str, Listener], whole: bool, report: Report
) -> None:
    """Report what is wrong with one route; `listeners` by their names, all of them when `whole`."""
    captured = [
        check_match(report.document.item((*path, "match"), index), match, report)
        for index, match in enumerate(route.match)
    ]
    ways = [way for way in _WAYS if getattr(route, way) is not None]
    if not ways:
        report.error(
            path, "this route leads nowhere: add backend:, redirect:, respond: or echo: {}", key=True
        )
    for way in ways[1:]:
        report.error(
            (*path, way), f"there is already {ways[0]}: write only one of {', '.join(_WAYS)}", key=True
        )
    _check_listeners(path, route, listeners, whole, report)
    check_client_cert(path, route, listeners, whole, report)
    if route.redirect is not None:
        _check_redirect((*path, "redirect"), route.redirect, min(captured, default=0), report)
    if route.respond is not None:
        _check_respond((*path, "respond"), route.respond, report)


def _check_listeners(
    path: Path, route: Route, known: Mapping[str, Listener], whole: bool, report: Report
) -> None:
    for index, name in enumerate(route.listeners):
        here = report.document.item((*path, "listeners"), index)
        if name not in known:
            if whole:  # else it may be one that could not be read
                report.error(here, f"unknown listener {quote(name)}: {suggest(name, known, report)}")
        elif known[name].protocol not in LAYER7:
            report.error(
                here,
                f"the listener {quote(name)} speaks {known[name].protocol}: routes are for http and https",
            )


def _check_redirect(path: Path, redirect: Redirect, captured: int, report: Report) -> None:
    if redirect.to is None and redirect.scheme is None and redirect.host is None and redirect.port is None:
        report.error(path, "this redirect leads nowhere: add to:, scheme:, host: or port:", key=True)
    target = (*path, "to") if isinstance(report.document.get(path), dict) else path
    if redirect.to is not None:
        if not _TARGET.fullmatch(redirect.to):
            report.error(
                target,
                f"{quote(redirect.to)} is not an address: begin with / or https://, in ASCII without spaces",
            )
        _check_captures(target, _CAPTURE.findall(redirect.to), captured, report)
    if redirect.host is not None:
        _check_captures((*path, "host"), _CAPTURE.findall(redirect.host), captured, report)
        if not is_host(_CAPTURE.sub("x", redirect.host)):
            report.error(
                (*path, "host"), f"{quote(redirect.host)} is not a host: write a name such as example.com"
            )


def _check_captures(path: Path, wanted: Iterable[str], captured: int, report: Report) -> None:
    for number in wanted:
        if int(number) > captured:
            have = f"has {captured} group{'s' * (captured != 1)}" if captured else "captures nothing"
            report.error(
                path, f"${number} stands for nothing, the path {have}: write ( ) around that part of ^..."
            )
            return


def _check_respond(path: Path, respond: Respond, report: Report) -> None:
    if respond.body and respond.status in (204, 205, 304):
        report.error(
            (*path, "body"), f"an answer of status {respond.status} has no body: take the body out", key=True
        )
    check_headers((*path, "headers"), respond.headers, report)


def check_headers(path: Path, headers: dict[str, str], report: Report) -> None:
    """Report names and values that no header may have (RFC 9110, section 5.5)."""
    for name, value in headers.items():
        if not TOKEN.fullmatch(name):
            report.error(
                (*path, name), f"{quote(name)} is not a header's name: write letters, digits and -", key=True
            )
        if _CONTROL.search(value):
            report.error((*path, name), "a header's value is one line: take the control characters out")
