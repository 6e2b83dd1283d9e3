"""Splits the fields of an HTTP/1 head, strictly (RFC 9112 sections 5 and 6).

What two servers on one path could read differently is refused instead of repaired: that is how
requests are smuggled. `strict` means a request: there the sender may want us and the next server
to disagree. A response is framed anew for the client whatever it came in, so the forms of it that
servers are known to send, and that mean one thing only, are let through.
"""

from __future__ import annotations

import re

from toron.wire import scan
from toron.wire.events import Malformed
from toron.wire.headers import Field, Headers, Remembered, fold, headers_of

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
VALUE = rb"[^\x00-\x08\x0a-\x1f\x7f]"

_FIELD = re.compile(TOKEN + rb"++:" + VALUE + rb"*+\r").fullmatch
_DIGITS_MOST = 18
"""Of a length: what is longer is no file, and some servers' integers end there."""
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: ?chunked\r\n", re.IGNORECASE).search
_PROTOCOL = re.compile(TOKEN + rb"++(?:/" + TOKEN + rb"++)?").fullmatch

CONNECTION_FIELDS = frozenset({
    b"connection", b"content-length", b"expect", b"http2-settings", b"keep-alive", b"proxy-authenticate",
    b"proxy-authorization", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade",
})  # fmt: skip
"""Fields that concern this connection or this message's framing; they stay in the codec."""

_REPEATED = {
    b"host": "bad_host",
    b"content-length": "bad_content_length",
    b"transfer-encoding": "bad_transfer_encoding",
}
"""The word for each field that no request may have twice."""

_LOOKALIKES = {
    b"content_length": "bad_content_length",
    b"transfer_encoding": "bad_transfer_encoding",
}
"""CGI and WSGI make the same variable of these as of the fields that frame a body."""

_KEPT_BACK = CONNECTION_FIELDS | frozenset(_LOOKALIKES)

_NEVER_AN_OPTION = frozenset({
    b"authorization", b"cache-control", b"content-encoding", b"content-length", b"content-range",
    b"content-type", b"cookie", b"forwarded", b"host", b"location", b"origin", b"range", b"set-cookie",
    b"transfer-encoding", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-port",
    b"x-forwarded-prefix", b"x-forwarded-proto", b"x-real-ip",
})  # fmt: skip
"""Fields a Connection header must not take away from the other end (RFC 9110 section 7.6.1)."""

_PLAIN_OPTIONS = frozenset({b"close", b"keep-alive", b"upgrade", b"te"})
_NO_SWITCH = (b"h2", b"http/", b"tls/")
"""Protocols nobody may switch to behind our back: they would carry requests we never see."""


_ONCE = frozenset(_REPEATED) - CONNECTION_FIELDS
_NO_OPTIONS: frozenset[bytes] = frozenset()


class Fields:
    """A head's fields: those for the other end, and those for the codec."""

    __slots__ = ("headers", "hop", "options")

    def __init__(self, headers: Headers, hop: dict[bytes, bytes], options: frozenset[bytes]) -> None:
        self.headers = headers
        self.hop = hop
        """By lower-case name; several lines of one name joined by commas."""
        self.options = options
        """The Connection header's members, in lower case."""


def read_fields(head: bytes, start: int, most: int, strict: bool = True) -> Fields:
    """Split the fields from `start` to the empty line that ends `head`.

    Raises Malformed with the word of what is wrong, `too_many_fields` above `most` lines.
    """
    found = scan.fields(head, start, most, _KEPT_BACK, _ONCE)
    if found is None:
        found = _closer_look(head, start, most, strict)
    fields, index, hop = found
    if not hop:
        return Fields(headers_of(fields, index), hop, _NO_OPTIONS)
    if strict:
        for name in _LOOKALIKES:
            if name in hop:
                raise Malformed(_LOOKALIKES[name], shown(name))
    if b"transfer-encoding" in hop and b"content-length" in hop:
        raise Malformed("length_conflict")
    listed = hop.get(b"connection")
    if listed is None:
        return Fields(headers_of(fields, index), hop, _NO_OPTIONS)
    options, named = _options_of(listed)
    if named:
        forbidden = named & _NEVER_AN_OPTION
        if forbidden and strict:
            raise Malformed("bad_connection_option", shown(min(forbidden)))
        named -= forbidden
        fields = [field for field in fields if fold(field[0]) not in named]
        for name in named:
            index.pop(name, None)
    return Fields(headers_of(fields, index), hop, options)


