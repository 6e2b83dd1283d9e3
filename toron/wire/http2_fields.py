"""Reads the field lists of HTTP/2, strictly (RFC 9113 sections 8.2 and 8.3); HTTP/3 has the same.

What a server that is asked in HTTP/1.1 could read differently is refused: that is how requests are
smuggled. Nothing of a message is told before all of its list was looked at.
"""

from __future__ import annotations

import re
from typing import Final

from toron.wire.chunked import NOT_IN_TRAILERS
from toron.wire.events import Malformed, RequestHead, ResponseHead
from toron.wire.headers import Field, Headers, Remembered, headers_of
from toron.wire.http1_fields import CONNECTION_FIELDS, TOKEN, VALUE, content_length, shown
from toron.wire.http1_head import authority_of

NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]++").fullmatch
GOOD_VALUE = re.compile(rb"(?:(?![ \t])" + VALUE + rb"*+(?<![ \t]))?").fullmatch
PATH = re.compile(rb"/[!\"\x24-\x7e\x80-\xff]*+").fullmatch
_TOKEN = re.compile(TOKEN + rb"++").fullmatch
_STATUS = re.compile(rb"[1-9][0-9][0-9]").fullmatch
VERSION: Final = (2, 0)

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

_REQUEST = frozenset({b":authority", b":method", b":path", b":protocol", b":scheme"})
_NO_TUNNEL = (b"h2", b"http/", b"tls/")
"""Protocols that would carry requests we never see."""

# What is done with a field.
_PASSED: Final = 0
_CRUMB: Final = 1
_HELD: Final = 2
_DROPPED: Final = 3
_LOOKALIKE: Final = 4


class _Kinds(dict[Field, int]):
    """What is done with fields: with the same few hundred, over and over."""

    def __missing__(self, field: Field) -> int:
        kind = _kind_of(field)
        if len(field[0]) + len(field[1]) <= 256:
            if len(self) >= 4096:
                # Somebody makes them up. Those that are in use come back by themselves.
                self.clear()
            self[field] = kind
        return kind


def _kind_of(field: Field) -> int:
    """What is done with a field; Malformed when it is not well formed or never allowed."""
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


_kind: Final = _Kinds().__getitem__


class _Section:
    """The fields of a head: those for the other end, and those for the codec."""

    __slots__ = ("fields", "held", "index")

    def __init__(self, fields: list[Field], start: int, most: int, strict: bool) -> None:
        """Sort those from `start` on; Malformed says what is wrong with one. `strict`: of a request."""
        self.fields: list[Field] = []
        self.index: dict[bytes, bytes] = {}
        """The first value of each name."""
        self.held: dict[bytes, bytes] = {}
        crumbs: list[bytes] = []
        crumb_at = 0
        for field in fields[start:] if start else fields:
            kind = _kind(field)
            name, value = field
            if kind == _PASSED:
                self.fields.append(field)
                if name not in self.index:
                    self.index[name] = value
            elif kind == _CRUMB:
                if not crumbs:
                    crumb_at = len(self.fields)
                    self.fields.append(field)
                crumbs.append(value)
            elif kind == _HELD:
                if name not in self.held:
                    self.held[name] = value
                elif strict and name in _REPEATED:
                    raise Malformed(_REPEATED[name], "repeated")
                else:
                    self.held[name] += b", " + value
            elif kind == _LOOKALIKE and strict:
                raise Malformed(_LOOKALIKES[name], shown(name))
        if len(self.fields) > most:
            raise Malformed("too_many_fields", f"more than {most}")
        if crumbs:
            # One field again, as HTTP/1.1 has it (section 8.2.3).
            whole = crumbs[0] if len(crumbs) == 1 else b"; ".join(crumbs)
            self.fields[crumb_at] = (b"cookie", whole)
            self.index[b"cookie"] = whole


def _host(authority: bytes) -> Field:
    """The Host field for an authority; Malformed (`bad_host`) when it is none, or has a user in it."""
    field = (b"Host", authority)
    authority_of(Headers([field]))
    return field


_host_field = Remembered(_host, longest=255).__getitem__
_is_method = Remembered(lambda method: _TOKEN(method) is not None).__getitem__


