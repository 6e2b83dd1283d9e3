"""Reads a TLS ClientHello from the first bytes of a stream, which are left as they came."""

from __future__ import annotations

import re
from dataclasses import dataclass
from struct import Struct, unpack

from toron.wire.events import Malformed

MOST = 16 << 10
"""Bytes of the stream within which the ClientHello must be whole, record headers included."""

_HANDSHAKE = 22
_CLIENT_HELLO = 1
_RECORD_HEADER = 5
_RECORD_MOST = 1 << 14
_SERVER_NAME, _SIGNATURE_ALGORITHMS, _ALPN, _SUPPORTED_VERSIONS = 0, 13, 16, 43
_HOST_NAME = 0
_EXTENSION = Struct("!HH")
_NAME = re.compile(rb"(?!.{254})[a-z0-9_-]{1,63}+(?:\.[a-z0-9_-]{1,63}+)*")


@dataclass(slots=True)
class ClientHello:
    """What a client says first (RFC 8446 section 4.1.2)."""

    sni: str = ""
    """The host name asked for, in lower case, without a trailing dot; empty when there is none."""
    alpn: tuple[bytes, ...] = ()
    """The protocols it speaks inside, best first (RFC 7301)."""
    versions: tuple[int, ...] = ()
    """As in supported_versions (0x0304 is TLS 1.3), else the legacy version alone."""
    suites: tuple[int, ...] = ()
    """The cipher suites it knows, best first."""
    schemes: tuple[int, ...] = ()
    """The signature schemes it verifies, best first (RFC 8446 section 4.2.3); empty where it does not say."""


class Peek:
    """Takes a stream's first bytes until they hold a ClientHello, in one pass over any split."""

    __slots__ = ("_at", "_left", "_message", "held")

    def __init__(self) -> None:
        self.held = bytearray()
        """Every byte that came, unaltered: what a relay has to send first."""
        self._at = 0
        self._left = 0
        self._message = bytearray()

    def feed(self, data: bytes) -> ClientHello | None:
        """Some more of the stream; the hello once it is whole, None while it is not.

        Raises Malformed as soon as it is certain that there will be none within `MOST` bytes.
        """
        held, message = self.held, self._message
        held += data
        size = min(len(held), MOST)
        while self._at < size:
            if not self._left:
                self._left = _record(held[self._at : self._at + _RECORD_HEADER])
                if not self._left:
                    break
                self._at += _RECORD_HEADER
            piece = held[self._at : min(self._at + self._left, size)]
            message += piece
            self._left -= len(piece)
            self._at += len(piece)
            end = _whole(message)
            if end:
                return _hello(bytes(message[4:end]))
        if size == MOST:
            raise _bad("not whole within 16 KiB")
        return None

    def parse(self, data: bytes) -> ClientHello | None:
        """As `feed`, given all bytes so far: only those not seen before are looked at."""
        return self.feed(data[len(self.held) :])


def parse(data: bytes) -> ClientHello | None:
    """The ClientHello in a stream's first bytes, all of them so far; None while more is needed.

    Raises Malformed as `Peek.feed` does. It begins anew at each call: for a stream that comes in
    pieces use one `Peek`, or a client with small pieces and small records makes us work for seconds.
    """
    return Peek().feed(data[:MOST])


def message(data: bytes) -> ClientHello | None:
    """The ClientHello that handshake messages without records begin with (RFC 9001 section 4.1.3).

    None while more is needed; raises Malformed as `Peek.feed` does.
    """
    end = _whole(data)
    return _hello(bytes(data[4:end])) if end else None


def _whole(message: bytes | bytearray) -> int:
    """Where the message ends that these bytes begin with, 0 while it is not whole."""
    if message and message[0] != _CLIENT_HELLO:
        raise _bad("the first handshake message is not a ClientHello")
    if len(message) < 4:
        return 0
    end = 4 + int.from_bytes(message[1:4], "big")
    if end > MOST - _RECORD_HEADER:
        raise _bad("larger than 16 KiB")
    return end if len(message) >= end else 0


def _bad(detail: str) -> Malformed:
    return Malformed("client_hello_bad", detail)


