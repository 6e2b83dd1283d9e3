"""Reads the ClientHello out of a QUIC client's first datagrams, whose keys everybody can derive."""

from __future__ import annotations

import hmac
import re
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from toron.wire import clienthello
from toron.wire.clienthello import MOST, ClientHello
from toron.wire.events import Malformed
from toron.wire.quic import (
    HANDSHAKE,
    INITIAL,
    VERSION_1,
    VERSION_2,
    ZERO_RTT,
    LongHeader,
    long_header,
    varint,
)

ID_LEAST = 8
"""Bytes of the connection id that a client makes up for a server, at least (RFC 9000 section 7.2)."""

SMALLEST = 1200
"""Bytes of a datagram with an Initial packet, at least (RFC 9000 section 14.1)."""

PACKETS = 8
"""Packets of one datagram that are looked at."""

FRAMES = 512
"""Frames of one connection (a run of PADDING is one, each range of an ACK too) that are looked at."""

_DERIVED = {
    VERSION_1: (bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"), b"quic "),
    VERSION_2: (bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"), b"quicv2 "),
}
"""The salt and the labels' beginning (RFC 9001 section 5.2, RFC 9369 section 3.3)."""

_PADDING, _PING, _ACK, _ACK_ECN, _CRYPTO, _CLOSE = 0x00, 0x01, 0x02, 0x03, 0x06, 0x1C
_PADDED = re.compile(rb"\0+")
_TAG = 16
_SAMPLE = 16
_NUMBER_MOST = 4


def _expand(secret: bytes, label: bytes, size: int) -> bytes:
    """HKDF-Expand-Label (RFC 8446 section 7.1) with SHA-256, for at most one block of it."""
    label = b"tls13 " + label
    info = size.to_bytes(2, "big") + bytes((len(label),)) + label + b"\0"
    return hmac.digest(secret, info + b"\1", "sha256")[:size]


class InitialKeys:
    """What a client protects its Initial packets with (RFC 9001 section 5.2)."""

    __slots__ = ("_mask", "_open", "hp", "iv", "key")

    def __init__(self, version: int, dcid: bytes) -> None:
        """`dcid` is the first connection id that the client sent to; KeyError for an unknown version."""
        salt, prefix = _DERIVED[version]
        secret = _expand(hmac.digest(salt, dcid, "sha256"), b"client in", 32)
        self.key = _expand(secret, prefix + b"key", 16)
        self.iv = _expand(secret, prefix + b"iv", 12)
        self.hp = _expand(secret, prefix + b"hp", 16)
        # For single blocks, as RFC 9001 section 5.4.3 has it.
        self._mask: Any = Cipher(algorithms.AES(self.hp), modes.ECB()).encryptor()
        self._open = AESGCM(self.key)

    def open(self, packet: bytes, at: int) -> bytes | None:
        """The frames of a packet whose number begins at `at`; None when it is not protected by these keys."""
        sample = packet[at + _NUMBER_MOST : at + _NUMBER_MOST + _SAMPLE]
        if len(sample) < _SAMPLE:
            return None
        mask = self._mask.update(sample)
        first = packet[0] ^ mask[0] & 0x0F
        width = (first & 3) + 1
        end = at + width
        number = bytes(a ^ b for a, b in zip(packet[at:end], mask[1:], strict=False))
        # The first flight: no number is far enough from zero to have lost its upper bytes.
        nonce = int.from_bytes(self.iv, "big") ^ int.from_bytes(number, "big")
        head = bytes((first,)) + packet[1:at] + number
        try:
            return self._open.decrypt(nonce.to_bytes(12, "big"), packet[end:], head)
        except (InvalidTag, ValueError):
            return None


class InitialPeek:
    """Takes the first datagrams of one connection until their CRYPTO frames hold a ClientHello.

    The frames may come in any order, split, twice and overlapping, over any number of packets; what
    is not protected as it should be is passed over, for anybody could have sent it.
    """

    __slots__ = ("_dcid", "_frames", "_keys", "_message", "_there", "_version", "opened")

    def __init__(self, version: int, dcid: bytes) -> None:
        """`dcid` is the first connection id that the client sent to; KeyError for an unknown version."""
        self._version = version
        self._dcid = dcid
        self._keys = InitialKeys(version, dcid)
        self._message = bytearray()
        self._there = bytearray()
        """0xff for each byte of the message that has come."""
        self._frames = 0
        self.opened = 0
        """Packets that could be decrypted."""

    @property
    def size(self) -> int:
        """Bytes of memory that pieces take."""
        return len(self._message) + len(self._there)

    def feed(self, datagram: bytes) -> ClientHello | None:
        """One more datagram; the hello once it is whole, None while it is not.

        Raises Malformed as soon as it is certain that there will be none within `MOST` bytes.
        """
        try:
            for payload in self._payloads(datagram):
                self.opened += 1
                self._read(payload)
        except ValueError as error:
            raise _bad(str(error)) from None
        whole = self._there.find(0)
        return clienthello.message(bytes(self._message if whole < 0 else self._message[:whole]))

    def _payloads(self, datagram: bytes) -> list[bytes]:
        """What is in the Initial packets of a datagram, which may hold other packets too (RFC 9000, 12.2)."""
        found: list[bytes] = []
        at = 0
        for _ in range(PACKETS):
            header = long_header(datagram, at)
            if header is None or header.version != self._version or header.dcid != self._dcid:
                break
            if header.kind not in (INITIAL, ZERO_RTT, HANDSHAKE):
                break
            start = header.end
            try:
                if header.kind == INITIAL:
                    token, start = varint(datagram, start)
                    start += token
                length, start = varint(datagram, start)
            except ValueError:
                break
            end = start + length
            if end > len(datagram):
                break
            if header.kind == INITIAL:
                payload = self._keys.open(datagram[at:end], start - at)
                if payload is not None:
                    found.append(payload)
            at = end
        return found

    def _read(self, payload: bytes) -> None:
        """The frames that an Initial packet may have (RFC 9000 section 12.4); ValueError for others."""
        at, size = 0, len(payload)
        while at < size:
            kind = payload[at]
            self._count(1)
            if kind == _PADDING:
                padded = _PADDED.match(payload, at)
                at = size if padded is None else padded.end()
            elif kind == _PING:
                at += 1
            elif kind == _CRYPTO:
                offset, at = varint(payload, at + 1)
                length, at = varint(payload, at)
                if at + length > size:
                    raise ValueError("a CRYPTO frame is cut short")
                self._piece(offset, payload[at : at + length])
                at += length
            elif kind in (_ACK, _ACK_ECN):
                at = self._after_ack(payload, at)
            elif kind == _CLOSE:
                raise ValueError("the client closes the connection")
            else:
                raise ValueError("a frame that no Initial packet has")

    def _count(self, frames: int) -> None:
        self._frames += frames
        if self._frames > FRAMES:
            raise ValueError("too many frames")

    def _after_ack(self, payload: bytes, at: int) -> int:
        """Where an ACK frame ends (RFC 9000 section 19.3)."""
        kind = payload[at]
        _, at = varint(payload, at + 1)
        _, at = varint(payload, at)
        ranges, at = varint(payload, at)
        self._count(min(ranges, FRAMES))
        for _ in range(2 * ranges + (4 if kind == _ACK_ECN else 1)):
            _, at = varint(payload, at)
        return at

    def _piece(self, offset: int, data: bytes) -> None:
        """Put a piece of the message in its place; what came twice has to be the same."""
        end = offset + len(data)
        if end > MOST:
            raise ValueError("larger than 16 KiB")
        message, there = self._message, self._there
        if end > len(message):
            more = bytes(end - len(message))
            message += more
            there += more
        known = int.from_bytes(there[offset:end], "big")
        if known:
            differs = int.from_bytes(message[offset:end], "big") ^ int.from_bytes(data, "big")
            if differs & known:
                # Or what we read would not be what the server reads.
                raise ValueError("two pieces say different things")
        message[offset:end] = data
        there[offset:end] = b"\xff" * len(data)


def _bad(detail: str) -> Malformed:
    return Malformed("client_hello_bad", detail)


def begins(header: LongHeader, datagram: bytes) -> bool:
    """Whether a datagram with this header may be a connection's first, in a version that is known here."""
    return header.kind == INITIAL and len(header.dcid) >= ID_LEAST and len(datagram) >= SMALLEST
