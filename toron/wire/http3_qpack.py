"""Field sections as HTTP/3 writes them (QPACK, RFC 9204), without a dynamic table on either side.

A section can then be read by itself: none waits for another stream, and a connection has no table that a
client could fill.
"""

from __future__ import annotations

from typing import Final

from toron.wire.headers import Field
from toron.wire.hpack_decoder import HpackError, TooLarge, integer, string
from toron.wire.hpack_encoder import prefixed
from toron.wire.http3_qpack_table import NAMES, PLACES, STATIC

_PREFIX: Final = b"\0\0"
"""Of a section that names no entry of a dynamic table (section 4.5.1)."""


def decode(section: bytes, most: int) -> list[Field]:
    """The fields of a whole section, in order.

    Raises HpackError, or TooLarge when names and values are more than `most` bytes.
    """
    required, at = _index(section, 0, 0xFF)
    if required:
        raise HpackError("an entry of the dynamic table")
    if at < len(section) and section[at] & 0x80:
        raise HpackError("a base below zero")
    _, at = _index(section, at, 0x7F)
    fields: list[Field] = []
    end = len(section)
    left = most
    while at < end:
        first = section[at]
        if first & 0xC0 == 0xC0:
            index, at = _index(section, at, 0x3F)
            field = _entry(index)
        elif first & 0xD0 == 0x50:
            index, at = _index(section, at, 0x0F)
            value, at = string(section, at, 0x80)
            field = (_entry(index)[0], value)
        elif first & 0xE0 == 0x20:
            name, at = string(section, at, 0x08)
            value, at = string(section, at, 0x80)
            field = (name, value)
        else:
            raise HpackError("an entry of the dynamic table")
        left -= len(field[0]) + len(field[1])
        if left < 0:
            raise TooLarge(f"more than {most} bytes")
        fields.append(field)
    return fields


def _entry(index: int) -> Field:
    if index >= len(STATIC):
        raise HpackError(f"no entry {index}")
    return STATIC[index]


def _index(section: bytes, at: int, most: int) -> tuple[int, int]:
    """An integer whose prefix holds up to `most`, and where it ends (section 4.1.1)."""
    if at >= len(section):
        raise HpackError("the section ends too soon")
    index = section[at] & most
    return integer(section, at + 1, index) if index == most else (index, at + 1)


class _Lines(dict[Field, bytes]):
    """Field lines: of the same few hundred fields, over and over."""

    def __missing__(self, field: Field) -> bytes:
        line = _line(field)
        if len(line) <= 256:
            if len(self) >= 4096:
                # Somebody makes them up. Those that are in use come back by themselves.
                self.clear()
            self[field] = line
        return line


def _line(field: Field) -> bytes:
    """One field as it is written (section 4.5)."""
    name, value = field
    place = PLACES.get(field)
    if place is not None:
        return prefixed(place, 0x3F, 0xC0)
    index = NAMES.get(name)
    said = prefixed(len(name), 0x07, 0x20) + name if index is None else prefixed(index, 0x0F, 0x50)
    return said + prefixed(len(value), 0x7F, 0) + value


_said: Final = _Lines().__getitem__


def encode(fields: list[Field]) -> bytes:
    """The section for these fields. What is in them is not looked at."""
    return _PREFIX + b"".join(map(_said, fields))
