"""Reads the keys that tokens may be signed with, each bound to the algorithms it is for."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, JWKRegistry, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

Algorithm = Literal[
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
]  # fmt: skip
"""What a token may be signed with (RFC 7518 section 3.1, RFC 8037, RFC 9864); never `none`."""

_SECRET_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}
"""The least a secret must have (RFC 7518 section 3.2)."""

_RSA_BITS = 2048
"""The least an RSA key must have (RFC 7518 section 3.3)."""

_POSSIBLE: dict[str, tuple[str, ...]] = {
    "oct": ("HS256", "HS384", "HS512"),
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "P-256": ("ES256",),
    "P-384": ("ES384",),
    "P-521": ("ES512",),
    "Ed25519": ("EdDSA", "Ed25519"),
}
_USUAL: dict[str, tuple[str, ...]] = {**_POSSIBLE, "oct": ("HS256",), "RSA": ("RS256",)}


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A key, and the only algorithms whose signatures it is asked to check.

    A public key is thus never taken for the secret of an HMAC, whatever a token's header says.
    """

    key: Key
    algorithms: frozenset[str]
    kid: str | None

    def signed(self, algorithm: str, message: bytes, signature: bytes) -> bool:
        """Whether this key made the signature."""
        return JWSRegistry.algorithms[algorithm].verify(message, signature, self.key)


def from_secret(secret: str, allowed: Sequence[str]) -> VerifyingKey:
    """A shared secret; ValueError when it is empty or is really a public key."""
    raw = secret.encode()
    algorithms = frozenset(allowed).intersection(_POSSIBLE["oct"]) if allowed else frozenset(_USUAL["oct"])
    if not algorithms:
        raise ValueError(
            f"a secret is for HS256, HS384 or HS512, and `algorithms` has only {', '.join(allowed)}:"
            " add one of those, or write `public_key` or `keys` instead of `secret`"
        )
    if not raw:
        raise ValueError("the secret is empty: make one with `openssl rand -hex 32`")
    if b"-----BEGIN" in raw or raw.startswith((b"ssh-", b"ecdsa-")):
        raise ValueError("the secret is a public key or certificate: write it as `public_key`")
    with warnings.catch_warnings():
        # A short one is warned of by us, in words that say what to do.
        warnings.simplefilter("ignore", SecurityWarning)
        return VerifyingKey(OctKey.import_key(raw), algorithms, None)


def weakness(secret: str, allowed: Sequence[str]) -> str | None:
    """What to say of a secret that is shorter than its algorithm should have (RFC 7518 section 3.2)."""
    strongest = max(frozenset(allowed).intersection(_POSSIBLE["oct"]) or _USUAL["oct"])
    if len(secret.encode()) >= _SECRET_BYTES[strongest]:
        return None
    return (
        f"the secret has {len(secret.encode())} bytes, and {strongest} should have"
        f" {_SECRET_BYTES[strongest]} or more: make one with `openssl rand -hex 32`"
    )


def from_pem(pem: str, allowed: Sequence[str]) -> VerifyingKey:
    """A public key or certificate in PEM; ValueError when it is none, or is a private key."""
    if "PRIVATE KEY" in pem:
        raise ValueError("the public key is a private key: write only its public half here")
    kinds: tuple[type[RSAKey] | type[ECKey] | type[OKPKey], ...] = (RSAKey, ECKey, OKPKey)
    for kind in kinds:
        try:
            key = _imported(kind.import_key, pem)
        except (JoseError, ValueError, TypeError):
            continue
        return _bound(key, allowed)
    raise ValueError("the public key is not understood: write PEM, from -----BEGIN PUBLIC KEY----- on")


def from_jwks(text: str, allowed: Sequence[str]) -> list[VerifyingKey]:
    """The keys of a JWK set (RFC 7517 section 5) that check signatures; ValueError when none does."""
    try:
        found = json.loads(text)["keys"]
    except (ValueError, TypeError, KeyError):
        raise ValueError('the key file is not a JWK set: it must be JSON such as {"keys": [...]}') from None
    keys: list[VerifyingKey] = []
    problem = "it is empty"
    for parameters in found if isinstance(found, list) else ():
        try:
            if parameters.get("use", "sig") == "sig":
                keys.append(_bound(_imported(JWKRegistry.import_key, parameters), allowed, parameters))
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
            # One key of a kind that is not known here must not spoil the rest (RFC 7517 section 5).
            problem = str(error)
    if not keys:
        raise ValueError(f"no key of the key file can check tokens: {problem}")
    return keys


def _imported(reader: Callable[..., Key], source: Any) -> Key:
    """Read a key; what joserfc only warns of is an error of ours, or none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        return reader(source)


def _bound(key: Key, allowed: Sequence[str], parameters: dict[str, Any] | None = None) -> VerifyingKey:
    kind = key.curve_name if isinstance(key, ECKey | OKPKey) else key.key_type
    possible = _POSSIBLE.get(kind, ())
    meant = parameters.get("alg") if parameters else None
    algorithms = set(possible if allowed or meant else _USUAL.get(kind, ()))
    if allowed:
        algorithms &= set(allowed)
    if meant:
        algorithms &= {meant}
    if not algorithms:
        suits = ", ".join(_only(possible, meant)) or "nothing known here"
        wanted = f", not for {', '.join(allowed)}" if allowed else ""
        raise ValueError(f"this {kind} key is for {suits}{wanted}")
    if isinstance(key, OctKey):
        least = _SECRET_BYTES[max(algorithms)]
        if len(key.raw_value) < least:
            raise ValueError(f"a secret of {len(key.raw_value)} bytes is too short: {least} are needed")
    elif key.is_private:
        raise ValueError("a private key is not needed here: write only its public half")
    if isinstance(key, RSAKey) and key.public_key.key_size < _RSA_BITS:
        raise ValueError(f"an RSA key of {key.public_key.key_size} bits is too short: {_RSA_BITS} are needed")
    return VerifyingKey(key, frozenset(algorithms), key.kid if parameters and "kid" in parameters else None)


def _only(possible: Iterable[str], meant: str | None) -> list[str]:
    return [name for name in possible if meant in (None, name)]
