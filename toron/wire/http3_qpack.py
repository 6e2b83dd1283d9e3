"""Field sections as HTTP/3 writes them (QPACK, RFC 9204), without a dynamic table on either side.

A section can then be read by itself: none waits for another stream, and a connection has no table that a
client could fill.
"""

from __future__ import annotations

from typing import Final

from toron.wire import hpack_huffman
from toron.wire.headers import Field
from toron.wire.http3_qpack_table import NAMES, PLACES, STATIC

_PREFIX: Final = b"\0\0"
"""Of a section that names no entry of a dynamic table (section 4.5.1)."""
_INTEGER_MOST: Final = 1 << 21
"""No index or length is larger: a section never has so many bytes."""


class QpackError(Exception):
    """A section that can not be read."""


class TooLarge(Exception):
    """The section is larger than allowed; the rest of it was not looked at."""


def decode(section: bytes, most: int) -> list[Field]:
    """The fields of a whole section, in order.

    Raises QpackError, or TooLarge when names and values are more than `most` bytes.
    """
    required, at = _integer(section, 0, 0xFF)
    if required:
        raise QpackError("an entry of the dynamic table")
    if at < len(section) and section[at] & 0x80:
        raise QpackError("a base below zero")
    _, at = _integer(section, at, 0x7F)
    fields: list[Field] = []
    end = len(section)
    left = most
    while at < end:
        first = section[at]
        if first & 0xC0 == 0xC0:
            index, at = _integer(section, at, 0x3F)
            field = _entry(index)
        elif first & 0xD0 == 0x50:
            index, at = _integer(section, at, 0x0F)
            value, at = _string(section, at, 0x80)
            field = (_entry(index)[0], value)
        elif first & 0xE0 == 0x20:
            name, at = _string(section, at, 0x08)
            value, at = _string(section, at, 0x80)
            field = (name, value)
        else:
            raise QpackError("an entry of the dynamic table")
        left -= len(field[0]) + len(field[1])
        if left < 0:
            raise TooLarge(f"more than {most} bytes")
        fields.append(field)
    return fields


def _entry(index: int) -> Field:
    if index >= len(STATIC):
        raise QpackError(f"no entry {index}")
    return STATIC[index]


def _integer(data: bytes, at: int, most: int) -> tuple[int, int]:
    """An integer whose prefix holds up to `most`, and where it ends (RFC 7541 section 5.1)."""
    if at >= len(data):
        raise QpackError("the section ends too soon")
    number = data[at] & most
    at += 1
    if number < most:
        return number, at
    shift = 0
    while at < len(data):
        octet = data[at]
        at += 1
        number += (octet & 0x7F) << shift
        if number > _INTEGER_MOST or shift > 21:
            raise QpackError("an integer too large")
        if octet < 0x80:
            return number, at
        shift += 7
    raise QpackError("the section ends within an integer")


def _string(data: bytes, at: int, huffman: int) -> tuple[bytes, int]:
    """A string whose bit `huffman` says how it is coded, and where it ends (section 4.1.2)."""
    if at >= len(data):
        raise QpackError("the section ends before a string")
    coded = data[at] & huffman
    size, at = _integer(data, at, huffman - 1)
    end = at + size
    if end > len(data):
        raise QpackError("the section ends within a string")
    text = data[at:end]
    if coded:
        try:
            text = hpack_huffman.decode(text)
        except ValueError as error:
            raise QpackError(str(error)) from None
    return text, end


def _number(number: int, most: int, flags: int) -> bytes:
    """An integer with a prefix that holds up to `most`, and flags above it."""
    if number < most:
        return bytes((flags | number,))
    octets = [flags | most]
    number -= most
    while number >= 0x80:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    octets.append(number)
    return bytes(octets)


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
        return _number(place, 0x3F, 0xC0)
    index = NAMES.get(name)
    said = _number(len(name), 0x07, 0x20) + name if index is None else _number(index, 0x0F, 0x50)
    return said + _number(len(value), 0x7F, 0) + value


_said: Final = _Lines().__getitem__


def encode(fields: list[Field]) -> bytes:
    """The section for these fields. What is in them is not looked at."""
    return _PREFIX + b"".join(map(_said, fields))
