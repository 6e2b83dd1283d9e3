"""Reads the first line of an HTTP/1 message, strictly (RFC 9112 sections 2 to 4)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from toron.wire.events import Malformed
from toron.wire.headers import Headers, Remembered
from toron.wire.http1_fields import TOKEN, VALUE, check_lines, shown

_REQUEST_LINE = re.compile(rb"(" + TOKEN + rb"++) ([!\"\x24-\x7e\x80-\xff]++) HTTP/1\.([01])\r\n").match
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9][0-9])(?: (" + VALUE + rb"*+))?\r\n").match
_VERSION = re.compile(rb"[^ ]+ [^ ]+ HTTP/(\d+)\.\d+").fullmatch
_AUTHORITY = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~\-]+)(?::([0-9]{0,5}))?").fullmatch
_ABSOLUTE = re.compile(rb"(https?)://([^/?]*)([^#]*)", re.IGNORECASE).fullmatch
_is_authority = Remembered(lambda host: _AUTHORITY(host) is not None, longest=255).__getitem__
_REQUEST_START = re.compile(rb"(?:\r\n)?(?:" + TOKEN + rb"|\r?\Z)").match


@dataclass(slots=True)
class RequestLine:
    """The first line of a request, its target split as RFC 9112 section 3.2 says."""

    method: bytes
    target: bytes
    authority: bytes
    """Host and port of an absolute target; empty without one."""
    scheme: bytes
    """Of an absolute target, in lower case."""
    version: tuple[int, int]
    end: int
    """Where the line ends in the head, in bytes."""


def read_request_line(head: bytes, start: int) -> RequestLine:
    """Read the request line at `start`; Malformed says what is wrong with it."""
    line = _REQUEST_LINE(head, start)
    if line is None:
        raise _wrong_request_line(head, start)
    method, target, minor = line.groups()
    authority = scheme = b""
    if method == b"CONNECT":
        raise Malformed("connect_refused")
    if target[0] != 0x2F:
        if target != b"*":
            scheme, authority, target = _absolute(method, target)
        elif method != b"OPTIONS":
            raise Malformed("bad_target", "* is for OPTIONS only")
    return RequestLine(method, target, authority, scheme, (1, 1) if minor == b"1" else (1, 0), line.end())


def _absolute(method: bytes, target: bytes) -> tuple[bytes, bytes, bytes]:
    """Scheme, authority and origin form of an absolute target."""
    absolute = _ABSOLUTE(target)
    if absolute is None:
        raise Malformed("bad_target", shown(target))
    scheme, authority, target = absolute.groups()
    if not _AUTHORITY(authority):
        raise Malformed("bad_target", shown(authority))
    if not target:
        target = b"*" if method == b"OPTIONS" else b"/"
    elif target[0] == 0x3F:
        target = b"/" + target
    return scheme.lower(), authority, target


def authority_of(
    headers: Headers, version: tuple[int, int] = (1, 1), asked: bytes = b"", scheme: bytes = b""
) -> bytes:
    """The host and port asked for; Malformed when Host is missing, odd, or contradicts the target.

    `asked` is the authority of an absolute target, of which `scheme` is the scheme. One of HTTP/1.0
    that comes without Host gets one (RFC 9112 section 3.2.2).
    """
    host = headers.get(b"host")
    if host is None:
        if version >= (1, 1):
            raise Malformed("bad_host", "missing")
        if asked:
            headers.add(b"Host", asked)
        return asked
    if not _is_authority(host):
        raise Malformed("bad_host", shown(host) or "empty")
    if asked and _plain(host, scheme) != _plain(asked, scheme):
        raise Malformed("host_mismatch", f"{shown(host)} and {shown(asked)}")
    return host


def _plain(authority: bytes, scheme: bytes) -> bytes:
    """The authority in lower case, without the port that its scheme has anyway."""
    return authority.lower().removesuffix(b":443" if scheme == b"https" else b":80").removesuffix(b":")


@dataclass(slots=True)
class StatusLine:
    """The first line of a response (RFC 9112 section 4)."""

    status: int
    reason: bytes
    version: tuple[int, int]
    end: int
    """Where the line ends in the head, in bytes."""


def read_status_line(head: bytes) -> StatusLine:
    """Read the status line; Malformed says what was there instead."""
    line = _STATUS_LINE(head)
    if line is None:
        raise Malformed("bad_status_line", shown(_first_line(head, 0)))
    minor, status, reason = line.groups()
    return StatusLine(int(status), reason or b"", (1, 1) if minor == b"1" else (1, 0), line.end())


def check_request_start(held: bytes | bytearray, before: int) -> None:
    """Raise Malformed for the start of a request that can never become a good one.

    What comes ahead of `before` was checked in an earlier call.
    """
    if not _REQUEST_START(held):
        raise Malformed("bad_request_line", shown(held[:32]))
    check_lines(held, before)
    end = held.find(b"\r\n", max(before - 1, 2))
    if end >= 0 and held.find(b"\n", 2, before) < 0:
        read_request_line(bytes(held[: end + 2]), 2 if held.startswith(b"\r\n") else 0)


def check_response_start(held: bytes | bytearray, before: int) -> None:
    """The same for a response."""
    if not b"HTTP/1.".startswith(held[:7]):
        raise Malformed("bad_status_line", shown(held[:32]))
    check_lines(held, before)
    end = held.find(b"\r\n", max(before - 1, 0))
    if end >= 0 and held.find(b"\n", 0, before) < 0:
        read_status_line(bytes(held[: end + 2]))


def _wrong_request_line(head: bytes, start: int) -> Malformed:
    line = _first_line(head, start)
    version = _VERSION(line)
    if version is not None and int(version[1][:4]) > 1:
        return Malformed("bad_version", shown(line))
    return Malformed("bad_request_line", shown(line))


def _first_line(head: bytes, start: int) -> bytes:
    """The line at `start` without its end; Malformed when it does not end as lines do."""
    line = head[start : head.find(b"\n", start) + 1]
    if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
        raise Malformed("bad_line_ending", shown(line))
    return line[:-2]