def _record(header: bytearray) -> int:
    """The length a record header announces (RFC 8446 section 5.1), 0 while it is not whole.

    Each byte is judged when it is there: a client that speaks another protocol is not waited for.
    """
    size = len(header)
    if header[0] != _HANDSHAKE:
        raise _bad("not a TLS handshake record")
    if (size > 1 and header[1] != 3) or (size > 2 and header[2] > 3):
        raise _bad("not a record version of SSL 3.0 to TLS 1.2")
    if size < _RECORD_HEADER:
        return 0
    length = header[3] << 8 | header[4]
    if not 0 < length <= _RECORD_MOST:
        raise _bad("a handshake record is empty or too long")
    return length


def _vector(data: bytes, at: int, width: int) -> tuple[bytes, int]:
    """A vector whose length takes `width` bytes at `at` (RFC 8446 section 3.4), and where it ends."""
    start = at + width
    end = start + int.from_bytes(data[at:start], "big")
    if start > len(data) or end > len(data):
        raise _bad("a length leads beyond the end")
    return data[start:end], end


def _hello(body: bytes) -> ClientHello:
    session, at = _vector(body, 34, 1)
    suites, at = _vector(body, at, 2)
    methods, at = _vector(body, at, 1)
    if len(session) > 32 or not suites or len(suites) % 2 or not methods:
        raise _bad("the session, cipher suites or compression methods are not well formed")
    hello = ClientHello(versions=(body[0] << 8 | body[1],), suites=unpack(f"!{len(suites) // 2}H", suites))
    if at == len(body):
        return hello
    block, at = _vector(body, at, 2)
    if at != len(body):
        raise _bad("something follows the extensions")
    found = _extensions(block)
    if (value := found.get(_SERVER_NAME)) is not None:
        hello.sni = _server_name(value)
    if (value := found.get(_ALPN)) is not None:
        hello.alpn = _alpn(value)
    if (value := found.get(_SUPPORTED_VERSIONS)) is not None:
        hello.versions = _versions(value)
    if (value := found.get(_SIGNATURE_ALGORITHMS)) is not None:
        hello.schemes = _schemes(value)
    return hello


def _extensions(block: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at, size = 0, len(block)
    while at < size:
        if size - at < 4:
            raise _bad("an extension is cut short")
        kind, length = _EXTENSION.unpack_from(block, at)
        start = at + 4
        at = start + length
        if at > size:
            raise _bad("an extension is cut short")
        if kind in found:
            raise _bad("an extension is there twice")
        found[kind] = block[start:at]
    return found


def _server_name(value: bytes) -> str:
    """RFC 6066 section 3: one host name; names of other types are passed over."""
    names, end = _vector(value, 0, 2)
    if end != len(value) or not names:
        raise _bad("the server name list is not well formed")
    found: bytes | None = None
    at = 0
    while at < len(names):
        kind = names[at]
        name, at = _vector(names, at + 1, 2)
        if kind == _HOST_NAME:
            if found is not None:
                raise _bad("there are two host names")
            found = name.lower().removesuffix(b".")
            if _NAME.fullmatch(found) is None:
                raise _bad("the server name is not a host name")
    return "" if found is None else found.decode("ascii")


def _alpn(value: bytes) -> tuple[bytes, ...]:
    """RFC 7301 section 3.1: at least one name, none of them empty."""
    listed, end = _vector(value, 0, 2)
    names: list[bytes] = []
    at = 0
    while at < len(listed):
        name, at = _vector(listed, at, 1)
        names.append(name)
    if end != len(value) or not names or not all(names):
        raise _bad("the protocol name list is not well formed")
    return tuple(names)


def _versions(value: bytes) -> tuple[int, ...]:
    """RFC 8446 section 4.2.1: values nobody knows (RFC 8701) stay among them."""
    listed, end = _vector(value, 0, 1)
    if end != len(value) or not listed or len(listed) % 2:
        raise _bad("the supported versions are not well formed")
    return unpack(f"!{len(listed) // 2}H", listed)


def _schemes(value: bytes) -> tuple[int, ...]:
    """RFC 8446 section 4.2.3: at least one."""
    listed, end = _vector(value, 0, 2)
    if end != len(value) or not listed or len(listed) % 2:
        raise _bad("the signature algorithms are not well formed")
    return unpack(f"!{len(listed) // 2}H", listed)
