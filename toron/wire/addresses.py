"""IP addresses as bytes and as text, with one way to write each: IPv4 also where it was mapped."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

MAPPED = bytes(10) + b"\xff\xff"
"""What stands before the 4 bytes of an IPv4 address in an IPv6 one (RFC 4291 section 2.5.5.2)."""


def packed(ip: str) -> bytes | None:
    """4 or 16 bytes, 4 also for `::ffff:192.0.2.1`; a zone is dropped; None when it is no address."""
    try:
        if ":" not in ip:
            return IPv4Address(ip).packed
        value = IPv6Address(ip.partition("%")[0]).packed
    except ValueError:
        return None
    return value[12:] if value.startswith(MAPPED) else value


def written(value: bytes) -> str:
    """The shortest text for 4 or 16 bytes; ValueError for another number of them."""
    if len(value) == 16 and value.startswith(MAPPED):
        value = value[12:]
    if len(value) == 4:
        return ".".join(map(str, value))
    return str(IPv6Address(value))
