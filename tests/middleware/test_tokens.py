"""Tests of verifying tokens: what is good, what is not, and what attackers try."""

from __future__ import annotations

import base64
import json
from typing import Any
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import OctKey
from twisted.trial.unittest import SynchronousTestCase

from tests.middleware.signing import EC, ED, NOW, OTHER, RSA, SECRET, pem, raw, signed
from toron.core.refusal import Refusal
from toron.middleware import _tokens
from toron.middleware._keys import VerifyingKey, from_pem, from_secret
from toron.middleware._tokens import Rules, Verifier

HMAC = from_secret(SECRET, ())


class TokenCase(SynchronousTestCase):
    def passes(
        self, token: bytes, *keys: VerifyingKey, now: float = NOW, leeway: float = 30, **rules: Any
    ) -> None:
        Verifier(keys or (HMAC,), Rules(leeway, **rules)).verify(token, now)

    def refuses(
        self, token: bytes, *keys: VerifyingKey, word: str = "token_invalid", detail: str = "", **rules: Any
    ) -> None:
        refusal = self.assertRaises(Refusal, self.passes, token, *keys, **rules)
        self.assertEqual(refusal.reason.word, word, refusal.detail)
        self.assertIn(detail, refusal.detail)


class Tokens(TokenCase):
    """Made by those who have the key."""

    def test_what_a_good_one_says(self) -> None:
        verified = Verifier([HMAC], Rules(30)).verify(signed(sub="u", exp=NOW + 60), NOW)
        self.assertEqual((verified.claims, verified.until), ({"sub": "u", "exp": NOW + 60}, NOW + 90))

    def test_another_secret(self) -> None:
        self.refuses(signed(OTHER, sub="u"), detail="no key made this signature")

    def test_secrets_can_be_exchanged(self) -> None:
        for secret in (SECRET, OTHER):
            self.passes(signed(secret), from_secret(OTHER, ()), HMAC)

    def test_times(self) -> None:
        for claims, good in (
            ({"exp": NOW - 29}, True),
            ({"exp": NOW - 30}, False),
            ({"exp": NOW - 29.5}, True),
            ({"nbf": NOW + 30}, True),
            ({"nbf": NOW + 31}, False),
            ({"iat": NOW + 31}, False),
            ({"exp": 10**400}, True),
            ({"exp": -(10**400)}, False),
        ):
            with self.subTest(claims):
                if good:
                    self.passes(signed(**claims))
                else:
                    self.refuses(signed(**claims), word="token_expired", detail=next(iter(claims)))
        self.refuses(signed(exp=NOW), leeway=0, word="token_expired")

    def test_times_that_are_none(self) -> None:
        for value in (b'"1900000000"', b"true", b"null", b"[]", b"{}", b"NaN", b"Infinity", b"1e999"):
            for name in ("exp", "nbf", "iat"):
                with self.subTest((name, value)):
                    token = raw({"alg": "HS256"}, b'{"%s":%s}' % (name.encode(), value))
                    self.refuses(token, detail=f"{name} is not a time")

    def test_a_remembered_token_still_expires(self) -> None:
        verifier, token = Verifier([HMAC], Rules(30)), signed(exp=NOW + 10)
        first = verifier.verify(token, NOW)
        with mock.patch.object(_tokens, "_signed", side_effect=AssertionError("checked again")):
            self.assertIs(verifier.verify(token, NOW + 39.9), first)
        refusal = self.assertRaises(Refusal, verifier.verify, token, NOW + 40)
        self.assertEqual(refusal.reason.word, "token_expired")

    def test_memory_is_bounded(self) -> None:
        self.patch(_tokens, "REMEMBERED", 3)
        verifier = Verifier([HMAC], Rules(0))
        for number in range(10):
            self.assertEqual(verifier.verify(signed(n=number), NOW).claims, {"n": number})
        self.assertEqual(len(verifier._remembered), 3)

    def test_audience_and_issuer(self) -> None:
        rules: dict[str, Any] = {"audience": ("api", "web"), "issuer": ("https://id.example",)}
        good: dict[str, Any] = {"iss": "https://id.example"}
        self.passes(signed(aud="web", **good), **rules)
        self.passes(signed(aud=["x", "api"], **good), **rules)
        for claims, detail in (
            ({"aud": "x", **good}, "aud"),
            ({"aud": [], **good}, "aud"),
            ({"aud": {"api": 1}, **good}, "aud"),
            (good, "aud"),
            ({"aud": "api"}, "iss"),
            ({"aud": "api", "iss": "https://id.example.evil"}, "iss"),
            ({"aud": "api", "iss": ["https://id.example"]}, "iss"),
        ):
            with self.subTest(claims):
                self.refuses(signed(**claims), detail=detail, **rules)

    def test_claims(self) -> None:
        wanted: dict[str, Any] = {"claims": {"a": ("1",), "b.c": ("2", "3")}}
        self.passes(signed(a="1", b={"c": "3"}), **wanted)
        for claims, name in (({"a": "1"}, "b.c"), ({"b": {"c": "3"}}, "a"), ({}, "a")):
            self.refuses(signed(**claims), word="token_claims", detail=name, **wanted)

    def test_required_claims(self) -> None:
        self.passes(signed(exp=NOW + 1, a={"b": 0}), required=("exp", "a.b"))
        self.refuses(signed(), required=("exp",), detail="no exp")
        self.refuses(signed(sub=None), required=("sub",), detail="no sub")


