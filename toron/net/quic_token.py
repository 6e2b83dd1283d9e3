"""Retry tokens: how a client proves that it receives what is sent to its address."""

from __future__ import annotations

import os
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SECONDS = 10.0
"""How long a client has to come back with a token."""
_NONCE = 12
_MOST = 128
"""Bytes of a token, at most: ours are shorter."""


class RetryTokens:
    """Seals what has to be known of a client's first try, so nothing is kept (RFC 9000 section 8.1.2)."""

    def __init__(self, key: bytes) -> None:
        """`key` has 16 bytes."""
        self._seal = AESGCM(key)

    def make(self, address: tuple[str, int], source: bytes, original: bytes, now: float) -> bytes:
        """For a client that was told to come again to the id `source`, and came to `original` first."""
        nonce = os.urandom(_NONCE)
        text = struct.pack("!d", now + SECONDS) + original
        return nonce + self._seal.encrypt(nonce, text, _bound(address, source))

    def original(
        self, token: bytes, address: tuple[str, int], destination: bytes, now: float
    ) -> bytes | None:
        """The id the client came to first; None for a token that is not ours, not its own, or too old."""
        if not _NONCE < len(token) <= _MOST:
            return None
        try:
            text = self._seal.decrypt(token[:_NONCE], token[_NONCE:], _bound(address, destination))
        except InvalidTag:
            return None
        return text[8:] if struct.unpack("!d", text[:8])[0] >= now else None


def _bound(address: tuple[str, int], connection_id: bytes) -> bytes:
    return f"{address[0]} {address[1]} ".encode() + connection_id
