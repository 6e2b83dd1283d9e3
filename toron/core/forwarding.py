"""Who a request is really from, and what the next server is told of it.

Nothing a client says of itself is believed: only a peer in a trusted network may speak for others.
"""

from __future__ import annotations

import re
from itertools import product
from typing import Any

from toron.core.message import Request
from toron.core.networks import Networks, address
from toron.wire import forwarded as rfc7239
from toron.wire.headers import Field, Headers

_OURS = (
    b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-port", b"x-forwarded-prefix",
    b"x-forwarded-proto", b"x-real-ip", b"forwarded",
)  # fmt: skip
_ALIASES = (b"x-forwarded-protocol", b"x-forwarded-scheme", b"x-forwarded-server", b"x-forwarded-ssl")
"""Other words for the same facts, which backends believe as readily."""
_CLIENT_CERT = (
    b"client-cert", b"client-cert-chain", b"x-client-cert", b"x-client-cert-fingerprint",
    b"x-client-cert-issuer", b"x-client-cert-san", b"x-client-cert-serial", b"x-client-cert-subject",
)  # fmt: skip
"""What only who shook hands with the client can know of its certificate: no peer is believed that."""


def _spellings(name: bytes) -> list[bytes]:
    """With `_` for any of the `-`: CGI and WSGI make one variable of them all."""
    first, *words = name.split(b"-")
    return [
        first + b"".join(mark + word for mark, word in zip(marks, words, strict=True))
        for marks in product((b"-", b"_"), repeat=len(words))
    ]


FORWARDED_NAMES = frozenset(
    spelling for name in _OURS + _ALIASES + _CLIENT_CERT for spelling in _spellings(name)
)
"""Names (in lower case) of the fields that are never sent on as they came: `outgoing` makes ours."""

_HOP = re.compile(
    rb"([0-9.]++)(?::[0-9]{1,5}+)?|\[([0-9A-Fa-f]*+:[0-9A-Fa-f:.]++)\](?::[0-9]{1,5}+)?|([0-9A-Fa-f:.]++)"
)
_PORTS = {b"http": 80, b"https": 443, b"ws": 80, b"wss": 443}
_HOST = re.compile(rb"(?:[0-9A-Za-z\-._]++|\[[0-9A-Fa-f:.]++\])(?::([0-9]{1,5}+))?")
_PREFIX = re.compile(rb"(?:/(?!\.{0,2}(?:/|\Z))[0-9A-Za-z\-._~!$&'()*+,;=:@%]++)+/?")


class Forwarding:
    """Finds the client behind trusted proxies."""

    __slots__ = ("trusted",)

    def __init__(self, trusted: Networks) -> None:
        self.trusted = trusted

    def trusts(self, peer_ip: str) -> bool:
        """Whether the peer may say who its requests are from."""
        return bool(self.trusted) and peer_ip in self.trusted

    def client(self, peer_ip: str, headers: Headers) -> str:
        """The address of the client that a trusted peer speaks for.

        Hops are read from the nearest on; the client is the first that is not trusted. One that is
        not well formed or not an address ends the walk: the client is then the last hop that was good.
        """
        trusted = self.trusted
        client = peer_ip
        read = _from_list
        lines = headers.get_all(b"x-forwarded-for")
        if not lines:
            read = _from_element
            lines = headers.get_all(b"forwarded")
        # Split at every comma, though a quoted one is none in `Forwarded`: a quote that the client
        # left open must not swallow what trusted proxies wrote behind it.
        for text in reversed(b",".join(lines).split(b",")):
            text = text.strip(b" \t")
            if not text:
                continue
            hop = read(text)
            if hop is None:
                break
            client = hop
            if hop not in trusted:
                break
        return client


def _from_list(text: bytes) -> str | None:
    found = _HOP.fullmatch(text)
    return None if found is None else address((found[1] or found[2] or found[3]).decode("ascii"))


def _from_element(text: bytes) -> str | None:
    try:
        node = rfc7239.element(text).for_
    except ValueError:
        return None
    return address(node.name) if node is not None and node.is_address else None


