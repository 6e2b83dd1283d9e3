"""What is signed can be verified by who has the public half."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from twisted.trial.unittest import SynchronousTestCase

from toron.acme.jws import AccountKey

URL = "https://ca.test/x"

# The example of RFC 7517 appendix A.2, with its thumbprint.
PRIVATE = ec.EllipticCurvePrivateNumbers(
    int.from_bytes(base64.urlsafe_b64decode("870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE=")),
    ec.EllipticCurvePublicNumbers(
        int.from_bytes(base64.urlsafe_b64decode("MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4=")),
        int.from_bytes(base64.urlsafe_b64decode("4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM=")),
        ec.SECP256R1(),
    ),
).private_key()


def opened(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Signing(SynchronousTestCase):
    def setUp(self) -> None:
        self.key = AccountKey(PRIVATE)

    def parts(self, data: bytes) -> tuple[Any, bytes]:
        found = json.loads(data)
        signature = opened(found["signature"])
        der = encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
        text = f"{found['protected']}.{found['payload']}".encode()
        PRIVATE.public_key().verify(der, text, ec.ECDSA(hashes.SHA256()))
        return json.loads(opened(found["protected"])), opened(found["payload"])

    def test_with_the_key_itself(self) -> None:
        header, payload = self.parts(self.key.sign(URL, "n1", {"a": 1}))
        self.assertEqual(payload, b'{"a":1}')
        self.assertEqual(header, {"alg": "ES256", "nonce": "n1", "url": URL, "jwk": self.key.jwk})
        self.assertNotIn("d", self.key.jwk)

    def test_as_an_account(self) -> None:
        header, payload = self.parts(self.key.sign(URL, "n1", None, "https://ca.test/me"))
        self.assertEqual(payload, b"")
        self.assertEqual(header, {"alg": "ES256", "nonce": "n1", "url": URL, "kid": "https://ca.test/me"})

    def test_an_empty_object_is_no_post_as_get(self) -> None:
        self.assertEqual(self.parts(self.key.sign(URL, "n", {}))[1], b"{}")

    def test_thumbprint(self) -> None:
        members = {name: self.key.jwk[name] for name in ("crv", "kty", "x", "y")}
        text = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
        self.assertEqual(opened(self.key.thumbprint), hashlib.sha256(text).digest())
        self.assertEqual(self.key.jwk["x"], "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4")

    def test_a_binding(self) -> None:
        found = self.key.bound(URL, "kid-1", b"k" * 32)
        text = f"{found['protected']}.{found['payload']}".encode()
        self.assertEqual(opened(found["signature"]), hmac.digest(b"k" * 32, text, "sha256"))
        self.assertEqual(json.loads(opened(found["protected"])), {"alg": "HS256", "kid": "kid-1", "url": URL})
        self.assertEqual(json.loads(opened(found["payload"])), self.key.jwk)


class Keys(SynchronousTestCase):
    def test_there_and_back(self) -> None:
        key = AccountKey.new()
        self.assertEqual(AccountKey.read(key.pem()).jwk, key.jwk)
        self.assertNotEqual(AccountKey.new().jwk, key.jwk)

    def test_what_is_no_key_of_this_kind(self) -> None:
        kinds = [
            rsa.generate_private_key(public_exponent=65537, key_size=2048),
            ec.generate_private_key(ec.SECP384R1()),
        ]
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        bad = [key.private_bytes(encoding, form, serialization.NoEncryption()) for key in kinds]
        locked = PRIVATE.private_bytes(encoding, form, serialization.BestAvailableEncryption(b"x"))
        for pem in (b"", b"garbage", AccountKey.new().pem()[:-60], locked, *bad):
            self.assertRaises(ValueError, AccountKey.read, pem)
