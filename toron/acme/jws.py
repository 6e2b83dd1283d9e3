"""Signs what is said to a directory (RFC 8555 section 6.2), with the key of an account."""

from __future__ import annotations

import json
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from josepy.b64 import b64encode
from josepy.jwa import ES256, HS256
from josepy.jwk import JWKEC


class AccountKey:
    """An ECDSA key on P-256, which directories have to take (RFC 8555 section 6.2 asks for ES256)."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self._public = JWKEC(key=key.public_key())

    @classmethod
    def new(cls) -> AccountKey:
        """A key nobody has."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def read(cls, pem: bytes) -> AccountKey:
        """The key in a PEM file; ValueError where there is none of this kind."""
        try:
            key = serialization.load_pem_private_key(pem, None)
        except TypeError:
            raise ValueError("the key of the account has a passphrase") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise ValueError("the key of the account is not one on P-256")
        return cls(key)

    def pem(self) -> bytes:
        """The key, to be kept secret."""
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def jwk(self) -> dict[str, Any]:
        """The public half (RFC 7517)."""
        return dict(self._public.to_json())

    @property
    def thumbprint(self) -> str:
        """What proofs name the account by (RFC 7638)."""
        return _base64(self._public.thumbprint())

    def sign(self, url: str, nonce: str, payload: Any, account: str = "") -> bytes:
        """A request for `url`; None is POST-as-GET. Without the URL of an account the key itself is sent."""
        header: dict[str, Any] = {"alg": "ES256", "nonce": nonce, "url": url}
        header |= {"kid": account} if account else {"jwk": self.jwk}
        protected, body = _base64(_json(header)), "" if payload is None else _base64(_json(payload))
        signature = ES256.sign(self._key, f"{protected}.{body}".encode())
        return _json({"protected": protected, "payload": body, "signature": _base64(signature)})

    def bound(self, url: str, kid: str, hmac: bytes) -> dict[str, str]:
        """The public half, signed by one that the directory gave us (RFC 8555 section 7.3.4)."""
        protected = _base64(_json({"alg": "HS256", "kid": kid, "url": url}))
        payload = _base64(_json(self.jwk))
        signature = HS256.sign(hmac, f"{protected}.{payload}".encode())
        return {"protected": protected, "payload": payload, "signature": _base64(signature)}


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
