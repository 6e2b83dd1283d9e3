"""Reads of QUIC packets what can be read without keys: versions, connection ids, lengths."""

from __future__ import annotations

from dataclasses import dataclass

VERSION_1 = 0x00000001
"""RFC 9000."""
VERSION_2 = 0x6B3343CF
"""RFC 9369."""

INITIAL, ZERO_RTT, HANDSHAKE, RETRY, UNKNOWN = 0, 1, 2, 3, 4
"""Kinds of long packets, in the numbers of version 1; UNKNOWN are those of other versions."""

LONG = 0x80
"""The bit of a packet's first byte that says which header it has (RFC 8999 section 5)."""

ID_MOST = 20
"""Bytes of a connection id in versions 1 and 2, at most (RFC 9000 section 17.2)."""

_KINDS = {
    VERSION_1: (INITIAL, ZERO_RTT, HANDSHAKE, RETRY),
    VERSION_2: (RETRY, INITIAL, ZERO_RTT, HANDSHAKE),
}
"""By the two bits of the first byte (RFC 9000 section 17.2, RFC 9369 section 3.2)."""


@dataclass(slots=True)
class LongHeader:
    """The start of a packet that belongs to no connection yet, or says what it is."""

    version: int
    """0 is Version Negotiation."""
    kind: int
    dcid: bytes
    """The connection id of who is to get it."""
    scid: bytes
    """The one of who has sent it."""
    end: int
    """Where in the datagram what the version defines begins."""


def long_header(data: bytes, at: int = 0) -> LongHeader | None:
    """The long header at `at`, in any version (RFC 8999 section 5.1); None when it is cut short.

    Also None for a longer connection id than versions 1 and 2 have, where it is one of these.
    """
    if len(data) < at + 7 or not data[at] & LONG:
        return None
    version = int.from_bytes(data[at + 1 : at + 5], "big")
    dcid_end = at + 6 + data[at + 5]
    if dcid_end >= len(data):
        return None
    end = dcid_end + 1 + data[dcid_end]
    if end > len(data):
        return None
    kinds = _KINDS.get(version)
    dcid, scid = data[at + 6 : dcid_end], data[dcid_end + 1 : end]
    if kinds is None:
        return LongHeader(version, UNKNOWN, dcid, scid, end)
    if len(dcid) > ID_MOST or len(scid) > ID_MOST:
        return None
    return LongHeader(version, kinds[data[at] >> 4 & 3], dcid, scid, end)


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of 1, 2, 4 or 8 bytes (RFC 9000 section 16), and where it ends; ValueError when it is cut."""
    if at >= len(data):
        raise ValueError("a number is missing")
    size = 1 << (data[at] >> 6)
    end = at + size
    if end > len(data):
        raise ValueError("a number is cut short")
    return int.from_bytes(data[at:end], "big") & (1 << (8 * size - 2)) - 1, end
