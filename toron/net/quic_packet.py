"""What QUIC answers without a connection: other versions, clients to be proved, packets of nobody."""

from __future__ import annotations

import hmac
import os
from hashlib import sha256

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from toron.wire.quic import LONG, LongHeader, varint

ID_LENGTH = 8
"""Bytes of the connection ids that we choose: packets with a short header do not say how long they are."""
VERSION_1 = b"\0\0\0\1"

_RETRY = 0xF0
_RESET_LEAST = 21
"""Bytes of a stateless reset, at least (RFC 9000 section 10.3)."""
_RESET_USUAL = 42
_INTEGRITY = AESGCM(bytes.fromhex("be0c690b9f66575a1d766b54e368c84e"))
_INTEGRITY_NONCE = bytes.fromhex("461599d35d632bf2239825bb")
"""Of Retry packets (RFC 9001 section 5.8)."""


def destination(data: bytes) -> bytes:
    """The connection id a packet is sent to; empty where there can be none."""
    if not data:
        return b""
    if data[0] & LONG:
        return data[6 : 6 + data[5]] if len(data) > 6 else b""
    return data[1 : 1 + ID_LENGTH]


def token(header: LongHeader, data: bytes) -> bytes:
    """The token of an Initial packet, with which the client proves its address (RFC 9000 section 17.2.2)."""
    try:
        length, at = varint(data, header.end)
    except ValueError:
        return b""
    return data[at : at + length]


def version_negotiation(header: LongHeader) -> bytes:
    """The answer to a version that is not spoken here (RFC 9000 section 17.2.1)."""
    first = bytes((LONG | os.urandom(1)[0],))
    return b"".join((first, bytes(4), _ids(header.scid, header.dcid), VERSION_1))


def retry(header: LongHeader, source: bytes, token: bytes) -> bytes:
    """Ask the client to come again with a token, to the id `source` (RFC 9000 section 17.2.5)."""
    first = bytes((_RETRY | os.urandom(1)[0] & 0x0F,))
    packet = b"".join((first, VERSION_1, _ids(header.scid, source), token))
    pseudo = bytes((len(header.dcid),)) + header.dcid + packet
    return packet + _INTEGRITY.encrypt(_INTEGRITY_NONCE, b"", pseudo)


def _ids(target: bytes, source: bytes) -> bytes:
    return b"".join((bytes((len(target),)), target, bytes((len(source),)), source))


def reset_token(key: bytes, connection_id: bytes) -> bytes:
    """What proves that a stateless reset of this connection comes from us (RFC 9000 section 10.3.2)."""
    return hmac.digest(key, connection_id, sha256)[:16]


def stateless_reset(key: bytes, data: bytes) -> bytes:
    """The answer to a packet of a connection that is not here any more; empty where none may be given.

    It is smaller than the packet, so two that know nothing of each other stop soon.
    """
    size = min(_RESET_USUAL, len(data) - 1)
    if size < _RESET_LEAST or data[0] & LONG:
        return b""
    noise = os.urandom(size - 16)
    return bytes((noise[0] & 0x3F | 0x40,)) + noise[1:] + reset_token(key, destination(data))
