"""QPACK for requests that the encoder of `qh3` refuses: large values, and bytes that are no UTF-8."""

from __future__ import annotations

from typing import Any

from qh3._hazmat import QpackEncoder

_MOST = 4096
"""Bytes of a value that the package encodes."""


def _refused(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return True
    return len(value) > _MOST


class Encoder:
    """The package's encoder, but for fields that it cannot: they are literals (RFC 9204 section 4.5.6)."""

    def __init__(self) -> None:
        self._encoder = QpackEncoder()

    def encode(self, stream: int, fields: list[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
        """What goes on the encoder's stream, and the field section."""
        if not any(_refused(value) for _, value in fields):
            return self._encoder.encode(stream, fields)
        # No entry of a table is needed: the required insert count and the base are 0.
        lines = [_number(name, 3, 0x20) + name + _number(value, 7, 0) + value for name, value in fields]
        return b"", b"\0\0" + b"".join(lines)

    def apply_settings(self, **settings: Any) -> bytes:
        """What the other side allows."""
        return self._encoder.apply_settings(**settings)

    def feed_decoder(self, data: bytes) -> None:
        """What the other side's decoder says."""
        self._encoder.feed_decoder(data)


def _number(text: bytes, bits: int, mark: int) -> bytes:
    """The length of a text, behind a mark in the byte's first bits (RFC 7541 section 5.1)."""
    size, most = len(text), (1 << bits) - 1
    if size < most:
        return bytes([mark | size])
    written = bytearray([mark | most])
    size -= most
    while size >= 0x80:
        written.append(0x80 | size & 0x7F)
        size >>= 7
    return bytes([*written, size])
