"""Looks up and compares the claims of a token."""

from __future__ import annotations

import json
from typing import Any

NOTE = "claims"
"""Where `request.notes` keeps the claims of a verified token (a dict)."""

SCOPES = frozenset({"scope", "scp"})
"""Claims whose text is a list of words (RFC 8693 section 4.2)."""

_MISSING = object()


def claim(claims: dict[str, Any], name: str) -> Any:
    """The claim of that name, else what lies there by dots (`realm_access.roles`); None if absent."""
    found = claims.get(name, _MISSING)
    if found is not _MISSING:
        return found
    inner: Any = claims
    for part in name.split("."):
        if not isinstance(inner, dict) or part not in inner:
            return None
        inner = inner[part]
    return inner


def holds(name: str, value: Any, wanted: tuple[Any, ...]) -> bool:
    """Whether the claim's value is, or contains, any of what is wanted."""
    values = value if isinstance(value, list) else [value]
    if isinstance(value, str) and name in SCOPES:
        values = value.split(" ")
    return any(_same(one, other) for one in values for other in wanted)


def _same(one: Any, other: Any) -> bool:
    # True is 1 in Python, but not in JSON.
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def as_text(value: Any) -> str | None:
    """A claim as a header value: texts as they are, lists of texts with commas, else JSON; None if absent."""
    if value is None:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ",".join(value)
    return json.dumps(value, separators=(",", ":"))
