"""Reads the head of an HTTP/1 message, strictly (RFC 9112 sections 2 to 5).

What two servers on one path could read differently is refused instead of repaired: that is how
requests are smuggled. The one pattern for fields is run over the whole head at once; only when
its matches do not cover the head does a slow second look find out what is wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from toron.wire.events import Malformed
from toron.wire.headers import Field, Headers, fold

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_VALUE = rb"[^\x00-\x08\x0a-\x1f\x7f]"

_FIELDS = re.compile(rb"(" + _TOKEN + rb"++):(" + _VALUE + rb"*+)\r\n").findall
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb"++) ([!\"\x24-\x7e\x80-\xff]++) HTTP/1\.([01])\r\n").match
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: (" + _VALUE + rb"*+))?\r\n").match
_VERSION = re.compile(rb"[^ ]+ [^ ]+ HTTP/(\d+)\.(\d+)\r\n").match
_LENGTH = re.compile(rb"[0-9]{1,18}").fullmatch
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: ?chunked\r\n", re.IGNORECASE).search
_AUTHORITY = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~\-]+)(?::([0-9]{0,5}))?").fullmatch
_ABSOLUTE = re.compile(rb"(https?)://([^/?]*)([^#]*)", re.IGNORECASE).fullmatch

CONNECTION_FIELDS = frozenset({
    b"connection", b"content-length", b"expect", b"keep-alive", b"proxy-authenticate",
    b"proxy-authorization", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade",
})  # fmt: skip
"""Fields that concern this connection or this message's framing; they stay in the codec."""

_ONCE = frozenset({b"host", b"content-length", b"transfer-encoding"})

_NEVER_AN_OPTION = frozenset({
    b"authorization", b"content-encoding", b"content-length", b"content-type", b"cookie", b"forwarded",
    b"host", b"transfer-encoding", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-port",
    b"x-forwarded-proto", b"x-real-ip",
})  # fmt: skip
"""Fields a Connection header must not take away from the next server."""

_PLAIN_OPTIONS = frozenset({b"close", b"keep-alive", b"upgrade", b"te"})
_NO_SWITCH = (b"h2", b"http/", b"tls/")
"""Protocols nobody may switch to behind our back: they would carry requests we never see."""


@dataclass(slots=True)
class Fields:
    """A head's fields: those for the other end, and those for the codec."""

    headers: Headers
    hop: dict[bytes, bytes]
    options: list[bytes]
    """The Connection header's members, in lower case."""


def read_fields(head: bytes, start: int, most: int) -> Fields:
    """Split the fields from `start` to the empty line that ends `head`.

    Raises Malformed with the word of what is wrong, `too_many_fields` above `most` of them.
    """
    size = start + 2
    fields: list[Field] = []
    index: dict[bytes, bytes] = {}
    hop: dict[bytes, bytes] = {}
    for name, value in _FIELDS(head, start):
        size += len(name) + len(value) + 3
        lower = fold(name)
        value = value.strip(b" \t")
        if lower in CONNECTION_FIELDS:
            if lower not in hop:
                hop[lower] = value
            elif lower in _ONCE:
                raise Malformed(_REPEATED[lower], "repeated")
            else:
                hop[lower] += b", " + value
        else:
            fields.append((name, value))
            if lower not in index:
                index[lower] = value
            elif lower in _ONCE:
                raise Malformed(_REPEATED[lower], "repeated")
    if size != len(head):
        raise _what_is_wrong(head, start)
    if len(fields) + len(hop) > most:
        raise Malformed("too_many_fields", f"more than {most}")
    if b"transfer-encoding" in hop and b"content-length" in hop:
        raise Malformed("length_conflict")
    options: list[bytes] = []
    listed = hop.get(b"connection")
    if listed is not None:
        options = [o for part in listed.lower().split(b",") if (o := part.strip(b" \t"))]
        named = set(options).difference(_PLAIN_OPTIONS)
        if named:
            forbidden = named & _NEVER_AN_OPTION
            if forbidden:
                raise Malformed("bad_connection_option", min(forbidden).decode())
            fields = [field for field in fields if fold(field[0]) not in named]
            for name in named:
                index.pop(name, None)
    return Fields(Headers.of(fields, index), hop, options)


_REPEATED = {
    b"host": "bad_host",
    b"content-length": "bad_content_length",
    b"transfer-encoding": "bad_transfer_encoding",
}


def content_length(hop: dict[bytes, bytes]) -> int | None:
    """The Content-Length in bytes, None without one; Malformed unless it is one plain number."""
    value = hop.get(b"content-length")
    if value is None:
        return None
    if not _LENGTH(value):
        raise Malformed("bad_content_length", _shown(value))
    return int(value)


def is_chunked(head: bytes, hop: dict[bytes, bytes], version: tuple[int, int]) -> bool:
    """Whether the body is chunked; Malformed for any other coding or any odd spelling of it."""
    value = hop.get(b"transfer-encoding")
    if value is None:
        return False
    if value != b"chunked" or version < (1, 1) or not _CHUNKED(head):
        raise Malformed("bad_transfer_encoding", _shown(value))
    return True


