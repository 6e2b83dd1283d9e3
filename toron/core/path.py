"""The path of a request as routes see it."""

from __future__ import annotations

import re

from toron.core.refusal import REASONS, Refusal

_BAD_PATH = REASONS["bad_path"]
_PLAIN = re.compile(rb"(?:/[^\x00-\x1f\x7f%/\\.][^\x00-\x1f\x7f%/\\]*+)+/?|/").fullmatch
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})").search
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]").search
_UPWARDS = re.compile(rb"(?:[/\\]|%2F)\.\.(?:[/\\;]|%2F|\Z)").search
"""A `..`, where a slash is a slash, or is escaped, or a backslash, and may begin with parameters."""
_KEPT = {0x2F: b"%2F", 0x25: b"%25"}
"""An escaped slash is not a separator, and an escaped percent sign does not start an escape."""


def route_path(raw: bytes) -> bytes:
    """Decode escapes once, merge `//`, take out `.` segments; `%2F` and `%25` stay escaped.

    Servers are sent the path as it came, so what they may read in another way than we do is refused
    instead of repaired: a `..` segment in any spelling, an escape that is none, NUL and other
    control characters, a path that does not begin with `/` (`*` does not need to). Raises
    Refusal `bad_path`. (RFC 3986 sections 3.3 and 6.2.2; clients resolve `..` before they ask.)
    """
    if _PLAIN(raw):
        return raw
    if not raw.startswith(b"/"):
        if raw == b"*":
            return raw
        raise Refusal(_BAD_PATH, "it does not begin with /")
    if _BROKEN_ESCAPE(raw):
        raise Refusal(_BAD_PATH, "a % that escapes nothing")
    path = _ESCAPE.sub(_decoded, raw)
    if control := _CONTROL(path):
        raise Refusal(_BAD_PATH, f"a control character, %{control[0][0]:02X}")
    if _UPWARDS(path):
        raise Refusal(_BAD_PATH, "a .. segment")
    pieces = path.split(b"/")
    parts = [piece for piece in pieces if piece not in (b"", b".")]
    canonical = b"/" + b"/".join(parts)
    return canonical + b"/" if parts and pieces[-1] in (b"", b".") else canonical


def _decoded(escape: re.Match[bytes]) -> bytes:
    code = int(escape[1], 16)
    return _KEPT.get(code) or bytes((code,))


_UNSAFE = re.compile(rb"[^!$&'()*+,\-./0-9:;=@A-Z_a-z~%]")


def escaped(path: bytes) -> bytes:
    """A path as `route_path` gives it, fit to be sent again (RFC 3986 section 3.3)."""
    return _UNSAFE.sub(lambda byte: b"%%%02X" % byte[0][0], path)