class Attacks(TokenCase):
    """Made by those who have not."""

    def test_no_signature(self) -> None:
        body = base64.urlsafe_b64encode(b'{"sub":"u"}').rstrip(b"=")
        for name in ("none", "None", "NONE", ""):
            header = base64.urlsafe_b64encode(json.dumps({"alg": name}).encode()).rstrip(b"=")
            self.refuses(header + b"." + body + b".", detail="algorithm")
        self.refuses(signed().rpartition(b".")[0] + b".", detail="no key")

    def test_a_public_key_is_no_secret(self) -> None:
        for key in (RSA, EC, ED):
            for text in (pem(key), pem(key).strip()):
                self.refuses(raw({"alg": "HS256"}, {"sub": "u"}, text), from_pem(pem(key), ()))

    def test_a_mixed_key_set_does_not_confuse_them(self) -> None:
        both = (from_pem(pem(RSA), ()), HMAC)
        self.passes(signed(), *both)
        self.refuses(raw({"alg": "HS256"}, {"sub": "u"}, pem(RSA)), *both)
        self.refuses(raw({"alg": "RS256"}, {"sub": "u"}), *both)

    def test_other_algorithms_of_the_same_kind(self) -> None:
        self.refuses(signed(SECRET * 2, {"alg": "HS512"}), from_secret(SECRET * 2, ()))
        self.refuses(signed(RSA, {"alg": "PS256"}), from_pem(pem(RSA), ()))

    def test_extensions_that_must_be_understood(self) -> None:
        self.refuses(raw({"alg": "HS256", "crit": ["exp"], "exp": 1}, {}), detail="a critical header")
        self.refuses(raw({"alg": "HS256", "b64": False}, {}), detail="a critical header")

    def test_a_key_in_the_token_is_not_used(self) -> None:
        mine = OctKey.import_key(OTHER)
        self.refuses(raw({"alg": "HS256", "jwk": mine.as_dict()}, {}, OTHER))

    def test_texts_that_are_no_tokens(self) -> None:
        good = signed(sub="u")
        header, payload, signature = good.split(b".")
        for token in (
            b"", b".", b"..", b"...", b"a.b.c", b"a.b.c.d.e",
            good + b".", b"." + good, good + b"=", good[:-1],
            header + b"." + payload + b"=." + signature, header + b"." + payload, b"\xff" * 50, b"a" * 20_000,
            raw([], {}), raw("alg", {}), raw(5, {}), raw({"alg": 5}, {}), raw({"alg": ["HS256"]}, {}),
            raw({"alg": "HS256"}, []), raw({"alg": "HS256"}, "x"), raw({"alg": "HS256"}, b"{"),
            raw({"alg": "HS256"}, b"[" * 11_000), raw({"alg": "HS256"}, b"\xff"), raw({}, {}),
        ):  # fmt: skip
            with self.subTest(token[:60]):
                self.refuses(token)

    @given(st.binary(max_size=60), st.integers(0, 200))
    def test_a_changed_token(self, noise: bytes, at: int) -> None:
        good = signed(sub="u")
        changed = good[:at] + noise + good[at + len(noise) :]
        if changed != good:
            self.refuses(changed)

    @given(
        st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), st.lists, max_leaves=5)
    )
    def test_any_claims_that_are_signed(self, value: Any) -> None:
        for name in ("exp", "nbf", "aud", "iss", "scope", "sub", "kid"):
            claims = {"aud": "a", "scope": "x", name: value}
            token = raw({"alg": "HS256", "kid": value}, claims)
            try:
                self.passes(token, audience=("a",), claims={"scope": ("x",)})
            except Refusal as refusal:
                self.assertIn(refusal.reason.status, (401, 403))
