"""Reads header lists as HTTP/2 compresses them (HPACK, RFC 7541), strictly."""

from __future__ import annotations

from typing import Final

from toron.wire import hpack_huffman
from toron.wire.headers import Field
from toron.wire.hpack_table import OVERHEAD, OWN, STATIC, TABLE_MOST

_INTEGER_MOST: Final = 1 << 21
"""No index, size or length is larger: a block never has so many octets."""


class HpackError(Exception):
    """A block that cannot be read; after it no other of the connection can."""


class TooLarge(HpackError):
    """The list is larger than allowed; the rest of the block was not looked at."""


class Decoder:
    """Reads the blocks of one direction of a connection, in order."""

    __slots__ = ("_entries", "_limit", "_most", "_size")

    def __init__(self, most: int) -> None:
        """Lists of at most `most` octets, names and values counted alone."""
        self._most = most
        self._entries: list[Field] = []
        """The newest is the last."""
        self._size = 0
        self._limit = TABLE_MOST

    def decode(self, block: bytes) -> list[Field]:
        """The fields of a whole block, in order. HpackError when there is anything wrong with it."""
        fields: list[Field] = []
        end = len(block)
        at = self._read_updates(block, end)
        left = self._most
        while at < end:
            octet = block[at]
            if octet >= 0x80:
                index = octet & 0x7F
                at += 1
                if index == 0x7F:
                    index, at = integer(block, at, index)
                field = self._entry(index)
            else:
                field, at = self._literal(block, at, octet)
            left -= len(field[0]) + len(field[1])
            if left < 0:
                raise TooLarge(f"more than {self._most} octets")
            fields.append(field)
        return fields

    def _read_updates(self, block: bytes, end: int) -> int:
        """Follow the changes of the table's size that a block may begin with; where its fields begin.

        There are two at most: the smallest size there was since the last block, and the present one
        (section 4.2).
        """
        at = 0
        for _ in range(2):
            if at == end or block[at] & 0xE0 != 0x20:
                break
            size = block[at] & 0x1F
            at += 1
            if size == 0x1F:
                size, at = integer(block, at, size)
            if size > TABLE_MOST:
                raise HpackError(f"a table of {size} octets")
            self._limit = size
            self._evict()
        return at

    def _entry(self, index: int) -> Field:
        if index < OWN:
            if index == 0:
                raise HpackError("index 0")
            return STATIC[index - 1]
        back = index - OWN + 1
        if back > len(self._entries):
            raise HpackError(f"no entry {index}")
        return self._entries[-back]

    def _literal(self, block: bytes, at: int, octet: int) -> tuple[Field, int]:
        """A field with a value of its own, and where the next one begins (section 6.2)."""
        if octet & 0x40:
            most = 0x3F
        elif octet & 0x20:
            raise HpackError("a change of the table's size behind a field")
        else:
            most = 0x0F
        index = octet & most
        at += 1
        if index == most:
            index, at = integer(block, at, index)
        if index:
            name = self._entry(index)[0]
        else:
            name, at = string(block, at, 0x80)
        value, at = string(block, at, 0x80)
        field = (name, value)
        if octet & 0x40:
            self._entries.append(field)
            self._size += len(name) + len(value) + OVERHEAD
            if self._size > self._limit:
                self._evict()
        return field, at

    def _evict(self) -> None:
        entries = self._entries
        size = self._size
        gone = 0
        while size > self._limit:
            name, value = entries[gone]
            size -= len(name) + len(value) + OVERHEAD
            gone += 1
        del entries[:gone]
        self._size = size


def integer(block: bytes, at: int, number: int) -> tuple[int, int]:
    """The rest of an integer whose prefix was full, and where it ends (section 5.1)."""
    shift = 0
    while at < len(block):
        octet = block[at]
        at += 1
        number += (octet & 0x7F) << shift
        if number > _INTEGER_MOST or shift > 21:
            raise HpackError("an integer too large")
        if octet < 0x80:
            return number, at
        shift += 7
    raise HpackError("the block ends within an integer")


def string(block: bytes, at: int, huffman: int) -> tuple[bytes, int]:
    """A string whose bit `huffman` says how it is coded, and where it ends (section 5.2)."""
    if at >= len(block):
        raise HpackError("the block ends before a string")
    octet = block[at]
    size = octet & (huffman - 1)
    at += 1
    if size == huffman - 1:
        size, at = integer(block, at, size)
    end = at + size
    if end > len(block):
        raise HpackError("the block ends within a string")
    data = block[at:end]
    if octet & huffman:
        try:
            data = hpack_huffman.decode(data)
        except ValueError as error:
            raise HpackError(str(error)) from None
    return data, end
