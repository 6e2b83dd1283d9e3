"""Verifies signed tokens (JWS compact form, RFC 7515 section 3.1, with JWT claims, RFC 7519)."""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.util import urlsafe_b64decode

from toron.core.refusal import BAD_TOKEN, TOKEN_CLAIMS, TOKEN_EXPIRED, Refusal
from toron.middleware._claims import claim, holds
from toron.middleware._keys import VerifyingKey

LONGEST = 16 << 10
"""Bytes a token may have."""

REMEMBERED = 1024
"""Good tokens that are remembered, so that the next request with one costs a look-up."""

FOREVER = 1 << 52
"""Seconds since 1970 that nobody lives to see."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a token must say; empty is no condition. `leeway` in seconds."""

    leeway: float
    issuer: Sequence[str] = ()
    audience: Sequence[str] = ()
    required: Sequence[str] = ()
    claims: Mapping[str, tuple[Any, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """A good token's claims, and the time (seconds since 1970) from which it no longer is."""

    claims: dict[str, Any]
    until: float


class Verifier:
    """Checks tokens against keys and rules."""

    __slots__ = ("_algorithms", "_keys", "_remembered", "_rules")

    def __init__(self, keys: Sequence[VerifyingKey], rules: Rules) -> None:
        self._keys = keys
        self._rules = rules
        self._algorithms = frozenset(name for key in keys for name in key.algorithms)
        self._remembered: OrderedDict[bytes, Verified] = OrderedDict()

    def verify(self, token: bytes, now: float) -> Verified:
        """The token's claims; Refusal with the reason, and no header, when it is not good."""
        known = self._remembered.get(token)
        if known is not None:
            if now < known.until:
                return known
            del self._remembered[token]
        claims = self._signed_claims(token)
        self._check_times(claims, now)
        self._check_rules(claims)
        # Whole numbers may be larger than a float can be.
        verified = Verified(claims, min(claims.get("exp", FOREVER), FOREVER) + self._rules.leeway)
        if len(self._remembered) >= REMEMBERED:
            self._remembered.popitem(last=False)
        self._remembered[token] = verified
        return verified

    def _signed_claims(self, token: bytes) -> dict[str, Any]:
        if len(token) > LONGEST:
            raise Refusal(BAD_TOKEN, "too long")
        message, _, signature_text = token.rpartition(b".")
        header_text, dot, payload = message.partition(b".")
        if not dot or b"." in payload:
            raise Refusal(BAD_TOKEN, "not three parts")
        header = _object(header_text, "header")
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            raise Refusal(BAD_TOKEN, "an algorithm that is not allowed")
        if "crit" in header or "b64" in header:
            # We know no extension, so one that must be understood is a refusal (RFC 7515 section 4.1.11).
            raise Refusal(BAD_TOKEN, "a critical header")
        try:
            signature = urlsafe_b64decode(signature_text)
        except ValueError:
            raise Refusal(BAD_TOKEN, "a signature that is not base64url") from None
        for key in self._keys:
            if algorithm not in key.algorithms:
                continue
            if kid is not None and key.kid is not None and kid != key.kid:
                continue
            if _signed(key, algorithm, message, signature):
                return _object(payload, "payload")
        raise Refusal(BAD_TOKEN, "no key made this signature")

    def _check_times(self, claims: dict[str, Any], now: float) -> None:
        leeway = self._rules.leeway
        for name in ("exp", "nbf", "iat"):
            time = claims.get(name)
            if time is None and name not in claims:
                continue
            if isinstance(time, bool) or not isinstance(time, int | float):
                raise Refusal(BAD_TOKEN, f"{name} is not a time")
            if isinstance(time, float) and not math.isfinite(time):
                raise Refusal(BAD_TOKEN, f"{name} is not a time")
            if (time <= now - leeway) if name == "exp" else (time > now + leeway):
                raise Refusal(TOKEN_EXPIRED, name)

    def _check_rules(self, claims: dict[str, Any]) -> None:
        rules = self._rules
        if rules.issuer and claims.get("iss") not in rules.issuer:
            raise Refusal(BAD_TOKEN, "iss")
        if rules.audience:
            audience = claims.get("aud")
            audiences = audience if isinstance(audience, list) else [audience]
            if not any(one in rules.audience for one in audiences):
                raise Refusal(BAD_TOKEN, "aud")
        for name in rules.required:
            if claim(claims, name) is None:
                raise Refusal(BAD_TOKEN, f"no {name}")
        for name, wanted in (rules.claims or {}).items():
            if not holds(name, claim(claims, name), wanted):
                raise Refusal(TOKEN_CLAIMS, name)


def _signed(key: VerifyingKey, algorithm: str, message: bytes, signature: bytes) -> bool:
    try:
        return key.signed(algorithm, message, signature)
    except (JoseError, ValueError):
        return False


def _object(text: bytes, what: str) -> dict[str, Any]:
    try:
        found = json.loads(urlsafe_b64decode(text))
    except (ValueError, RecursionError):
        raise Refusal(BAD_TOKEN, f"a {what} that is not JSON in base64url") from None
    if not isinstance(found, dict):
        raise Refusal(BAD_TOKEN, f"a {what} that is not an object")
    return found