def outgoing(request: Request, trusted_peer: bool, forwarded: bool) -> list[Field]:
    """The fields to send a server in place of every one of `FORWARDED_NAMES`.

    `trusted_peer` is as `Forwarding.client` said; `forwarded` asks for the field of RFC 7239.
    """
    if trusted_peer:
        return _passed_on(request, forwarded)
    scheme = request.scheme
    host = request.headers.get(b"host") or request.host
    fields = list(request.client_fields or client_fields(request.client_ip, scheme, request.port))
    if host:
        fields.append((b"X-Forwarded-Host", host))
    if request.prefix:
        fields.append((b"X-Forwarded-Prefix", request.prefix))
    if forwarded:
        fields.append((b"Forwarded", rfc7239.write(request.client_ip, host=host, proto=scheme)))
    return fields


def client_fields(client_ip: str, scheme: bytes, port: int) -> tuple[Field, ...]:
    """What a server is told of a client that came to us directly: the same for all its requests."""
    client = client_ip.encode("ascii")
    return (
        (b"X-Forwarded-For", client),
        (b"X-Real-IP", client),
        (b"X-Forwarded-Proto", scheme),
        (b"X-Forwarded-Port", b"%d" % port),
    )


def _passed_on(request: Request, forwarded: bool) -> list[Field]:
    """What a trusted peer said, with the peer itself added."""
    headers = request.headers
    client, peer = request.client_ip, request.peer_ip
    before = [client] if client != peer else []
    hops = [line for line in headers.get_all(b"x-forwarded-for") if line]
    hops = [*(hops or [ip.encode("ascii") for ip in before]), peer.encode("ascii")]

    ours = headers.get(b"host") or request.host
    said_host = _single(headers, b"x-forwarded-host")
    named = None if said_host is None else _HOST.fullmatch(said_host)
    said_proto = (_single(headers, b"x-forwarded-proto") or b"").lower()
    proto = said_proto if said_proto in _PORTS else request.scheme
    port = _single(headers, b"x-forwarded-port") or b""
    if not (port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536):
        port = b"%d" % request.port
        if said_proto in _PORTS:
            # Our port belongs to our scheme: beside another one it would make addresses that lead nowhere.
            port = (named and named[1]) or b"%d" % _PORTS[proto]
    fields = [
        (b"X-Forwarded-For", b", ".join(hops)),
        (b"X-Real-IP", client.encode("ascii")),
        (b"X-Forwarded-Proto", proto),
        (b"X-Forwarded-Port", port),
    ]
    if host := said_host if named is not None and said_host is not None else ours:
        fields.append((b"X-Forwarded-Host", host))
    prefix = _single(headers, b"x-forwarded-prefix") or b""
    prefix = prefix.rstrip(b"/") if _PREFIX.fullmatch(prefix) is not None else b""
    if prefix + request.prefix:
        fields.append((b"X-Forwarded-Prefix", prefix + request.prefix))

    elements = headers.get_all(b"forwarded")
    if elements and not _well_formed(elements):
        elements = []
    if elements or forwarded:
        elements = elements or [rfc7239.write(ip) for ip in before]
        elements.append(rfc7239.write(peer, host=ours, proto=request.scheme))
        fields.append((b"Forwarded", b", ".join(elements)))
    return fields + list(certificate_fields(request.tls))


def certificate_fields(tls: Any) -> tuple[Field, ...]:
    """What a server is told of the certificate that the client showed; `tls` is a `TlsInfo` or None."""
    if tls is None or tls.client is None:
        return ()
    fields: tuple[Field, ...] = tls.client.fields
    return fields


def _single(headers: Headers, name: bytes) -> bytes | None:
    """The value where there is exactly one: of two, one may be the client's own."""
    values = headers.get_all(name)
    return values[0] if len(values) == 1 else None


def _well_formed(lines: list[bytes]) -> bool:
    try:
        rfc7239.parse(lines)
    except ValueError:
        return False
    return True
