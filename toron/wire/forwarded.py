"""The Forwarded header field of RFC 7239."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from toron.wire.addresses import packed, written

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
_ELEMENT = re.compile(rb'((?:[^",]++|' + _QUOTED + rb")*)(,|\Z)")
_PAIR = re.compile(rb"[ \t]*(?:(" + _TOKEN + rb")=(?:(" + _TOKEN + rb")|(" + _QUOTED + rb")))?[ \t]*(;|\Z)")
_PLAIN = re.compile(_TOKEN)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_TO_ESCAPE = re.compile(rb'(["\\])')
_OBFUSCATED = rb"_[0-9A-Za-z._\-]++"
_NODE = re.compile(
    rb"(?:([0-9.]++)|\[([0-9A-Fa-f:.]++)\]|(unknown|" + _OBFUSCATED + rb"))"
    rb"(?::([0-9]{1,5}+|" + _OBFUSCATED + rb"))?",
    re.IGNORECASE,
)
_HOST = re.compile(rb"(?:[0-9A-Za-z\-._~!$&'()*+,;=%]++|\[[0-9A-Fa-f:.]++\])(?::[0-9]{0,5}+)?")
_PROTO = re.compile(rb"[A-Za-z][0-9A-Za-z+\-.]*+")


@dataclass(slots=True)
class Node:
    """A proxy or client (RFC 7239 section 6)."""

    name: str
    """An IP address (IPv4 where it was mapped), `unknown`, or a made-up name that begins with `_`."""
    port: str = ""
    """A number, or a made-up name that begins with `_`; empty when there was none."""
    is_address: bool = False


@dataclass(slots=True)
class Element:
    """What one proxy said (RFC 7239 section 4); parameters it does not know are passed over."""

    for_: Node | None = None
    by: Node | None = None
    host: bytes = b""
    proto: bytes = b""
    """In lower case."""


def parse(values: Iterable[bytes]) -> list[Element]:
    """The elements of every line of the field, the client's own first.

    Blanks beside a semicolon are taken, though the grammar has none: many proxies write them.
    ValueError when any line is not well formed.
    """
    found: list[Element] = []
    for value in values:
        at, more = 0, True
        while more:
            part = _ELEMENT.match(value, at)
            if part is None:
                raise ValueError("a quoted string has no end")
            if part[1].strip(b" \t"):
                found.append(element(part[1]))
            at, more = part.end(), bool(part[2])
    return found


def element(text: bytes) -> Element:
    """One element; ValueError when it is not well formed."""
    made = Element()
    seen: set[bytes] = set()
    at, more = 0, True
    while more:
        pair = _PAIR.match(text, at)
        if pair is None:
            raise ValueError(f"not a parameter: {text[at : at + 32]!r}")
        name, token, quoted, semicolon = pair.groups()
        if name is not None:
            name = name.lower()
            if name in seen:
                raise ValueError(f"{name!r} is there twice")
            seen.add(name)
            _take(made, name, token if quoted is None else _ESCAPED.sub(rb"\1", quoted[1:-1]))
        at, more = pair.end(), bool(semicolon)
    return made


def _take(made: Element, name: bytes, value: bytes) -> None:
    if name == b"for":
        made.for_ = node(value)
    elif name == b"by":
        made.by = node(value)
    elif name == b"host":
        if _HOST.fullmatch(value) is None:
            raise ValueError(f"not a host: {value[:64]!r}")
        made.host = value
    elif name == b"proto":
        if _PROTO.fullmatch(value) is None:
            raise ValueError(f"not a scheme: {value[:64]!r}")
        made.proto = value.lower()


def node(value: bytes) -> Node:
    """A node identifier, unquoted (RFC 7239 section 6); ValueError when it is not well formed."""
    found = _NODE.fullmatch(value)
    if found is None:
        raise ValueError(f"not a node: {value[:64]!r}")
    v4, v6, other, port = found.groups()
    text = "" if port is None else port.decode("ascii")
    if text.isdigit() and int(text) > 65535:
        raise ValueError(f"not a port: {text}")
    if other is not None:
        name = other.decode("ascii")
        return Node(name if name[0] == "_" else "unknown", text)
    ip = packed((v4 or v6).decode("ascii"))
    if ip is None or (v4 is None and b":" not in v6):
        raise ValueError(f"not an address: {value[:64]!r}")
    return Node(written(ip), text, True)


def write(client: str, *, host: bytes = b"", proto: bytes = b"", by: str = "") -> bytes:
    """One element, with whatever is not empty; `client` and `by` are IP addresses.

    `client` that is empty is written as `unknown`.
    """
    parts = [b"for=" + _node(client)]
    if by:
        parts.append(b"by=" + _node(by))
    if host:
        parts.append(b"host=" + _value(host))
    if proto:
        parts.append(b"proto=" + _value(proto))
    return b";".join(parts)


def _node(ip: str) -> bytes:
    if ":" in ip:
        return b'"[' + ip.encode("ascii") + b']"'
    return ip.encode("ascii") or b"unknown"


def _value(text: bytes) -> bytes:
    if _PLAIN.fullmatch(text) is not None:
        return text
    return b'"' + _TO_ESCAPE.sub(rb"\\\1", text) + b'"'
