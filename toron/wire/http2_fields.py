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
from toron.wire.http1_fields import TOKEN, content_length, shown
from toron.wire.http1_head import authority_of
from toron.wire.http2_sections import kind_of, sort

PATH = re.compile(rb"/[!\"\x24-\x7e\x80-\xff]*+").fullmatch
_TOKEN = re.compile(TOKEN + rb"++").fullmatch
_STATUS = re.compile(rb"[1-9][0-9][0-9]").fullmatch
VERSION: Final = (2, 0)

_METHOD: Final = 1
_SCHEME: Final = 2
_AUTHORITY: Final = 3
_PATH: Final = 4
_PROTOCOL: Final = 5
_PSEUDO = {
    b":authority": _AUTHORITY, b":method": _METHOD, b":path": _PATH, b":protocol": _PROTOCOL,
    b":scheme": _SCHEME,
}  # fmt: skip
"""The pseudo-fields of requests (section 8.3.1; RFC 8441 section 4)."""
_NO_TUNNEL = (b"h2", b"http/", b"tls/")
"""Protocols that would carry requests we never see."""


def _host(authority: bytes) -> Field:
    """The Host field for an authority; Malformed (`bad_host`) when it is none, or has a user in it."""
    field = (b"Host", authority)
    authority_of(Headers([field]))
    return field


_host_field = Remembered(_host, longest=255).__getitem__


def _trails(name: bytes) -> bool:
    plain = name.replace(b"_", b"-")
    return plain not in NOT_IN_TRAILERS and not plain.startswith(b"x-forwarded-")


_may_trail = Remembered(_trails).__getitem__
_is_method = Remembered(lambda method: _TOKEN(method) is not None).__getitem__


def read_request(fields: list[Field], ended: bool, most: int) -> RequestHead:
    """The head of a request. Malformed when anything is wrong with it.

    `ended` says that nothing follows it, `most` how many fields there may be. An extended CONNECT
    (RFC 8441) is told as a GET that asks for an upgrade.
    """
    method: bytes | None = None
    scheme: bytes | None = None
    authority: bytes | None = None
    target: bytes | None = None
    protocol: bytes | None = None
    start = 0
    for field in fields:
        place = _PSEUDO.get(field[0], 0)
        if place == _METHOD and method is None:
            method = field[1]
        elif place == _SCHEME and scheme is None:
            scheme = field[1]
        elif place == _AUTHORITY and authority is None:
            authority = field[1]
        elif place == _PATH and target is None:
            target = field[1]
        elif place == _PROTOCOL and protocol is None:
            protocol = field[1]
        else:
            # The first of the others; if it is a pseudo-field that comes again, it is not in its place.
            break
        start += 1
    passed: list[Field] = []
    index: dict[bytes, bytes] = {}
    if authority is not None:
        passed.append(_host_field(authority))
        index[b"host"] = authority
    held = sort(fields, start, most, True, passed, index)
    if method is None or not _is_method(method):
        raise Malformed("pseudo_field", f":method {shown(method or b'')}")
    upgrade = b""
    if method == b"CONNECT":
        upgrade = _tunnel(protocol, authority)
    elif protocol is not None:
        raise Malformed("pseudo_field", ":protocol")
    if not target:
        raise Malformed("pseudo_field", "no :path")
    if not PATH(target) and (target != b"*" or method != b"OPTIONS"):
        raise Malformed("bad_target", shown(target))
    if scheme != b"https" and scheme != b"http":
        raise Malformed("pseudo_field", f":scheme {shown(scheme or b'')}")
    host = held.get(b"host")
    if authority is None:
        if host is None:
            raise Malformed("bad_host", "missing")
        authority = host
        passed.insert(0, _host_field(authority))
        index[b"host"] = authority
    elif host is not None and host != authority:
        authority_of(Headers([(b"Host", host)]), asked=authority, scheme=scheme)
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
        method, target, headers_of(passed, index), authority, VERSION, length, upgrade,
        expects, trailers,
    )  # fmt: skip


def _tunnel(protocol: bytes | None, authority: bytes | None) -> bytes:
    """The protocol of an extended CONNECT, in lower case; Malformed for any other CONNECT."""
    if protocol is None:
        raise Malformed("connect_refused")
    if authority is None:
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
    passed: list[Field] = []
    index: dict[bytes, bytes] = {}
    held = sort(fields, 1, most, False, passed, index)
    if b"te" in held:
        raise Malformed("connection_field", "te")
    length = content_length(held, False)
    return ResponseHead(int(status), headers_of(passed, index), b"", VERSION, length)


def read_trailers(fields: list[Field], most: int) -> Headers | None:
    """The fields behind a body; None when there are none. Malformed when one is not for there."""
    for field in fields:
        kind_of(field)
        if not _may_trail(field[0]):
            raise Malformed("bad_trailer", shown(field[0]))
    if len(fields) > most:
        raise Malformed("too_many_fields", f"more than {most}")
    return headers_of(fields) if fields else None
