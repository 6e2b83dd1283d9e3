"""Checks backends: server addresses, and settings that fit them."""

from __future__ import annotations

import re

from toron.config.check_certificate import check_backend_tls
from toron.config.check_match import check_methods, groups, is_host
from toron.config.model import Backend, Health, ServerSpec
from toron.config.place import Path, Report, quote

KINDS = {
    "http": "http",
    "https": "http",
    "h2": "http",
    "h2c": "http",
    "tcp": "tcp",
    "tls": "tcp",
    "udp": "udp",
}
"""What is spoken to a server, by the scheme of its URL."""

ENCRYPTED = frozenset({"https", "h2", "tls"})
"""Schemes of servers that are spoken to over TLS."""

_URL = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*)://(?:([^/?#]*)@)?(\[[^\]/?#]*\]|[^:/?#]*)(?::([^/?#]*))?([/?#].*)?"
)
ONLY_HTTP = ("sticky", "pool", "host", "forwarded")
"""The keys of a backend that say something only to http servers."""
_SHARED = frozenset({"h2", "h2c"})
_NEEDS_PORT = ("tcp", "udp")
_MAY_SPEAK_GRPC = ("h2c", "h2", "tcp")
_ONE_KIND_OF_CHECK = ("path", "method", "status", "body", "send", "expect")
"""The keys of a check that are for HTTP or TCP only."""


def check_url(path: Path, url: str, report: Report) -> str | None:
    """The scheme of a server's URL; None when a problem was reported at `path`."""
    found = _URL.fullmatch(url)
    if not found:
        report.error(path, f"{quote(url)} is not a server: write one such as http://127.0.0.1:9000")
        return None
    scheme, user, host, port, rest = found.groups()
    problem = ""
    if scheme not in KINDS:
        problem = f"the scheme {quote(scheme)} is not known here: write {', '.join(KINDS)}"
    elif user is not None:
        problem = "a server's URL has no user or password: take it out and use the headers middleware"
    elif not is_host(host) or (host.count(":") and not host.startswith("[")):
        problem = f"{quote(url)} has no host that is known as one: write a name, an IPv4 address or [IPv6]"
    elif port is None and scheme in _NEEDS_PORT:
        problem = f"a {scheme} server needs a port: write {scheme}://{host}:1234"
    elif port is not None and not (re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) < 65536):
        problem = f"{quote(port)} is not a port: write a number from 1 to 65535"
    elif rest is not None:
        what = "path" if rest[0] == "/" else "query"
        problem = (
            f"a server's URL has no {what}: write {url[: len(url) - len(rest)]} and rewrite in the route"
        )
    if problem:
        report.error(path, problem)
        return None
    return scheme


def check_backend(path: Path, backend: Backend, report: Report, folder: str) -> None:
    """Report what is wrong with one backend, whoever uses it."""
    schemes = _check_servers(path, backend, report)
    if schemes is None:
        return
    if schemes:
        _check_settings(path, backend, schemes, report)
    if backend.health is not None:
        _check_health((*path, "health"), backend.health, report)
        _check_grpc_health((*path, "health"), backend.health, schemes, report)
    check_backend_tls((*path, "tls"), backend.tls, report, folder)


def _check_servers(path: Path, backend: Backend, report: Report) -> list[str] | None:
    """The schemes that are right; None when there is nothing that could have one."""
    places = [(*path, "url")] if backend.url is not None else []
    places += [_server_place(path, index, report) for index in range(len(backend.servers))]
    servers = backend.all_servers if backend.url else backend.servers
    if backend.discovery is not None:
        if places:
            message = "a backend has its servers written or discovered: take this or the others out"
            report.error((*path, "discovery"), message, key=True)
        return [scheme for scheme in backend.schemes if scheme in KINDS]
    if not places or not servers:
        report.error(path, "this backend has no servers: add url: or servers: [...]", key=True)
        return None
    check_servers([*zip(places, servers, strict=False)], report)
    schemes = [scheme for scheme in backend.schemes if scheme in KINDS]
    if not any(server.weight for server in servers):
        report.error((*path, "servers"), "every weight is 0: give one server a weight above 0", key=True)
    return schemes


def check_servers(servers: list[tuple[Path, ServerSpec]], report: Report) -> None:
    """Report what is wrong with the servers of one backend, each with the place of its URL."""
    schemes: list[str] = []
    seen: dict[str, Path] = {}
    for place, server in servers:
        scheme = check_url(place, server.url, report)
        if scheme is not None and schemes and KINDS[schemes[0]] != KINDS[scheme]:
            report.error(
                place, f"{scheme} beside {schemes[0]}: the servers of one backend speak the same protocol"
            )
        elif scheme is not None:
            schemes.append(scheme)
        if server.url in seen:
            where = report.line(seen[server.url], place, key=False)
            report.warn(place, f"this server is already at {where}: take one out, or use weight:")
        seen.setdefault(server.url, place)


def _server_place(path: Path, index: int, report: Report) -> Path:
    here = (*path, "servers", index)
    return (*here, "url") if isinstance(report.document.get(here), dict) else here


