"""Reads what is asked about: a URL, a method, header fields and where the client is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from toron.core.networks import address

PORTS = {"http": 80, "https": 443, "tls": 443}
"""The ports of the schemes that have one of their own."""

SCHEMES = ("http", "https", "tcp", "tls", "udp")
"""What may be asked about."""

CLIENT = "127.0.0.1"
"""Who asks where nobody says so."""

_URL = re.compile(r"([a-z]+)://(\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]*)(?::([0-9]{1,5}))?([/?][^\s#]*)?")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Question:
    """A request, a connection or a datagram that nobody has sent."""

    url: str
    scheme: str
    host: str
    """As in the URL: a name, or an address without brackets."""
    port: int | None
    """None where the URL names none and its scheme has none."""
    port_written: bool
    target: str
    """The path and query of an HTTP request."""
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    client: str = CLIENT
    alpn: tuple[str, ...] = ()
    """What a TLS client offers to speak."""
    listener: str | None = None
    """Only this one is asked."""

    @property
    def is_http(self) -> bool:
        """Whether a request is asked about, and not a connection."""
        return self.scheme in ("http", "https")

    @property
    def sni(self) -> str:
        """The name that a TLS client asks for: addresses are not named (RFC 6066 section 3)."""
        if self.scheme in ("http", "tcp") or address(self.host) is not None:
            return ""
        return self.host.lower().rstrip(".")

    @property
    def authority(self) -> str:
        """The Host of an HTTP request."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = not self.port_written or self.port == PORTS[self.scheme]
        return host if usual else f"{host}:{self.port}"


def question(
    url: str,
    method: str = "GET",
    headers: Sequence[tuple[str, str]] = (),
    client: str = CLIENT,
    alpn: Sequence[str] = (),
    listener: str | None = None,
) -> Question:
    """What is asked about; ValueError, saying what to write, when it can not be understood."""
    found = _URL.fullmatch(url)
    scheme = "" if found is None else found[1].lower()
    if found is None or scheme not in SCHEMES:
        wanted = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise ValueError(f"{url!r} is not asked about: write a URL with {wanted[:-8]} or udp://")
    port = int(found[3]) if found[3] else PORTS.get(scheme)
    if port is None or port > 65535:
        raise ValueError(f"{url!r} needs a port: write {scheme}://{found[2] or 'host'}:PORT")
    http = scheme in ("http", "https")
    if not http and (found[4] or "") not in ("", "/"):
        raise ValueError(f"{url!r} has a path: write {scheme}://{found[2]}:{port}")
    if not found[2] and http:
        raise ValueError(f"{url!r} names no host: write {scheme}://HOST/")
    if not http and (headers or method != "GET"):
        raise ValueError(f"{scheme}:// has no method or headers: ask with http:// or https://")
    if not _TOKEN.fullmatch(method):
        raise ValueError(f"{method!r} is not a method: write one such as GET")
    where = address(client)
    if where is None:
        raise ValueError(f"{client!r} is not an address: write one such as 192.0.2.7")
    target = found[4] or "/"
    target = target if target.startswith("/") else f"/{target}"
    return Question(
        url, scheme, found[2].strip("[]"), port, bool(found[3]), target, method,
        tuple(headers), where, tuple(alpn) or _usual_alpn(scheme), listener,
    )  # fmt: skip


def header(line: str) -> tuple[str, str]:
    """A field written as `Name: value`; ValueError when it is none."""
    name, colon, value = line.partition(":")
    if not colon or not _TOKEN.fullmatch(name.strip()):
        raise ValueError(f"{line!r} is not a header: write 'Name: value'")
    return name.strip(), value.strip()


def _usual_alpn(scheme: str) -> tuple[str, ...]:
    return ("h2", "http/1.1") if scheme == "https" else ()