def switch_offer(fields: Fields, version: tuple[int, int]) -> bytes:
    """The protocols offered in Upgrade, if the connection header asks for it (RFC 9110 7.8)."""
    offer = fields.hop.get(b"upgrade")
    if not offer or b"upgrade" not in fields.options or version < (1, 1):
        return b""
    offered = [o for part in offer.lower().split(b",") if (o := part.strip(b" \t"))]
    return b", ".join(o for o in offered if not o.startswith(_NO_SWITCH))


@dataclass(slots=True)
class RequestLine:
    """The first line of a request, its target split as RFC 9112 section 3.2 says."""

    method: bytes
    target: bytes
    authority: bytes
    version: tuple[int, int]
    end: int


def read_request_line(head: bytes, start: int) -> RequestLine:
    """Read the request line at `start`; Malformed says what is wrong with it."""
    line = _REQUEST_LINE(head, start)
    if line is None:
        raise _wrong_request_line(head, start)
    method, target = line[1], line[2]
    version = (1, 1) if line[3] == b"1" else (1, 0)
    authority = b""
    if target[0] != 0x2F:
        if target == b"*":
            if method != b"OPTIONS":
                raise Malformed("bad_target", "* is for OPTIONS only")
        elif method == b"CONNECT":
            raise Malformed("connect_refused")
        else:
            absolute = _ABSOLUTE(target)
            if absolute is None or b"@" in absolute[2]:
                raise Malformed("bad_target", _shown(target))
            authority, target = absolute[2], absolute[3]
            if not _AUTHORITY(authority):
                raise Malformed("bad_target", _shown(authority))
            if not target:
                target = b"*" if method == b"OPTIONS" else b"/"
            elif target[0] == 0x3F:
                target = b"/" + target
    elif method == b"CONNECT":
        raise Malformed("connect_refused")
    return RequestLine(method, target, authority, version, line.end())


def authority_of(line: RequestLine, headers: Headers) -> bytes:
    """The host and port asked for; Malformed when Host is missing, odd, or contradicts the target."""
    host = headers.get(b"host")
    if host is None:
        if line.version >= (1, 1):
            raise Malformed("bad_host", "missing")
        return line.authority
    if not _AUTHORITY(host):
        raise Malformed("bad_host", _shown(host) or "empty")
    if line.authority and _same(host) != _same(line.authority):
        raise Malformed("host_mismatch", f"{_shown(host)} and {_shown(line.authority)}")
    return host


def _same(authority: bytes) -> bytes:
    lower = authority.lower()
    return lower[:-3] if lower.endswith(b":80") else lower[:-4] if lower.endswith(b":443") else lower


@dataclass(slots=True)
class StatusLine:
    """The first line of a response (RFC 9112 section 4)."""

    status: int
    reason: bytes
    version: tuple[int, int]
    end: int


def read_status_line(head: bytes) -> StatusLine:
    """Read the status line; Malformed says what was there instead."""
    line = _STATUS_LINE(head)
    if line is None:
        raise Malformed("bad_status_line", _shown(head.split(b"\r\n", 1)[0]))
    version = (1, 1) if line[1] == b"1" else (1, 0)
    return StatusLine(int(line[2]), line[3] or b"", version, line.end())


def check_unfinished(held: bytes | bytearray) -> None:
    """Raise Malformed for the start of a request head that can never become a good one."""
    if not re.match(rb"(?:\r\n)?(?:" + _TOKEN + rb"|\r?\Z)", held):
        raise Malformed("bad_request_line", _shown(bytes(held[:32])))
    ends = held.count(b"\r\n")
    returns = held.count(b"\r") - (1 if held.endswith(b"\r") else 0)
    if held.count(b"\n") != ends or returns != ends:
        raise Malformed("bad_line_ending")


def _wrong_request_line(head: bytes, start: int) -> Malformed:
    line = head[start : head.find(b"\n", start) + 1]
    if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
        return Malformed("bad_line_ending")
    version = _VERSION(line)
    if version is not None and version[1] != b"1":
        return Malformed("bad_version" if int(version[1]) > 1 else "bad_request_line", _shown(line))
    return Malformed("bad_request_line", _shown(line))


def _what_is_wrong(head: bytes, start: int) -> Malformed:
    """Name the first fault in fields that the pattern did not cover."""
    for line in head[start:-2].split(b"\n"):
        if not line:
            continue
        if not line.endswith(b"\r") or b"\r" in line[:-1]:
            return Malformed("bad_line_ending", _shown(line))
        if line[0] in b" \t":
            return Malformed("obsolete_folding", _shown(line))
        if not re.match(rb"" + _TOKEN + rb"++:" + _VALUE + rb"*+\r\Z", line):
            return Malformed("bad_header", _shown(line))
    return Malformed("bad_line_ending")


def _shown(value: bytes) -> str:
    """A piece of a message as it may stand in a log: short, in ASCII."""
    return value[:80].decode("ascii", "backslashreplace").strip()