def _check_settings(path: Path, backend: Backend, schemes: list[str], report: Report) -> None:
    kind, written = KINDS[schemes[0]], backend.model_fields_set
    for key in ONLY_HTTP:
        if kind != "http" and key in written and getattr(backend, key) is not None:
            report.error((*path, key), f"only a backend of http servers has {key}: take it out", key=True)
    if kind == "udp" and backend.proxy_protocol is not None:
        report.error((*path, "proxy_protocol"), "a udp server gets no PROXY header: take it out", key=True)
    if backend.proxy_protocol is not None and any(scheme in _SHARED for scheme in schemes):
        message = (
            "a connection to an h2 or h2c server is shared by clients, a PROXY header names one: take it out"
        )
        report.error((*path, "proxy_protocol"), message, key=True)
    if kind == "udp" and "retries" in written:
        report.error((*path, "retries"), "datagrams are not sent again: take it out", key=True)
    encrypted = any(scheme in ENCRYPTED for scheme in schemes)
    if "tls" in written and not encrypted:
        report.warn(
            (*path, "tls"),
            "no server here is https, h2 or tls: take it out, or write https:// or tls://",
            key=True,
        )
    if not backend.tls.verify and not backend.tls.pin and encrypted:
        report.warn((*path, "tls", "verify"), "anybody can pose as this server: set ca: instead", key=True)
    if backend.tls.server_name is not None and not is_host(backend.tls.server_name):
        report.error(
            (*path, "tls", "server_name"), f"{quote(backend.tls.server_name)} is not a host: write a name"
        )
    if backend.host not in ("keep", "server") and not is_host(
        backend.host.rpartition(":")[0] or backend.host
    ):
        report.error((*path, "host"), f"{quote(backend.host)} is not a host: write keep, server or a name")
    check_methods((*path, "retries", "methods"), backend.retries.methods, report)
    for index, status in enumerate(backend.retries.on):
        if not 400 <= status <= 599:
            message = f"{status} is not an error: write statuses from 400 to 599"
            report.error((*path, "retries", "on", index), message)
    _check_turns(path, backend, report)


def _check_turns(path: Path, backend: Backend, report: Report) -> None:
    passive = backend.passive_health
    if passive is not None and passive.base > passive.max:
        report.error(
            (*path, "passive_health"),
            "base is longer than max: write a longer max or a shorter base",
            key=True,
        )
    if backend.balance.word != "primary-backup":
        return
    if backend.health is None and passive is None:
        report.error(
            (*path, "balance"), "primary-backup needs to know who is up: add health: or passive_health:"
        )
    if len(backend.all_servers) < 2 and backend.discovery is None:
        report.error((*path, "balance"), "primary-backup needs a second server: add one with backup: true")


def _check_health(path: Path, health: Health, report: Report) -> None:
    for key in ("interval", "timeout"):
        if getattr(health, key) <= 0:
            report.error((*path, key), "no time at all: write one such as 5s")
    if 0 < health.interval <= health.timeout:
        place = "timeout" if "timeout" in _written(path, report) else "interval"
        report.error(
            (*path, place),
            "the timeout is not shorter than the interval: write timeout: 2s and interval: 5s, say",
        )
    if health.path is not None and not re.fullmatch(r"/[!-~]*", health.path):
        report.error(
            (*path, "path"), f"{quote(health.path)} is not a path: begin with /, in ASCII without spaces"
        )
    for key in ("send", "expect") if health.path is not None else ("body", "host", "method", "status"):
        if key in health.model_fields_set and getattr(health, key) is not None and health.grpc is None:
            hint = (
                "is for TCP checks: take it or path: out"
                if health.path is not None
                else "is for HTTP checks: add path:"
            )
            report.error((*path, key), f"{key} {hint}", key=True)
    for key in ("body", "expect"):
        if getattr(health, key) is not None:
            groups((*path, key), getattr(health, key), report)
    if health.port == 0:
        report.error((*path, "port"), "0 is not a port to check: write a number from 1 to 65535")


def _check_grpc_health(path: Path, health: Health, schemes: list[str], report: Report) -> None:
    if health.grpc is None:
        return
    for key in _ONE_KIND_OF_CHECK:
        if key in health.model_fields_set and getattr(health, key) is not None:
            report.error((*path, key), f"{key} is not for checks over gRPC: take it or grpc: out", key=True)
    wrong = next((scheme for scheme in schemes if scheme not in _MAY_SPEAK_GRPC), None)
    if wrong is not None:
        message = f"the servers are {wrong}, and gRPC is spoken to {', '.join(_MAY_SPEAK_GRPC)} servers"
        report.error((*path, "grpc"), f"{message}: correct one of the two", key=True)


def _written(path: Path, report: Report) -> dict[str, object]:
    found = report.document.get(path)
    return found if isinstance(found, dict) else {}


def check_kind(path: Path, where: Path, backend: Backend, kind: str, report: Report) -> None:
    """Report servers that do not speak what the user of the backend, at `path`, needs."""
    wrong = next((scheme for scheme in backend.schemes if scheme in KINDS and KINDS[scheme] != kind), None)
    if wrong is not None:
        line = report.line(where, path)
        *others, last = (scheme for scheme in KINDS if KINDS[scheme] == kind)
        wanted = f"{', '.join(others)} or {last}" if others else last
        report.error(
            path, f"its servers ({line}) are {wrong}: {wanted} is needed here, correct one of the two"
        )
