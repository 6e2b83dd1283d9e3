"""The cookie that keeps a client on one server: sealed, so nobody can read or make one."""

from __future__ import annotations

import os
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from toron.wire.headers import Field, Headers, fold

_NONCE = 12
_EXPIRY = 8
_BLOCK = 32
"""Names are filled up to a multiple of this, so that a value's length says little of them."""
_VALUE = re.compile(rb"[0-9A-Za-z_-]{40,1024}+")


class StickySeal:
    """Seals a server's name into a cookie value, and opens it again until it is too old.

    The first secret seals, every one opens: put a new one first to rotate. `ttl` is in seconds;
    `scope` is whatever the cookie is good for (a route, a backend): in another it does not open.
    `random(n)` gives n unpredictable bytes.
    """

    __slots__ = ("_bound", "_ciphers", "_marker", "_name", "_random", "_ttl")

    def __init__(
        self,
        secrets: Sequence[bytes],
        name: bytes,
        ttl: float,
        scope: bytes,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """ValueError when there is no secret, or an empty one."""
        if not secrets or not all(secrets):
            raise ValueError("a sticky cookie needs a secret that is not empty")
        self._ciphers = [AESGCM(_key(secret)) for secret in secrets]
        self._bound = name + b"\0" + scope
        self._marker = name + b"="
        self._name = name
        self._ttl = ttl
        self._random = random

    def seal(self, server_name: str, now: float) -> bytes:
        """A cookie value for this server; `now` in seconds of the wall clock."""
        name = server_name.encode("utf-8")
        text = int(now + self._ttl).to_bytes(_EXPIRY, "big") + name + bytes(-len(name) % _BLOCK)
        nonce = self._random(_NONCE)
        return urlsafe_b64encode(nonce + self._ciphers[0].encrypt(nonce, text, self._bound)).rstrip(b"=")

    def open(self, value: bytes, now: float) -> str | None:
        """The server's name; None when the value is not ours, was changed, or is too old."""
        if _VALUE.fullmatch(value) is None or len(value) % 4 == 1:
            return None
        sealed = urlsafe_b64decode(value + b"=" * (-len(value) % 4))
        if urlsafe_b64encode(sealed).rstrip(b"=") != value:
            # The last character has spare bits: another spelling of what we wrote is not what we wrote.
            return None
        for cipher in self._ciphers:
            try:
                text = cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], self._bound)
            except InvalidTag:
                continue
            if now >= int.from_bytes(text[:_EXPIRY], "big"):
                return None
            return text[_EXPIRY:].rstrip(b"\0").decode("utf-8")
        return None

    def set_cookie(self, value: bytes, secure: bool) -> bytes:
        """The value of a Set-Cookie field (RFC 6265 section 4.1)."""
        age = b"%d" % self._ttl
        cookie = self._marker + value + b"; Path=/; Max-Age=" + age + b"; HttpOnly; SameSite=Lax"
        return cookie + b"; Secure" if secure else cookie

    def take(self, headers: Headers) -> bytes | None:
        """Remove this cookie from a request's Cookie fields; its first value, None when absent.

        Other cookies stay as they are, byte for byte; a field that has none left is removed.
        """
        if b"cookie" not in headers:
            return None
        fields = [field for field in headers.fields if fold(field[0]) == b"cookie"]
        if not any(self._name in value for _, value in fields):
            return None
        taken: list[bytes] = []
        kept: list[Field] = []
        for name, value in fields:
            others = [pair for pair in value.split(b";") if not self._is_ours(pair, taken)]
            rest = b";".join(others)
            if rest.strip(b" \t;"):
                kept.append((name, rest.lstrip(b" \t")))
        if not taken:
            return None
        headers.remove(b"cookie")
        for name, value in kept:
            headers.add(name, value)
        return taken[0]

    def _is_ours(self, pair: bytes, taken: list[bytes]) -> bool:
        name, equals, value = pair.partition(b"=")
        if not equals or name.strip(b" \t") != self._name:
            return False
        taken.append(value.strip(b" \t"))
        return True


def _key(secret: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"toron sticky cookie").derive(secret)
