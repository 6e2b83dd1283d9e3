"""Names what can go wrong between us and a directory."""

from __future__ import annotations

from typing import Any

KIND = "urn:ietf:params:acme:error:"
"""What the types of all ACME errors begin with (RFC 8555 section 6.7)."""

_KINDS = frozenset(
    {
        "accountDoesNotExist",
        "alreadyReplaced",
        "alreadyRevoked",
        "badCSR",
        "badNonce",
        "badPublicKey",
        "badSignatureAlgorithm",
        "caa",
        "compound",
        "connection",
        "dns",
        "externalAccountRequired",
        "incorrectResponse",
        "invalidContact",
        "malformed",
        "orderNotReady",
        "rateLimited",
        "rejectedIdentifier",
        "serverInternal",
        "tls",
        "unauthorized",
        "unsupportedContact",
        "unsupportedIdentifier",
        "userActionRequired",
    }
)
"""All that metrics know by name: anybody may make up others."""

_LONGEST = 500


class AcmeFailed(Exception):
    """A certificate can not be had now; says why in one line, and when to come again where that is known."""

    def __init__(self, why: str, wait: float | None = None, word: str = "directory") -> None:
        """`wait` is in seconds, as the directory asks for it; metrics count it under `word`."""
        super().__init__(_plain(why))
        self.wait = wait
        self.word = word


class Taken(AcmeFailed):
    """Another process looks after these certificates."""


class Problem(AcmeFailed):
    """A directory has said no, by a problem document (RFC 7807, RFC 8555 section 6.7)."""

    def __init__(self, kind: str, why: str, wait: float | None = None) -> None:
        """`kind` is the type's last word, such as `rateLimited`."""
        super().__init__(why, wait, kind if kind in _KINDS else "other")
        self.kind = kind


def problem(document: Any, status: int, wait: float | None = None) -> Problem:
    """What a problem document says, that of a challenge too; it may be anything but a document."""
    if not isinstance(document, dict):
        return Problem("", f"the directory answered with status {status}", wait)
    kind = str(document.get("type", "")).removeprefix(KIND)
    detail = str(document.get("detail", "")) or f"status {status}"
    for part in document.get("subproblems") or ():
        if isinstance(part, dict):
            name = (part.get("identifier") or {}).get("value", "") if part.get("identifier") else ""
            detail += f"; {name}: {part.get('detail', '')}" if name else f"; {part.get('detail', '')}"
    return Problem(kind, f"{kind or 'the directory refused'}: {detail}", wait)


def _plain(text: str) -> str:
    """One line of bounded length, whatever somebody else has written."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."