def read_request(fields: list[Field], ended: bool, most: int) -> RequestHead:
    """The head of a request. Malformed when anything is wrong with it.

    `ended` says that nothing follows it, `most` how many fields there may be. An extended CONNECT
    (RFC 8441) is told as a GET that asks for an upgrade.
    """
    asked: dict[bytes, bytes] = {}
    for name, value in fields:
        if name[:1] != b":":
            break
        if name in asked or name not in _REQUEST:
            raise Malformed("pseudo_field", f"{shown(name)} is repeated or not known")
        asked[name] = value
    section = _Section(fields, len(asked), most, True)
    method = asked.get(b":method", b"")
    upgrade = b""
    if method == b"CONNECT":
        upgrade = _tunnel(asked)
    elif not _is_method(method) or b":protocol" in asked:
        raise Malformed("pseudo_field", f":method {shown(method)}")
    target = asked.get(b":path", b"")
    if not PATH(target) and (target != b"*" or method != b"OPTIONS"):
        raise Malformed("bad_target" if target else "pseudo_field", f":path {shown(target)}")
    scheme = asked.get(b":scheme", b"")
    if scheme != b"https" and scheme != b"http":
        raise Malformed("pseudo_field", f":scheme {shown(scheme)}")
    held = section.held
    authority = asked.get(b":authority")
    host = held.get(b"host")
    if authority is None:
        if host is None:
            raise Malformed("bad_host", "missing")
        authority = host
    field = _host_field(authority)
    if host is not None and host != authority:
        authority_of(Headers([(b"Host", host)]), asked=authority, scheme=scheme)
    section.fields.insert(0, field)
    section.index[b"host"] = authority
    length: int | None = 0 if ended else None
    expects = trailers = False
    if held:
        announced = content_length(held)
        if announced is not None:
            if ended and announced:
                raise Malformed("body_length", f"{announced} announced, nothing came")
            length = announced
        if b"te" in held:
            if held[b"te"].lower() != b"trailers":
                raise Malformed("connection_field", f"te: {shown(held[b'te'])}")
            trailers = True
        if b"expect" in held:
            if held[b"expect"].lower() != b"100-continue":
                raise Malformed("bad_expectation", shown(held[b"expect"]))
            expects = length != 0
    if upgrade:
        if length:
            raise Malformed("bad_upgrade", "with a body")
        method = b"GET"
        length = 0
        expects = False
    return RequestHead(
        method, target, headers_of(section.fields, section.index), authority, VERSION, length, upgrade,
        expects, trailers,
    )  # fmt: skip


def _tunnel(asked: dict[bytes, bytes]) -> bytes:
    """The protocol of an extended CONNECT, in lower case; Malformed for any other CONNECT."""
    protocol = asked.get(b":protocol")
    if protocol is None:
        raise Malformed("connect_refused")
    if b":authority" not in asked:
        raise Malformed("pseudo_field", "CONNECT without :authority")
    protocol = protocol.lower()
    if not _TOKEN(protocol) or protocol.startswith(_NO_TUNNEL):
        raise Malformed("bad_upgrade", shown(protocol))
    return protocol


def read_response(fields: list[Field], most: int) -> ResponseHead:
    """The head of a response, interim or final. Malformed when anything is wrong with it.

    Its length is what it says, None where it says nothing.
    """
    if not fields or fields[0][0] != b":status":
        raise Malformed("pseudo_field", "no :status")
    status = fields[0][1]
    if not _STATUS(status):
        raise Malformed("bad_status_line", shown(status))
    section = _Section(fields, 1, most, False)
    if b"te" in section.held:
        raise Malformed("connection_field", "te")
    length = content_length(section.held, False)
    return ResponseHead(int(status), headers_of(section.fields, section.index), b"", VERSION, length)


def read_trailers(fields: list[Field], most: int) -> Headers | None:
    """The fields behind a body; None when there are none. Malformed when one is not for there."""
    for field in fields:
        _kind(field)
        name = field[0]
        plain = name.replace(b"_", b"-")
        if plain in NOT_IN_TRAILERS or plain.startswith(b"x-forwarded-"):
            raise Malformed("bad_trailer", shown(name))
    if len(fields) > most:
        raise Malformed("too_many_fields", f"more than {most}")
    return headers_of(fields) if fields else None
