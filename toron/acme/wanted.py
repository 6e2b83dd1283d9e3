"""Says what a certificate is to be, and how it is to be had."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Binding:
    """An account that somebody has at the directory's own shop (RFC 8555 section 7.3.4)."""

    kid: str
    hmac: bytes
    """The key, decoded."""

    def __repr__(self) -> str:
        return f"Binding({self.kid!r})"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One certificate; two that are equal are one, whoever asks for them."""

    names: tuple[str, ...]
    """In lower case; the first gives the certificate its name."""
    state: str
    """The folder where account and keys live, absolute."""
    directory: str
    """The URL of the directory."""
    ca: bytes = b""
    """Whom to trust for the directory itself, in PEM; empty: the system's."""
    email: str = ""
    challenge: str = "http-01"
    key: str = "ecdsa"
    binding: Binding | None = None
    hook: tuple[str, ...] = ()
    """For dns-01: a command and its first arguments."""
    hook_seconds: float = 60.0
    staples: bool | None = None
    """Whether its responder is to be asked (OCSP); None is for the certificate to say."""

    def at(self, name: str) -> Wanted:
        """The same for one other name."""
        return replace(self, names=(name,))

    @property
    def label(self) -> str:
        """What logs and metrics call it."""
        return self.names[0]

    @property
    def file(self) -> str:
        """The name of its file in `state`, without an ending: one for each set of names, kind and source."""
        first = re.sub(r"[^a-z0-9.-]", "_", self.names[0].replace("*", "any"))[:100]
        whole = "\n".join((self.directory, self.key, *sorted(self.names)))
        return f"{first}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"
