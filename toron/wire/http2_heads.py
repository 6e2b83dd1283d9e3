"""Makes field lists of heads that are said in HTTP/2 (RFC 9113 section 8); HTTP/3 has the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from toron.wire.events import RequestHead, ResponseHead
from toron.wire.headers import Field, Headers, Remembered, fold
from toron.wire.http1_fields import CONNECTION_FIELDS
from toron.wire.http2_fields import PATH
from toron.wire.http2_sections import GOOD_VALUE, NAME

_WORD = re.compile(rb"[!-~\x80-\xff]++").fullmatch

_LEFT_OUT = CONNECTION_FIELDS | {b"host"}
"""Fields that have another way to be said, or no place between two connections."""


_SAID: dict[Field, Field] = {}
"""Fields as they are said."""


def _learn(field: Field, made: list[Field]) -> None:
    """Add a field as it is said, if it is; ValueError as `_as_said`."""
    said = _as_said(field)
    if said is not None:
        made.append(said)
        if len(field[0]) + len(field[1]) <= 256:
            if len(_SAID) >= 4096:
                _SAID.clear()
            _SAID[field] = said


def _add(fields: list[Field], made: list[Field]) -> None:
    """Add fields as they are said."""
    for field in fields:
        said = _SAID.get(field)
        if said is None:
            _learn(field, made)
        else:
            made.append(said)


def _as_said(field: Field) -> Field | None:
    """A field with its name in lower case; ValueError when it would be more than a field."""
    name = fold(field[0])
    value = field[1].strip(b" \t")
    if not NAME(name) or not GOOD_VALUE(value):
        raise ValueError(f"{field!r} is no field")
    return None if name in _LEFT_OUT else (name, value)


_STATUSES: Final[list[Field]] = [(b":status", b"%d" % status) for status in range(1000)]


def _pseudo(name: bytes, longest: int = 64) -> Callable[[bytes], Field]:
    """Makes a pseudo-field of its value; ValueError when that is none."""

    def make(value: bytes) -> Field:
        if not _WORD(value):
            raise ValueError(f"{value!r} is no {name.decode()}")
        return name, value

    return Remembered(make, longest=longest).__getitem__


_method: Final = _pseudo(b":method")
_authority: Final = _pseudo(b":authority", 255)
_scheme: Final = _pseudo(b":scheme")


def response_fields(status: int, headers: Headers, length: int | None) -> list[Field]:
    """The head of a response; `length` is what it says of its body, None for nothing."""
    made = [_STATUSES[status]]
    _add(headers.fields, made)
    if length is not None:
        made.append((b"content-length", b"%d" % length))
    return made


def tunnel_fields(head: ResponseHead) -> list[Field]:
    """The answer to an extended CONNECT that opens the tunnel (RFC 8441 section 5)."""
    made = response_fields(200, head.headers, None)
    return [field for field in made if field[0] != b"sec-websocket-accept"]


def request_fields(head: RequestHead, scheme: bytes, length: int | None) -> list[Field]:
    """The head of a request; `length` is what it says of its body, None for nothing.

    ValueError for what can not be said, an upgrade too: those are asked for over HTTP/1.1.
    """
    if head.upgrade:
        raise ValueError("an upgrade in HTTP/2")
    target = head.target
    if not PATH(target) and target != b"*":
        raise ValueError(f"{target!r} is no target")
    made = [_method(head.method), _scheme(scheme)]
    authority = head.headers.get(b"host") or head.authority
    if authority:
        made.append(_authority(authority))
    made.append((b":path", target))
    _add(head.headers.fields, made)
    if length is not None:
        made.append((b"content-length", b"%d" % length))
    if head.expects_continue:
        made.append((b"expect", b"100-continue"))
    if head.accepts_trailers:
        made.append((b"te", b"trailers"))
    return made


def trailer_fields(trailers: Headers) -> list[Field]:
    """The fields behind a body."""
    made: list[Field] = []
    _add(trailers.fields, made)
    return made
