"""The PROXY protocol, versions 1 and 2: who a connection is really from, said before its first byte."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from toron.wire.addresses import MAPPED, packed, written
from toron.wire.events import Malformed

Address = tuple[str, int]
"""An IP address (IPv4 also where it came mapped into IPv6), and a port."""

ALPN, AUTHORITY, CRC32C, NOOP, UNIQUE_ID, SSL, NETNS = 0x01, 0x02, 0x03, 0x04, 0x05, 0x20, 0x30
"""The types of the extensions (TLVs) of version 2, section 2.2."""
SSL_VERSION, SSL_CN, SSL_CIPHER, SSL_SIG_ALG, SSL_KEY_ALG = 0x21, 0x22, 0x23, 0x24, 0x25
"""The types inside the SSL extension."""
CLIENT_SSL, CLIENT_CERT_CONN, CLIENT_CERT_SESS = 0x01, 0x02, 0x04
"""The flags of the SSL extension's `client`."""

MOST_V1 = 107
"""Bytes of a version 1 header, CR LF included."""
MOST_V2 = 4 << 10
"""Bytes after the fixed part of a version 2 header: far more than any sender has to say."""

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_V1 = re.compile(
    rb"PROXY (TCP[46]) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) (0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4})"
)
_LOCAL, _PROXY = 0x20, 0x21
_WIDTHS = {0x11: 4, 0x12: 4, 0x21: 16, 0x22: 16}
"""Bytes of one address, by family and transport."""
_UNSPEC, _UNIX, _UNIX_BYTES = 0x00, (0x31, 0x32), 216


