"""Header fields in the order and spelling they came in, found without regard to case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Field = tuple[bytes, bytes]
"""A name as it was spelled, and its value without surrounding blanks."""

T = TypeVar("T")


class Remembered(dict[bytes, T]):
    """What a function makes of short pieces of bytes: of the same few hundred, over and over."""

    def __init__(self, make: Callable[[bytes], T], most: int = 4096, longest: int = 64) -> None:
        """At most `most` pieces are remembered, each of `longest` bytes at most."""
        super().__init__()
        self._make = make
        self._most = most
        self._longest = longest

    def __missing__(self, piece: bytes) -> T:
        made = self._make(piece)
        if len(piece) <= self._longest:
            if len(self) >= self._most:
                # Somebody makes them up. Those that are in use come back by themselves.
                self.clear()
            self[piece] = made
        return made


fold: Callable[[bytes], bytes] = Remembered(bytes.lower).__getitem__
"""The name in lower case."""


class Headers:
    """The fields of one head or trailer section (RFC 9110 section 5).

    Names asked for are given in lower case; `fields` may be read but is changed only here.
    """

    __slots__ = ("_index", "fields")

    def __init__(self, fields: Iterable[Field] = ()) -> None:
        self.fields: list[Field] = list(fields)
        self._index: dict[bytes, bytes] | None = None

    def _indexed(self) -> dict[bytes, bytes]:
        index = self._index
        if index is None:
            index = {}
            for name, value in self.fields:
                index.setdefault(fold(name), value)
            self._index = index
        return index

    def get(self, name: bytes, default: bytes | None = None) -> bytes | None:
        """The first value of `name` (in lower case)."""
        return self._indexed().get(name, default)

    def get_all(self, name: bytes) -> list[bytes]:
        """Every value of `name` (in lower case), in order."""
        return [v for n, v in self.fields if fold(n) == name] if name in self._indexed() else []

    def listed(self, name: bytes) -> list[bytes]:
        """The members of a comma-separated field (RFC 9110 section 5.6.1), over all its lines."""
        if name not in self._indexed():
            return []
        joined = b",".join(self.get_all(name))
        return [member for part in joined.split(b",") if (member := part.strip(b" \t"))]

    def has_any(self, names: frozenset[bytes]) -> bool:
        """Whether there is a field of one of these names (in lower case)."""
        return not names.isdisjoint(self._indexed())

    def add(self, name: bytes, value: bytes) -> None:
        """Append a field."""
        self.fields.append((name, value))
        if self._index is not None:
            self._index.setdefault(fold(name), value)

    def set(self, name: bytes, value: bytes) -> None:
        """Replace every field of that name by one, at the place of the first."""
        lower = fold(name)
        if lower not in self._indexed():
            self.add(name, value)
            return
        kept: list[Field] = []
        placed = False
        for field in self.fields:
            if fold(field[0]) != lower:
                kept.append(field)
            elif not placed:
                kept.append((name, value))
                placed = True
        self.fields = kept
        self._index = None

    def remove(self, name: bytes) -> bool:
        """Take every field of that name (in lower case) away; whether there was one."""
        if name not in self._indexed():
            return False
        self.fields = [field for field in self.fields if fold(field[0]) != name]
        self._index = None
        return True

    def copy(self) -> Headers:
        """Another set with the same fields."""
        return Headers(self.fields)

    def __contains__(self, name: bytes) -> bool:
        return name in self._indexed()

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def __eq__(self, other: object) -> bool:
        return self.fields == other.fields if isinstance(other, Headers) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Headers({self.fields!r})"


def headers_of(fields: list[Field], index: dict[bytes, bytes] | None = None) -> Headers:
    """Take over a list, and where it is known the first value of each lower-case name."""
    made = Headers.__new__(Headers)
    made.fields = fields
    made._index = index
    return made
