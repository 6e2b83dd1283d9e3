"""Tests of the keys that tokens may be signed with."""

from __future__ import annotations

from typing import Any

from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from twisted.trial.unittest import SynchronousTestCase

from tests.middleware.signing import EC, ED, RSA, SECRET, SHORT, key_set, pem, signed
from toron.core.refusal import Refusal
from toron.middleware._keys import VerifyingKey, from_jwks, from_pem, from_secret, weakness
from toron.middleware._tokens import Rules, Verifier


def checks(keys: list[VerifyingKey], token: bytes) -> bool:
    """Whether the keys find the token good."""
    try:
        Verifier(keys, Rules(0)).verify(token, 0)
    except Refusal:
        return False
    return True


class Secrets(SynchronousTestCase):
    """What is shared with who signs."""

    def test_the_usual_algorithm(self) -> None:
        self.assertEqual(from_secret(SECRET, ()).algorithms, {"HS256"})
        self.assertEqual(from_secret(SECRET, ("RS256", "HS256")).algorithms, {"HS256"})
        self.assertEqual(from_secret(SECRET * 2, ("HS256", "HS512")).algorithms, {"HS256", "HS512"})

    def test_short_ones_are_warned_of(self) -> None:
        self.assertIsNone(weakness(SECRET, ()))
        for secret, allowed, words in (
            ("short", (), "has 5 bytes, and HS256 should have 32"),
            (SECRET, ("HS512",), "HS512 should have 64"),
            (SECRET, ("HS256", "HS384"), "HS384 should have 48"),
        ):
            self.assertIn(words, weakness(secret, allowed) or "")

    def test_what_is_refused(self) -> None:
        for secret, allowed, words in (
            ("", (), "the secret is empty"),
            (SECRET, ("RS256",), "a secret is for HS256, HS384 or HS512, and `algorithms` has only RS256"),
            (pem(RSA), (), "is a public key or certificate: write it as `public_key`"),
        ):
            with self.subTest(words):
                self.assertIn(words, str(self.assertRaises(ValueError, from_secret, secret, allowed)))


class PublicKeys(SynchronousTestCase):
    """In PEM."""

    def test_each_kind(self) -> None:
        for key, name in (
            (RSA, "RS256"),
            (EC, "ES256"),
            (ED, "EdDSA"),
            (ED, "Ed25519"),
            (ECKey.generate_key("P-384"), "ES384"),
            (ECKey.generate_key("P-521"), "ES512"),
        ):
            with self.subTest(name):
                self.assertTrue(checks([from_pem(pem(key), ())], signed(key, {"alg": name})))
        self.assertEqual(self.flushWarnings(), [])

    def test_an_allow_list(self) -> None:
        keys = [from_pem(pem(RSA), ("PS256", "RS512", "ES256"))]
        for name, good in (("PS256", True), ("RS512", True), ("RS256", False)):
            self.assertEqual(checks(keys, signed(RSA, {"alg": name})), good, name)

    def test_what_is_refused(self) -> None:
        for text, allowed, words in (
            ("x", (), "not understood"),
            ("", (), "not understood"),
            (pem(RSA)[:100], (), "not understood"),
            (RSA.as_pem(private=True).decode(), (), "only its public half"),
            (pem(SHORT), (), "1024 bits"),
            (pem(RSA), ("ES256",), "this RSA key is for RS256"),
            (pem(EC), ("ES384",), "this P-256 key is for ES256, not for ES384"),
            (pem(OKPKey.generate_key("X25519")), (), "nothing known here"),
        ):
            with self.subTest(words):
                self.assertIn(words, str(self.assertRaises(ValueError, from_pem, text, allowed)))


class KeySets(SynchronousTestCase):
    """In JSON."""

    def test_the_token_says_which_key(self) -> None:
        one, two = RSAKey.generate_key(2048, {"kid": "1"}), RSAKey.generate_key(2048, {"kid": "2"})
        keys = from_jwks(key_set(one, two), ())
        self.assertEqual([key.kid for key in keys], ["1", "2"])
        for header, key, good in (
            ({"kid": "1"}, one, True),
            ({"kid": "2"}, two, True),
            ({}, two, True),
            ({"kid": "1"}, two, False),
            ({"kid": "3"}, one, False),
        ):
            self.assertEqual(checks(keys, signed(key, {"alg": "RS256", **header})), good, header)

    def test_keys_for_something_else_are_passed_over(self) -> None:
        unknown: dict[str, Any] = {"kty": "new", "x": 1}
        keys = from_jwks(key_set(RSA, unknown, {**EC.as_dict(private=False), "use": "enc"}), ())
        self.assertEqual([key.key.key_type for key in keys], ["RSA"])

    def test_a_key_says_what_it_is_for(self) -> None:
        [key] = from_jwks(key_set({**RSA.as_dict(private=False), "alg": "RS512"}), ())
        self.assertEqual((key.algorithms, key.kid), ({"RS512"}, None))
        [secret] = from_jwks(key_set(OctKey.import_key(SECRET)), ())
        self.assertEqual(secret.algorithms, {"HS256"})

    def test_what_is_refused(self) -> None:
        for text, words in (
            ("{", "not a JWK set"),
            ("[]", "not a JWK set"),
            ("{}", "not a JWK set"),
            ('{"keys": 5}', "it is empty"),
            ('{"keys": []}', "it is empty"),
            ('{"keys": [5]}', "no key of the key file"),
            (key_set({"kty": "oct", "k": "c2hvcnQ"}), "too short"),
            (key_set(SHORT), "1024 bits is too short"),
            (key_set(RSA.as_dict(private=True)), "only its public half"),
            (key_set({**RSA.as_dict(private=False), "alg": "none"}), "nothing known here"),
            (key_set({**RSA.as_dict(private=False), "alg": "HS256"}), "nothing known here"),
        ):
            with self.subTest(words):
                self.assertIn(words, str(self.assertRaises(ValueError, from_jwks, text, ())))
