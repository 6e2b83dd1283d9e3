"""Header lists as HTTP/2 compresses them (HPACK, RFC 7541)."""

from __future__ import annotations

from typing import Final

from toron.wire import hpack_huffman
from toron.wire.headers import Field
from toron.wire.hpack_table import NAMES, PLACES, STATIC

TABLE_MOST: Final = 4096
"""Size of a dynamic table at most: what both sides begin with, and we stay with."""

_OVERHEAD: Final = 32
"""What each entry counts above its octets (section 4.1)."""

_OWN: Final = len(STATIC) + 1
"""The index of the newest entry of the dynamic table."""

_INTEGER_MOST: Final = 1 << 21
"""No index, size or length is larger: a block never has so many octets."""

SECRETS: Final = frozenset({b"authorization", b"cookie", b"proxy-authorization", b"set-cookie"})
"""Fields that no table ever gets: whoever else shapes the list could try their values (section 7.1.3)."""

_SEEN_MOST: Final = 256


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
                    index, at = _integer(block, at, index)
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
                size, at = _integer(block, at, size)
            if size > TABLE_MOST:
                raise HpackError(f"a table of {size} octets")
            self._limit = size
            self._evict()
        return at

    def _entry(self, index: int) -> Field:
        if index < _OWN:
            if index == 0:
                raise HpackError("index 0")
            return STATIC[index - 1]
        back = index - _OWN + 1
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
            index, at = _integer(block, at, index)
        if index:
            name = self._entry(index)[0]
        else:
            name, at = _string(block, at)
        value, at = _string(block, at)
        field = (name, value)
        if octet & 0x40:
            self._entries.append(field)
            self._size += len(name) + len(value) + _OVERHEAD
            if self._size > self._limit:
                self._evict()
        return field, at

    def _evict(self) -> None:
        entries = self._entries
        size = self._size
        gone = 0
        while size > self._limit:
            name, value = entries[gone]
            size -= len(name) + len(value) + _OVERHEAD
            gone += 1
        del entries[:gone]
        self._size = size


def _integer(block: bytes, at: int, number: int) -> tuple[int, int]:
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


def _string(block: bytes, at: int) -> tuple[bytes, int]:
    """A string, and where it ends (section 5.2)."""
    if at >= len(block):
        raise HpackError("the block ends before a string")
    octet = block[at]
    size = octet & 0x7F
    at += 1
    if size == 0x7F:
        size, at = _integer(block, at, size)
    end = at + size
    if end > len(block):
        raise HpackError("the block ends within a string")
    data = block[at:end]
    if octet & 0x80:
        try:
            data = hpack_huffman.decode(data)
        except ValueError as error:
            raise HpackError(str(error)) from None
    return data, end


def _number(number: int, most: int, flags: int) -> bytes:
    """An integer with a prefix that holds up to `most`, and flags above it (section 5.1)."""
    if number < most:
        return bytes((flags | number,))
    octets = [flags | most]
    number -= most
    while number >= 0x80:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    octets.append(number)
    return bytes(octets)


_INDEXED: Final = [_number(index, 0x7F, 0x80) for index in range(_OWN + TABLE_MOST // _OVERHEAD)]
_STATIC_INDEXED: Final = {field: _INDEXED[index] for field, index in PLACES.items()}


class Encoder:
    """Writes the blocks of one direction of a connection, in order.

    A field goes into the table when it is said for the second time, so that what never comes again
    pushes nothing out of it.
    """

    __slots__ = ("_added", "_entries", "_limit", "_numbers", "_seen", "_size", "_updates")

    def __init__(self) -> None:
        self._entries: list[Field] = []
        self._numbers: dict[Field, int] = {}
        """For each entry the how many-th ever it was."""
        self._added = 0
        self._size = 0
        self._limit = TABLE_MOST
        self._seen: set[Field] = set()
        self._updates: list[int] = []

    def resize(self, size: int) -> None:
        """The other side reads with a table of so many octets (its SETTINGS_HEADER_TABLE_SIZE)."""
        size = min(size, TABLE_MOST)
        if size != self._limit:
            self._limit = size
            # The smallest since the last block, and the last one, have to be said (section 4.2).
            self._updates = [min(size, min(self._updates, default=size)), size]
            self._evict()

    def encode(self, fields: list[Field]) -> bytes:
        """The block for these fields. What is in them is not looked at."""
        out: list[bytes] = []
        if self._updates:
            smallest, last = self._updates
            if smallest < last:
                out.append(_number(smallest, 0x1F, 0x20))
            out.append(_number(last, 0x1F, 0x20))
            self._updates = []
        numbers = self._numbers
        for field in fields:
            whole = _STATIC_INDEXED.get(field)
            if whole is None:
                number = numbers.get(field)
                if number is None:
                    self._say_literal(field, out)
                    continue
                whole = _INDEXED[_OWN + self._added - number]
            out.append(whole)
        return b"".join(out)

    def _say_literal(self, field: Field, out: list[bytes]) -> None:
        name, value = field
        index = NAMES.get(name, 0)
        size = len(value)
        if name in SECRETS:
            out.append(_number(index, 0x0F, 0x10))
        elif field in self._seen:
            self._seen.discard(field)
            out.append(_number(index, 0x3F, 0x40))
            self._add(field)
        else:
            out.append(_number(index, 0x0F, 0))
            if len(name) + size < self._limit >> 2:
                if len(self._seen) >= _SEEN_MOST:
                    self._seen.clear()
                self._seen.add(field)
        if not index:
            out.append(_number(len(name), 0x7F, 0))
            out.append(name)
        out.append(_number(size, 0x7F, 0))
        out.append(value)

    def _add(self, field: Field) -> None:
        self._added += 1
        self._entries.append(field)
        self._numbers[field] = self._added
        self._size += len(field[0]) + len(field[1]) + _OVERHEAD
        if self._size > self._limit:
            self._evict()

    def _evict(self) -> None:
        entries = self._entries
        size = self._size
        gone = 0
        while size > self._limit:
            field = entries[gone]
            del self._numbers[field]
            size -= len(field[0]) + len(field[1]) + _OVERHEAD
            gone += 1
        del entries[:gone]
        self._size = size
