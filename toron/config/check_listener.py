"""Checks listeners: what each protocol needs, and that no two want the same port or name."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from toron.config.check_certificate import check_certificates
from toron.config.check_clients import check_clients
from toron.config.check_match import check_host
from toron.config.draft import Draft
from toron.config.model import DATAGRAMS, LAYER7, TERMINATES_TLS, Listener
from toron.config.place import Path, Report, quote

_LAYER4 = frozenset({"tcp", "tls", "sni", "udp"})
_STREAMS = frozenset({"http", "https", "tcp", "tls", "sni"})
_OVER_TCP, _OVER_UDP = frozenset({"h2", "http/1.1", "http/1.0"}), frozenset({"h3"})
_RELAYED = _LAYER4 | {"sni-udp"}

ALLOWED: dict[str, tuple[frozenset[str], str]] = {
    "certificates": (TERMINATES_TLS, "only https, http3 and tls listeners have certificates: take it out"),
    "tls": (TERMINATES_TLS, "only https, http3 and tls listeners terminate TLS: take it out"),
    "transport": (
        frozenset({"sni", "sni-udp"}),
        "only sni listeners choose, this one has its own: take it out",
    ),
    "backend": (_RELAYED, "an {protocol} listener is led by routes: write it in a route under routes:"),
    "routes": (
        _RELAYED,
        "an {protocol} listener is led by the routes at the top of the file: write them there",
    ),
    "echo": (frozenset({"tcp", "tls", "udp"}), "an {protocol} listener has no echo of its own: {echo}"),
    "idle": (_RELAYED, "an {protocol} listener has no idle: write timeouts: {{keepalive: ...}}"),
    "sessions": (DATAGRAMS, "only listeners over udp have sessions: take it out"),
    "retry": (frozenset({"http3"}), "only http3 listeners have a retry: take it out"),
    "responses": (frozenset({"udp"}), "only udp listeners count responses: take it out"),
    "http2": (frozenset({"http", "https"}), "only http and https listeners speak HTTP/2: take it out"),
    "redirect_http": (
        frozenset({"http", "https"}),
        "only http and https listeners have redirects from http to https: take it out",
    ),
    "limits": (LAYER7, "only http, https and http3 listeners have request limits: take it out"),
    "trusted_proxies": (LAYER7, "only http, https and http3 listeners read forwarded headers: take it out"),
    "proxy_protocol": (_STREAMS, "{a} listener cannot receive PROXY headers: take it out"),
    "backlog": (_STREAMS, "{a} listener has no backlog: take it out"),
    "timeouts": (_STREAMS | {"http3", "sni-udp"}, "a udp listener has no timeouts but idle: write idle:"),
}
"""The keys that only some protocols have, with what to say on the others."""

_WAYS = {
    "tcp": "backend:, routes: or echo: {}",
    "tls": "backend:, routes: or echo: {}",
    "sni": "backend: or routes:",
    "udp": "backend: or echo: {}",
}
"""Where a relayed connection may lead."""


def check_listener(path: Path, listener: Listener, report: Report, folder: str, now: float) -> None:
    """Report what one listener has too much or too little for its protocol."""
    protocol = listener.protocol
    for key in sorted(listener.model_fields_set & ALLOWED.keys()):
        allowed, message = ALLOWED[key]
        if listener.kind not in allowed and getattr(listener, key) is not None:
            echo = "write a route with echo: {}" if protocol in LAYER7 else "write a backend or routes"
            message = message.format(protocol=protocol, echo=echo, a=_a(listener))
            report.error((*path, key), message, key=True)
    if listener.address is not None:
        check_address((*path, "address"), listener.address, report)
    if protocol in TERMINATES_TLS and not listener.certificates:
        report.error(
            path,
            f"{_a(listener)} listener needs certificates: add certificates: [{{cert: ..., key: ...}}]",
            key=True,
        )
    elif protocol in TERMINATES_TLS:
        check_certificates(path, listener, report, folder, now)
    if protocol in TERMINATES_TLS:
        check_clients(path, listener, report, folder, now)
    if protocol in _LAYER4:
        _check_way(path, listener, report)


def _a(listener: Listener) -> str:
    kind = listener.kind.replace("-", " over ")
    return f"{'an' if kind[0] in 'hs' else 'a'} {kind}"


def _check_way(path: Path, listener: Listener, report: Report) -> None:
    ways = [key for key in ("backend", "routes", "echo") if getattr(listener, key) not in (None, ())]
    choice = _WAYS[listener.protocol]
    if not ways:
        report.error(path, f"this {listener.protocol} listener leads nowhere: add {choice}", key=True)
    for way in ways[1:]:
        report.error((*path, way), f"there is already {ways[0]}: write only one of {choice}", key=True)
    if listener.protocol == "udp" and listener.routes:
        message = "a udp listener has no routes, datagrams show nothing to choose by: write backend:"
        report.error((*path, "routes"), message, key=True)
        return
    for index, route in enumerate(listener.routes):
        here = (*path, "routes", index, "match")
        if listener.protocol == "tcp":
            for key in ("sni", "alpn"):
                if getattr(route.match, key):
                    message = f"a tcp listener does not see {key}: use protocol sni or tls"
                    report.error((*here, key), message, key=True)
        _check_protocols((*here, "alpn"), listener, route.match.alpn, report)
        for position, name in enumerate(route.match.sni):
            if name:
                check_host(report.document.item((*here, "sni"), position), name, report)
        if ("match" not in route.model_fields_set or not route.match.model_fields_set) and index + 1 < len(
            listener.routes
        ):
            report.warn(
                (*path, "routes", index + 1),
                "never asked: the route before it takes every connection",
                key=True,
            )


def _check_protocols(path: Path, listener: Listener, alpn: Sequence[str], report: Report) -> None:
    """Warn of versions of HTTP that are never asked for over this transport."""
    elsewhere, transport = (_OVER_TCP, "tcp") if listener.over_udp else (_OVER_UDP, "udp")
    for position, name in enumerate(alpn):
        if name in elsewhere:
            message = f"{name} is spoken over {transport}: nobody asks for it here"
            report.warn(report.document.item(path, position), message)


def check_address(path: Path, address: str, report: Report) -> bool:
    """Whether this is an IP address to listen on; a problem is reported when it is not."""
    try:
        ipaddress.ip_address(address)
        return True
    except ValueError:
        report.error(path, f"{quote(address)} is not an IP address: write one such as 127.0.0.1 or ::1")
        return False


def check_clashes(draft: Draft, report: Report) -> None:
    """Report two listeners (or the admin port) at one port, or with one name."""
    bound: dict[tuple[str, int], list[tuple[str | None, str, Path]]] = {}
    if draft.admin is not None:
        bound["tcp", draft.admin.port] = [(draft.admin.address, "admin", ("admin",))]
    names: dict[str, Path] = {}
    for index, listener in draft.listeners.items():
        path: Path = ("listeners", index)
        kind = "udp" if listener.over_udp else "tcp"
        name = listener.label
        if name in names:
            first = report.line(names[name], path)
            message = f"the listener at {first} is called {quote(name)} too: give one of them another name:"
            named = "name" in listener.model_fields_set
            report.error((*path, "name") if named else path, message, key=not named)
        names.setdefault(name, path)
        if not listener.port:
            continue  # the system gives each a port of its own
        others = bound.setdefault((kind, listener.port), [])
        for address, other, where in others:
            if _overlap(listener.address, address):
                first = report.line(where, path)
                message = (
                    f"port {listener.port} is already taken by {other!r} at {first}:"
                    " write another port or address"
                )
                report.error((*path, "port"), message)
                break
        others.append((listener.address, name, path))


def _overlap(one: str | None, other: str | None) -> bool:
    if one is None or other is None:
        return True
    try:
        first, second = ipaddress.ip_address(one), ipaddress.ip_address(other)
    except ValueError:
        return one == other
    wildcard = first.is_unspecified or second.is_unspecified
    return first == second or (wildcard and first.version == second.version)