def _options(listed: bytes) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """The members of a Connection header, and those of them that name fields."""
    options = frozenset(_members(listed))
    return options, options - _PLAIN_OPTIONS


_options_of = Remembered(_options).__getitem__


def _closer_look(
    head: bytes, start: int, most: int, strict: bool
) -> tuple[list[Field], dict[bytes, bytes], dict[bytes, bytes]]:
    """What `scan.fields` makes of a head, of one that it would not take; Malformed says why it may not be."""
    lines = head[start:-2].split(b"\n")[:-1]
    if not all(map(_FIELD, lines)):
        raise _what_is_wrong(head, start)
    if len(lines) > most:
        raise Malformed("too_many_fields", f"more than {most}")
    fields: list[Field] = []
    index: dict[bytes, bytes] = {}
    hop: dict[bytes, bytes] = {}
    for line in lines:
        name, _, value = line.partition(b":")
        lower = fold(name)
        value = value.strip(b" \t\r")
        if lower in _KEPT_BACK:
            if lower not in hop:
                hop[lower] = value
            elif strict and lower in _REPEATED:
                raise Malformed(_REPEATED[lower], "repeated")
            else:
                hop[lower] += b", " + value
        else:
            fields.append((name, value))
            if lower not in index:
                index[lower] = value
            elif strict and lower in _REPEATED:
                raise Malformed(_REPEATED[lower], "repeated")
    return fields, index, hop


def content_length(hop: dict[bytes, bytes], strict: bool = True) -> int | None:
    """The Content-Length in bytes, None without one; Malformed unless it is one plain number.

    A response may say the same number several times (RFC 9110 section 8.6).
    """
    value = hop.get(b"content-length")
    if value is None:
        return None
    if not _is_length(value):
        first, *others = [part.strip(b" \t") for part in value.split(b",")]
        if strict or not _is_length(first) or any(other != first for other in others):
            raise Malformed("bad_content_length", shown(value))
        value = first
    return int(value)


def _is_length(value: bytes) -> bool:
    return value.isdigit() and len(value) <= _DIGITS_MOST


def is_chunked(head: bytes, hop: dict[bytes, bytes], version: tuple[int, int], strict: bool = True) -> bool:
    """Whether the body is chunked; Malformed for any other coding, in a request for any odd spelling."""
    value = hop.get(b"transfer-encoding")
    if value is None:
        return False
    plain = (value == b"chunked" and _CHUNKED(head)) if strict else value.lower() == b"chunked"
    if not plain or version < (1, 1):
        raise Malformed("bad_transfer_encoding", shown(value))
    return True


def switch_offer(fields: Fields, version: tuple[int, int]) -> bytes:
    """The protocols offered in Upgrade, if the Connection header asks for it (RFC 9110 section 7.8).

    Raises Malformed (`bad_upgrade`) when they are not well formed.
    """
    offer = fields.hop.get(b"upgrade")
    if not offer or b"upgrade" not in fields.options or version < (1, 1):
        return b""
    offered = _members(offer)
    if not all(map(_PROTOCOL, offered)):
        raise Malformed("bad_upgrade", shown(offer))
    return b", ".join(o for o in offered if not o.startswith(_NO_SWITCH))


def check_lines(held: bytes | bytearray, before: int = 0) -> None:
    """Raise Malformed for a bare CR or LF in a section that is not whole yet.

    What comes ahead of `before` was checked in an earlier call.
    """
    start = before - 1 if before and held[before - 1] == 0x0D else before
    ends = held.count(b"\r\n", start)
    returns = held.count(b"\r", start) - held.endswith(b"\r")
    if held.count(b"\n", start) != ends or returns != ends:
        raise Malformed("bad_line_ending")


def shown(value: bytes | bytearray) -> str:
    """A piece of a message as it may stand in a log: short, and printable ASCII only."""
    return repr(bytes(value[:80]))[2:-1]


def _members(value: bytes) -> list[bytes]:
    return [member for part in value.lower().split(b",") if (member := part.strip(b" \t"))]


def _what_is_wrong(head: bytes, start: int) -> Malformed:
    """Name the first fault in fields that the pattern did not cover."""
    for line in head[start:-2].split(b"\n")[:-1]:
        if not line.endswith(b"\r") or b"\r" in line[:-1]:
            return Malformed("bad_line_ending", shown(line))
        if line[0] in b" \t":
            return Malformed("obsolete_folding", shown(line))
        if not _FIELD(line):
            return Malformed("bad_header", shown(line))
    return Malformed("bad_line_ending")
