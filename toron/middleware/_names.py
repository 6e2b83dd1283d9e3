"""Says which header fields a configuration may change."""

from __future__ import annotations

import re

TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")

FRAMING = frozenset({"content-length", "transfer-encoding", "trailer"})
"""Where a message ends (RFC 9112 section 6): the gateway writes these from the body itself."""

HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "te", "upgrade"})
"""Fields of one connection only (RFC 9110 section 7.6.1)."""


def checked_name(name: str) -> str:
    """The name; ValueError, saying why, for one that is no token or that a rule must not change."""
    if not TOKEN.fullmatch(name):
        raise ValueError(f"{name!r} is not a header name: write letters, digits and dashes, such as X-Team")
    lower = name.lower()
    if lower in FRAMING:
        raise ValueError(f"{name} cannot be changed: it says where the message ends, which toron works out")
    if lower in HOP_BY_HOP:
        raise ValueError(f"{name} cannot be changed: it belongs to a single connection, not to the message")
    return name
