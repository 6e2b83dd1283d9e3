"""The path of a request as routes see it."""

from __future__ import annotations

import re

from toron.core.refusal import REASONS, Refusal

_BAD_PATH = REASONS["bad_path"]
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_KEPT = {0x2F: b"%2F", 0x25: b"%25"}
"""An escaped slash is not a separator, and an escaped percent sign does not start an escape."""


def route_path(raw: bytes) -> bytes:
    """Decode escapes once, merge `//`, resolve `.` and `..`; `%2F` and `%25` stay escaped.

    Raises Refusal for an escape that is none, for NUL and other control characters, and for
    `..` above the root. (RFC 3986 section 6.2.2; policy: what is not plain is not guessed.)
    """
    if b"%" not in raw and b"//" not in raw and b"/." not in raw:
        return raw
    if _BROKEN_ESCAPE.search(raw):
        raise Refusal(_BAD_PATH, "a % that escapes nothing")
    path = _ESCAPE.sub(_decoded, raw)
    parts: list[bytes] = []
    pieces = path.split(b"/")
    for piece in pieces[1:]:
        if piece == b"..":
            if not parts:
                raise Refusal(_BAD_PATH, ".. above the root")
            parts.pop()
        elif piece not in (b"", b"."):
            parts.append(piece)
    canonical = b"/" + b"/".join(parts)
    if parts and pieces[-1] in (b"", b".", b".."):
        canonical += b"/"
    return canonical


def _decoded(escape: re.Match[bytes]) -> bytes:
    code = int(escape[1], 16)
    if code < 0x20 or code == 0x7F:
        raise Refusal(_BAD_PATH, f"%{code:02X} in the path")
    return _KEPT.get(code) or bytes((code,))


_UNSAFE = re.compile(rb"[^!$&'()*+,\-./0-9:;=@A-Z_a-z~%]")


def escaped(path: bytes) -> bytes:
    """A path as `route_path` gives it, fit to be sent again (RFC 3986 section 3.3)."""
    return _UNSAFE.sub(lambda byte: b"%%%02X" % byte[0][0], path)
