"""Sorts the fields of HTTP/2's heads, strictly (RFC 9113 section 8.2); HTTP/3 has the same."""

from __future__ import annotations

import re
from typing import Final

from toron.wire.events import Malformed
from toron.wire.headers import Field
from toron.wire.http1_fields import CONNECTION_FIELDS, VALUE, shown

NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]++").fullmatch
GOOD_VALUE = re.compile(rb"(?:(?![ \t])" + VALUE + rb"*+(?<![ \t]))?").fullmatch

FORBIDDEN: Final = frozenset({
    b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade",
})  # fmt: skip
"""Fields that concern one HTTP/1 connection: a message with one is malformed (section 8.2.2)."""

_LOOKALIKES = {
    b"content_length": "bad_content_length",
    b"transfer_encoding": "bad_transfer_encoding",
}
"""CGI and WSGI make the same variable of these as of the fields that frame a body."""

_READ = frozenset({b"content-length", b"expect", b"host", b"te"})
"""Fields that the codec wants to know of."""

_REPEATED = {b"host": "bad_host", b"content-length": "bad_content_length"}
"""The word for each field that no request may have twice."""

# What is done with a field.
_PASSED: Final = 0
_CRUMB: Final = 1
_HELD: Final = 2
_DROPPED: Final = 3
_LOOKALIKE: Final = 4


_KINDS: dict[Field, int] = {}
"""What is done with fields: with the same few hundred, over and over."""


def kind_of(field: Field) -> int:
    """What is done with a field; Malformed when it is not well formed or never allowed."""
    known = _KINDS.get(field)
    return _learn(field) if known is None else known


def _learn(field: Field) -> int:
    """The same of a field that is not remembered."""
    kind = _judged(field)
    if len(field[0]) + len(field[1]) <= 256:
        if len(_KINDS) >= 4096:
            # Somebody makes them up. Those that are in use come back by themselves.
            _KINDS.clear()
        _KINDS[field] = kind
    return kind


def _judged(field: Field) -> int:
    name, value = field
    if not NAME(name):
        raise _wrong_name(name)
    if not GOOD_VALUE(value):
        raise Malformed("bad_header", f"{shown(name)}: {shown(value)}")
    if name == b"cookie":
        return _CRUMB
    if name in _READ:
        return _HELD
    if name in FORBIDDEN:
        raise Malformed("connection_field", shown(name))
    if name in _LOOKALIKES:
        return _LOOKALIKE
    return _DROPPED if name in CONNECTION_FIELDS else _PASSED


def _wrong_name(name: bytes) -> Malformed:
    if name[:1] == b":":
        return Malformed("pseudo_field", f"{shown(name)} is not known, or not in its place")
    if NAME(name.lower()):
        return Malformed("upper_case_name", shown(name))
    return Malformed("bad_header", shown(name))


_NONE_HELD: dict[bytes, bytes] = {}


def sort(
    fields: list[Field], start: int, most: int, strict: bool, passed: list[Field], index: dict[bytes, bytes]
) -> dict[bytes, bytes]:
    """Give those from `start` on that are for the other end to `passed`, and their first values to `index`.

    What is returned are those for the codec. Malformed says what is wrong with one; `strict` is for a
    request.
    """
    held = _NONE_HELD
    crumbs: list[bytes] | None = None
    crumb_at = 0
    before = len(passed)
    for at in range(start, len(fields)):
        field = fields[at]
        kind = kind_of(field)
        name = field[0]
        if kind == _PASSED:
            passed.append(field)
            index.setdefault(name, field[1])
        elif kind == _CRUMB:
            if crumbs is None:
                crumbs = []
                crumb_at = len(passed)
                passed.append(field)
            crumbs.append(field[1])
        elif kind == _HELD:
            if held is _NONE_HELD:
                held = {}
            if name not in held:
                held[name] = field[1]
            elif strict and name in _REPEATED:
                raise Malformed(_REPEATED[name], "repeated")
            else:
                held[name] += b", " + field[1]
        elif kind == _LOOKALIKE and strict:
            raise Malformed(_LOOKALIKES[name], shown(name))
    if len(passed) - before > most:
        raise Malformed("too_many_fields", f"more than {most}")
    if crumbs is not None:
        # One field again, as HTTP/1.1 has it (section 8.2.3).
        if len(crumbs) > 1:
            passed[crumb_at] = (b"cookie", b"; ".join([crumb for crumb in crumbs if crumb]))
        index[b"cookie"] = passed[crumb_at][1]
    return held
