"""Reads what a directory suggests about when to renew (RFC 9773)."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from josepy.b64 import b64encode


@dataclass(frozen=True, slots=True)
class Window:
    """When to renew, in Unix seconds: any time from `start` to `end`."""

    start: float
    end: float
    why: str = ""
    """A page that explains it."""

    def moment(self, share: float) -> float:
        """The moment in it that is ours by a random `share`, 0 to 1 (RFC 9773 section 4.2)."""
        return self.start + share * (self.end - self.start)


def certificate_id(chain: bytes) -> str:
    """What a directory knows a certificate by (section 4.1); empty where it names no key of its authority."""
    leaf = x509.load_pem_x509_certificate(chain)
    try:
        found = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        return ""
    if found is None:
        return ""
    # As DER has it: a first byte above 127 gets a zero before it.
    serial = leaf.serial_number.to_bytes(leaf.serial_number.bit_length() // 8 + 1, "big")
    return f"{b64encode(found).decode()}.{b64encode(serial).decode()}"


def read_window(document: Any) -> Window | None:
    """The suggested window; None where it is not one (section 4.2: then there is no suggestion)."""
    try:
        window = document["suggestedWindow"]
        start, end = (_moment(window[key]) for key in ("start", "end"))
    except (TypeError, KeyError, ValueError):
        return None
    why = document.get("explanationURL")
    return Window(start, end, why if isinstance(why, str) else "") if start < end else None


def _moment(text: str) -> float:
    moment = datetime.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment.timestamp()
