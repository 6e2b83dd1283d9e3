"""Writes header lists as HTTP/2 compresses them (HPACK, RFC 7541)."""

from __future__ import annotations

from typing import Final

from toron.wire.headers import Field
from toron.wire.hpack_table import NAMES, OVERHEAD, OWN, PLACES, TABLE_MOST

SECRETS: Final = frozenset({b"authorization", b"cookie", b"proxy-authorization", b"set-cookie"})
"""Fields that no table ever gets: whoever else shapes the list could try their values (section 7.1.3)."""

_SEEN_MOST: Final = 256


def prefixed(number: int, most: int, flags: int) -> bytes:
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


_INDEXED: Final = [prefixed(index, 0x7F, 0x80) for index in range(OWN + TABLE_MOST // OVERHEAD)]
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
            smallest = min(size, self._updates[0]) if self._updates else size
            self._updates = [smallest, size]
            self._evict()

    def encode(self, fields: list[Field]) -> bytes:
        """The block for these fields. What is in them is not looked at."""
        out: list[bytes] = []
        if self._updates:
            smallest, last = self._updates
            if smallest < last:
                out.append(prefixed(smallest, 0x1F, 0x20))
            out.append(prefixed(last, 0x1F, 0x20))
            self._updates = []
        numbers = self._numbers
        for field in fields:
            number = numbers.get(field)
            if number is not None:
                out.append(_INDEXED[OWN + self._added - number])
                continue
            whole = _STATIC_INDEXED.get(field)
            if whole is not None:
                out.append(whole)
            else:
                self._say_literal(field, out)
        return b"".join(out)

    def _say_literal(self, field: Field, out: list[bytes]) -> None:
        name, value = field
        index = NAMES.get(name, 0)
        size = len(value)
        if name in SECRETS:
            out.append(prefixed(index, 0x0F, 0x10))
        elif field in self._seen:
            self._seen.discard(field)
            out.append(prefixed(index, 0x3F, 0x40))
            self._add(field)
        else:
            out.append(prefixed(index, 0x0F, 0))
            if len(name) + size < self._limit >> 2:
                if len(self._seen) >= _SEEN_MOST:
                    self._seen.clear()
                self._seen.add(field)
        if not index:
            out.append(prefixed(len(name), 0x7F, 0))
            out.append(name)
        out.append(prefixed(size, 0x7F, 0))
        out.append(value)

    def _add(self, field: Field) -> None:
        self._added += 1
        self._entries.append(field)
        self._numbers[field] = self._added
        self._size += len(field[0]) + len(field[1]) + OVERHEAD
        if self._size > self._limit:
            self._evict()

    def _evict(self) -> None:
        entries = self._entries
        size = self._size
        gone = 0
        while size > self._limit:
            field = entries[gone]
            del self._numbers[field]
            size -= len(field[0]) + len(field[1]) + OVERHEAD
            gone += 1
        del entries[:gone]
        self._size = size
