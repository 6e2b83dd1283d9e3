"""Makes tokens for the tests: good ones, and ones that say whatever is wanted."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import warnings
from typing import Any

from joserfc import jwt as tokens
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

SECRET = "0123456789abcdef0123456789abcdef"
OTHER = "another-secret-of-at-least-32-bytes!"
NOW = 1_800_000_000.0
RSA = RSAKey.generate_key(2048)
EC = ECKey.generate_key("P-256")
ED = OKPKey.generate_key("Ed25519")
with warnings.catch_warnings():
    warnings.simplefilter("ignore", SecurityWarning)
    SHORT = RSAKey.generate_key(1024)


def signed(key: Key | str = SECRET, header: dict[str, Any] | None = None, **claims: Any) -> bytes:
    """A good token."""
    header = header or {"alg": "HS256"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        key = OctKey.import_key(key) if isinstance(key, str) else key
        return tokens.encode(header, claims, key, algorithms=[header["alg"]]).encode()


def raw(header: Any, payload: Any, secret: str = SECRET) -> bytes:
    """A token made by hand, signed with HMAC, whatever it says."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    message = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = hmac.new(secret.encode(), message, hashlib.sha256).digest()
    return message + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")


def pem(key: RSAKey | ECKey | OKPKey) -> str:
    """The public half."""
    return key.as_pem(private=False).decode()


def key_set(*keys: Key | dict[str, Any]) -> str:
    """A JWK set: public halves, and secrets as they are."""
    parts = [key if isinstance(key, dict) else key.as_dict(private=isinstance(key, OctKey)) for key in keys]
    return json.dumps({"keys": parts})
