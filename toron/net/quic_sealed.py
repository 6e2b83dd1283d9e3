"""Adds frames to packets that are encrypted already, with the keys they were made with (RFC 9001)."""

from __future__ import annotations

import hmac
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

_SIZES = {"AES_128_GCM_SHA256": 16, "AES_256_GCM_SHA384": 32, "CHACHA20_POLY1305_SHA256": 32}
"""Bytes of a key, by cipher suite."""
_LONG, _PHASE = 0x80, 0x04
_SAMPLE, _TAG = 16, 16


def expand(secret: bytes, digest: str, label: bytes, size: int) -> bytes:
    """HKDF-Expand-Label with an empty context (RFC 8446 section 7.1)."""
    label = b"tls13 " + label
    info = size.to_bytes(2, "big") + bytes((len(label),)) + label + b"\0"
    made = block = b""
    count = 1
    while len(made) < size:
        block = hmac.digest(secret, block + info + bytes((count,)), digest)
        made += block
        count += 1
    return made[:size]


class Sealed:
    """The packets of one direction of a connection, after the handshake.

    Whoever adds to a packet must send that instead of it, and never both: they have the same nonce.
    """

    __slots__ = ("_aead", "_cipher", "_digest", "_header", "_iv", "_number", "_phase", "_secret")

    def __init__(self, cipher: str, secret: bytes) -> None:
        """`cipher` is the suite's name without `TLS_`, `secret` the first traffic secret."""
        self._cipher = cipher
        self._digest = "sha384" if cipher.endswith("384") else "sha256"
        self._header = expand(secret, self._digest, b"quic hp", _SIZES[cipher])
        self._phase = 0
        self._number = 0
        """About the number of the next packet."""
        self._use(secret)

    def _use(self, secret: bytes) -> None:
        self._secret = secret
        key = expand(secret, self._digest, b"quic key", _SIZES[self._cipher])
        self._iv = int.from_bytes(expand(secret, self._digest, b"quic iv", 12), "big")
        self._aead: Any = ChaCha20Poly1305(key) if self._cipher.startswith("CHACHA") else AESGCM(key)

    def passed(self, count: int) -> None:
        """So many packets went by as they are."""
        self._number += count

    def add(self, packet: bytes, id_length: int, frames: bytes) -> bytes:
        """The packet with frames at its end; unchanged where it can not be read.

        `id_length` is that of the connection id of the receiver.
        """
        self._number += 1
        start = 1 + id_length
        if packet[0] & _LONG or len(packet) < start + 4 + _SAMPLE:
            return packet
        mask = self._mask(packet[start + 4 : start + 4 + _SAMPLE])
        first = packet[0] ^ mask[0] & 0x1F
        size = (first & 3) + 1
        body = start + size
        shown = bytes(a ^ b for a, b in zip(packet[start:body], mask[1:], strict=False))
        header = bytes((first,)) + packet[1:start] + shown
        number = _nearest(int.from_bytes(shown, "big"), 8 * size, self._number)
        payload = self._opened(first, number, packet[body:], header)
        if payload is None:
            return packet
        self._number = number + 1
        nonce = (self._iv ^ number).to_bytes(12, "big")
        sealed: bytes = self._aead.encrypt(nonce, payload + frames, header)
        sample = 4 - size
        mask = self._mask(sealed[sample : sample + _SAMPLE])
        hidden = bytes(a ^ b for a, b in zip(shown, mask[1:], strict=False))
        return bytes((first ^ mask[0] & 0x1F,)) + packet[1:start] + hidden + sealed

    def _opened(self, first: int, number: int, body: bytes, header: bytes) -> bytes | None:
        """What is in a packet, with these keys or newer ones (RFC 9001 section 6); None without."""
        phase = 1 if first & _PHASE else 0
        before = self._secret
        for turns in (0, 2) if phase == self._phase else (1,):
            for _ in range(turns):
                self._use(expand(self._secret, self._digest, b"quic ku", len(self._secret)))
            try:
                payload: bytes = self._aead.decrypt((self._iv ^ number).to_bytes(12, "big"), body, header)
            except InvalidTag:
                continue
            self._phase = phase
            return payload
        self._use(before)
        return None

    def _mask(self, sample: bytes) -> bytes:
        """What hides the header (RFC 9001 section 5.4)."""
        if self._cipher.startswith("CHACHA"):
            sealer = Cipher(algorithms.ChaCha20(self._header, sample), None).encryptor()
            return sealer.update(bytes(5))
        sealer = Cipher(algorithms.AES(self._header), modes.ECB()).encryptor()
        return sealer.update(sample)[:5]


def _nearest(shown: int, bits: int, expected: int) -> int:
    """The packet number nearest to the expected one whose last bits are shown (RFC 9000 appendix A.3)."""
    span = 1 << bits
    number = expected & ~(span - 1) | shown
    if number + (span >> 1) <= expected:
        return number + span
    return number - span if number > expected + (span >> 1) and number >= span else number
