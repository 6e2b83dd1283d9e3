"""Checks the patterns of a match: paths, hosts, header values, regular expressions."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

import re2

from toron.config.model import Conditions, Match
from toron.config.place import Path, Report, quote

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A method or the name of a header (RFC 9110, section 5.6.2)."""

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_UNSUPPORTED = re.compile(r"\(\?(?:[=!>]|<[=!])|\\[1-9]|\(\?P=")
_QUIET = re2.Options()
_QUIET.log_errors = False
# As requests are matched: byte by byte.
_QUIET.encoding = re2.Options.Encoding.LATIN1


def groups(path: Path, pattern: str, report: Report) -> int:
    """How many groups a regular expression has; a problem is reported when it cannot be used."""
    try:
        return int(re2.compile(pattern.encode(), _QUIET).groups)
    except re2.error as error:
        if _UNSUPPORTED.search(pattern):
            message = (
                "lookaheads, lookbehinds and backreferences are not supported: write the expression without"
            )
        else:
            why = error.args[0].decode("utf-8", "replace") if error.args else "it cannot be read"
            message = f"not a regular expression: {why}: correct it (the syntax is RE2's)"
    except UnicodeEncodeError:
        message = "not a regular expression: it is not valid Unicode: correct it"
    report.error(path, message)
    return 0


def check_host(path: Path, host: str, report: Report) -> None:
    """Report a host pattern that is none of: a name, an address, `*.` and a name, `^` an expression."""
    if host.startswith("^"):
        groups(path, host, report)
        return
    if not is_host(host.removeprefix("*.")) or host == "*.":
        report.error(path, _why_not_host(host))


def is_host(host: str) -> bool:
    """Whether this is a DNS name or an IP address, without a port."""
    bracketed = host.startswith("[") and host.endswith("]")
    try:
        found = ipaddress.ip_address(host[1:-1] if bracketed else host)
        return host.isascii() and (found.version == 6 or not bracketed)
    except ValueError:
        labels = host.lower().removesuffix(".").split(".")
        return len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)


def _why_not_host(host: str) -> str:
    if host in ("*", "*."):
        return "'*' is no host: leave host out to match every one, or write *.example.com"
    if "*" in host:
        return (
            f"{quote(host)} has a * that is not its first label: write *.example.com, or ^ and an expression"
        )
    if "/" in host:
        return f"{quote(host)} is not a host: write only the name, such as example.com"
    if ":" in host:
        return f"{quote(host)} has a port: a host is matched without its port, write only the name"
    if any(ord(character) > 127 for character in host):
        return f"{quote(host)} is not ASCII: write its xn-- form"
    return f"{quote(host)} is not a host: write a name such as example.com or *.example.com"


def check_path(path: Path, pattern: str, report: Report) -> int:
    """Report a path pattern that cannot match; returns the groups that it captures."""
    if pattern.startswith("^"):
        return groups(path, pattern, report)
    if not pattern.startswith("/"):
        report.error(
            path, f"{quote(pattern)} is not a path: begin with / or, for a regular expression, with ^"
        )
    elif "*" in pattern.removesuffix("/*"):
        report.error(
            path, f"{quote(pattern)} has a * that is not a trailing /*: write a regular expression after ^"
        )
    elif "?" in pattern or "#" in pattern:
        report.error(path, f"{quote(pattern)} has a ? or #: a path is matched without its query, use query:")
    return 0


def check_methods(path: Path, methods: Sequence[str], report: Report) -> None:
    """Report methods that no request has: they are tokens, and case counts (RFC 9110, section 9.1)."""
    for index, method in enumerate(methods):
        if not TOKEN.fullmatch(method) or method != method.upper():
            message = f"{quote(method)} is not a method: write it in capitals, such as GET"
            report.error(report.document.item(path, index), message)


def check_match(path: Path, match: Conditions, report: Report) -> int:
    """Report what is wrong in one match; returns the groups that every one of its paths captures."""
    item = report.document.item
    for index, host in enumerate(match.host):
        check_host(item((*path, "host"), index), host, report)
    captured = [
        check_path(item((*path, "path"), index), pattern, report) for index, pattern in enumerate(match.path)
    ]
    check_methods((*path, "methods"), match.methods, report)
    for section in ("headers", "query", "cookies"):
        for name, wanted in getattr(match, section).items():
            here = (*path, section, name)
            if section != "query" and not TOKEN.fullmatch(name):
                report.error(
                    here, f"{quote(name)} is not a name for {section}: write letters, digits and -", key=True
                )
            if isinstance(wanted, str) and wanted.startswith("^"):
                groups(here, wanted, report)
    if isinstance(match, Match) and match.not_ is not None:
        check_match((*path, "not"), match.not_, report)
    return min(captured, default=0)