@dataclass(slots=True)
class ProxySsl:
    """What the sender says of the client's TLS (section 2.2.6)."""

    client: int
    """`CLIENT_SSL`, `CLIENT_CERT_CONN` and `CLIENT_CERT_SESS`, ored."""
    verified: bool
    """The client showed a certificate, and it was found good."""
    version: str = ""
    common_name: str = ""
    tlvs: dict[int, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class ProxyHeader:
    """A header as it was received; a `local` one says nothing: the peer's own address holds."""

    local: bool
    source: Address = ("", 0)
    destination: Address = ("", 0)
    tlvs: dict[int, bytes] = field(default_factory=dict)
    """By type; the first where one is repeated, without padding."""
    ssl: ProxySsl | None = None

    @property
    def alpn(self) -> bytes:
        """The protocol spoken on the connection, empty when it was not said."""
        return self.tlvs.get(ALPN, b"")

    @property
    def authority(self) -> str:
        """The host name the client asked for (its SNI), empty when it was not said."""
        return self.tlvs.get(AUTHORITY, b"").decode("utf-8", "replace")

    @property
    def unique_id(self) -> bytes:
        """What the sender calls this connection, empty when it was not said."""
        return self.tlvs.get(UNIQUE_ID, b"")


def parse(data: bytes) -> tuple[ProxyHeader, int] | None:
    """The header a stream begins with, and how many bytes it took; None while more is needed.

    Raises Malformed as soon as it is certain that the stream does not begin with one.
    """
    if data.startswith(_SIGNATURE):
        return _parse_v2(data)
    if data.startswith(b"PROXY "):
        return _parse_v1(data)
    if _SIGNATURE.startswith(data) or b"PROXY ".startswith(data):
        return None
    raise _bad("the connection does not begin with a PROXY header")


def _bad(detail: str) -> Malformed:
    return Malformed("proxy_header_bad", detail)


def _parse_v1(data: bytes) -> tuple[ProxyHeader, int] | None:
    newline = data.find(b"\n", 0, MOST_V1)
    if newline < 0:
        if len(data) >= MOST_V1:
            raise _bad("version 1: no line end within 107 bytes")
        return None
    line = data[: newline - 1]
    if data[newline - 1] != 13 or b"\r" in line:
        raise _bad("version 1: the line does not end with CR LF")
    taken = newline + 1
    if line == b"PROXY UNKNOWN" or line.startswith(b"PROXY UNKNOWN "):
        return ProxyHeader(local=True), taken
    found = _V1.fullmatch(line)
    if found is None:
        raise _bad("version 1: the line is not well formed")
    kind, source, destination, source_port, destination_port = found.groups()
    ports = int(source_port), int(destination_port)
    if max(ports) > 65535:
        raise _bad("version 1: a port is above 65535")
    from_ip, to_ip = packed(source.decode("ascii")), packed(destination.decode("ascii"))
    if not (b":" in source) == (b":" in destination) == (kind == b"TCP6") or from_ip is None or to_ip is None:
        raise _bad("version 1: not an address of that family")
    return ProxyHeader(False, (written(from_ip), ports[0]), (written(to_ip), ports[1])), taken


def _parse_v2(data: bytes) -> tuple[ProxyHeader, int] | None:
    size = len(data)
    if size > 12 and data[12] not in (_LOCAL, _PROXY):
        raise _bad("version 2: an unknown version or command")
    if size < 16:
        return None
    length = data[14] << 8 | data[15]
    if length > MOST_V2:
        raise _bad("version 2: longer than 4 KiB")
    taken = 16 + length
    if size < taken:
        return None
    kind = data[13]
    if data[12] == _LOCAL or kind == _UNSPEC:
        # Section 2.2: the whole block is discarded, whatever is in it.
        return ProxyHeader(local=True), taken
    if kind in _UNIX:
        header, at = ProxyHeader(local=True), 16 + _UNIX_BYTES
    elif kind in _WIDTHS:
        width = _WIDTHS[kind]
        ports = 16 + 2 * width
        at = ports + 4
        if at <= taken:
            header = ProxyHeader(
                False,
                (written(data[16 : 16 + width]), data[ports] << 8 | data[ports + 1]),
                (written(data[16 + width : ports]), data[ports + 2] << 8 | data[ports + 3]),
            )
    else:
        raise _bad("version 2: an unknown address family or transport")
    if at > taken:
        raise _bad("version 2: too short for its addresses")
    if at < taken:
        _extend(header, data[:taken], at)
    return header, taken


def _walk(data: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """The type, start and end of each TLV from `at` to the end."""
    while at < len(data):
        start = at + 3
        end = start + int.from_bytes(data[at + 1 : start], "big")
        if start > len(data) or end > len(data):
            raise _bad("version 2: an extension leads beyond the end")
        yield data[at], start, end
        at = end


def _extend(header: ProxyHeader, data: bytes, at: int) -> None:
    tlvs = header.tlvs
    for kind, start, end in _walk(data, at):
        if kind == NOOP or kind in tlvs:
            continue
        value = tlvs[kind] = data[start:end]
        if kind == CRC32C and (
            len(value) != 4 or int.from_bytes(value, "big") != crc32c(data[:start] + bytes(4) + data[end:])
        ):
            raise _bad("version 2: the checksum is wrong")
        if kind == UNIQUE_ID and len(value) > 128:
            raise _bad("version 2: the unique id is longer than 128 bytes")
        if kind == SSL:
            header.ssl = _ssl(value)


def _ssl(value: bytes) -> ProxySsl:
    if len(value) < 5:
        raise _bad("version 2: the SSL extension is cut short")
    tlvs: dict[int, bytes] = {}
    for kind, start, end in _walk(value, 5):
        tlvs.setdefault(kind, value[start:end])
    return ProxySsl(
        value[0],
        not any(value[1:5]) and bool(value[0] & (CLIENT_CERT_CONN | CLIENT_CERT_SESS)),
        tlvs.get(SSL_VERSION, b"").decode("ascii", "replace"),
        tlvs.get(SSL_CN, b"").decode("utf-8", "replace"),
        tlvs,
    )


def _table() -> tuple[int, ...]:
    made = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        made.append(value)
    return tuple(made)


_TABLE = _table()


def crc32c(data: bytes) -> int:
    """The Castagnoli checksum (RFC 9260 appendix A) of some bytes."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _pair(source: Address | None, destination: Address | None) -> tuple[bytes, bytes] | None:
    """Both addresses in one family: an IPv4 one is mapped where the other is not (RFC 4291 2.5.5.2)."""
    ends = [packed(address[0]) for address in (source, destination) if address is not None]
    known = [end for end in ends if end is not None]
    if len(known) != 2:
        return None
    if len(known[0]) != len(known[1]):
        known = [MAPPED + end if len(end) == 4 else end for end in known]
    return known[0], known[1]


def _text(ip: bytes) -> str:
    if len(ip) == 16 and ip.startswith(MAPPED):
        # Section 2.1 knows no dots in an IPv6 address.
        return f"::ffff:{ip[12:14].hex()}:{ip[14:].hex()}"
    return written(ip)


def header_v1(source: Address | None, destination: Address | None) -> bytes:
    """A version 1 header; UNKNOWN when one of them is not an IP address."""
    pair = _pair(source, destination)
    if pair is None or source is None or destination is None:
        return b"PROXY UNKNOWN\r\n"
    ends = f"{_text(pair[0])} {_text(pair[1])} {source[1]} {destination[1]}"
    return f"PROXY TCP{4 if len(pair[0]) == 4 else 6} {ends}\r\n".encode("ascii")


def header_v2(
    source: Address | None,
    destination: Address | None,
    *,
    stream: bool = True,
    local: bool = False,
    tlvs: Iterable[tuple[int, bytes]] = (),
) -> bytes:
    """A version 2 header with its TLVs (type, value); `local` is for connections of our own.

    Addresses that are not IP addresses leave the family unspecified. OverflowError when a TLV or
    the header is longer than 65,535 bytes.
    """
    pair = None if local else _pair(source, destination)
    kind, block = _UNSPEC, b""
    if pair is not None and source is not None and destination is not None:
        kind = (0x10 if len(pair[0]) == 4 else 0x20) | (1 if stream else 2)
        block = pair[0] + pair[1] + source[1].to_bytes(2, "big") + destination[1].to_bytes(2, "big")
    for type_, value in tlvs:
        block += bytes((type_,)) + len(value).to_bytes(2, "big") + value
    command = _LOCAL if local else _PROXY
    return _SIGNATURE + bytes((command, kind)) + len(block).to_bytes(2, "big") + block
