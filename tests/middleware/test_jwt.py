"""Tests of bearer tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import warnings
from typing import Any
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt as tokens
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, KeySet, OctKey, OKPKey, RSAKey
from pydantic import ValidationError
from twisted.trial.unittest import SynchronousTestCase

from tests.middleware import Backend, environment, get, refused, through
from toron.core.message import Middleware, Request
from toron.core.refusal import Refusal
from toron.middleware import _tokens
from toron.middleware.jwt import Options, make

SECRET = "0123456789abcdef0123456789abcdef"
OTHER = "another-secret-of-at-least-32-bytes!"
NOW = 1_800_000_000.0
RSA = RSAKey.generate_key(2048)
EC = ECKey.generate_key("P-256")
ED = OKPKey.generate_key("Ed25519")
with warnings.catch_warnings():
    warnings.simplefilter("ignore", SecurityWarning)
    SHORT = RSAKey.generate_key(1024)


def guard(now: float = NOW, folder: str = ".", **options: Any) -> Middleware:
    if not {"keys", "public_key"} & set(options):
        options.setdefault("secret", SECRET)
    made, _ = environment("auth", folder)
    return make(Options.model_validate(options), made, clock=lambda: now)


def signed(key: Key | str = SECRET, header: dict[str, Any] | None = None, **claims: Any) -> bytes:
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


def bearing(token: bytes, *fields: tuple[bytes, bytes]) -> Request:
    return get(b"/", (b"Authorization", b"Bearer " + token), *fields)


def pem(key: RSAKey | ECKey | OKPKey) -> str:
    return key.as_pem(private=False).decode()


class TokenTests(SynchronousTestCase):
    def passes(self, middleware: Middleware, token: bytes) -> None:
        self.assertEqual(through(middleware, bearing(token)).status, 200)

    def refuses(self, middleware: Middleware, token: bytes, word: str, detail: str = "") -> None:
        refusal = refused(middleware, bearing(token))
        self.assertEqual(refusal.reason.word, word, refusal.detail)
        self.assertIn(detail, refusal.detail)

    def test_a_good_token(self) -> None:
        request, backend = bearing(signed(sub="u", exp=NOW + 60)), Backend()
        through(guard(), request, backend)
        assert request.notes is not None
        self.assertEqual(request.notes["claims"]["sub"], "u")
        self.assertIn(b"authorization", request.headers)

    def test_no_token(self) -> None:
        for fields in ([], [(b"Authorization", b"Basic eDp5")], [(b"Authorization", b"")]):
            request = get(b"/", *fields)
            refusal = refused(guard(), request)
            self.assertEqual(refusal.reason.word, "token_missing")
            self.assertEqual(refusal.reason.status, 401)
            self.assertEqual(refusal.headers, ((b"WWW-Authenticate", b'Bearer realm="auth"'),))
            self.assertEqual(request.middleware, "auth")

    def test_the_scheme_has_no_case(self) -> None:
        token = signed(sub="u")
        for scheme in (b"bearer ", b"BEARER ", b"Bearer  "):
            self.assertEqual(through(guard(), get(b"/", (b"authorization", scheme + token))).status, 200)

    def test_two_tokens_are_none(self) -> None:
        token = signed(sub="u")
        request = bearing(token, (b"authorization", b"Bearer " + token))
        self.assertEqual(refused(guard(), request).reason.word, "token_invalid")

    def test_challenges(self) -> None:
        for middleware, token, words in (
            (guard(), b"x", b'error="invalid_token"'),
            (guard(), signed(exp=1), b'error="invalid_token"'),
            (guard(claims={"scope": "read"}), signed(), b'error="insufficient_scope"'),
        ):
            [(name, challenge)] = refused(middleware, bearing(token)).headers
            self.assertEqual(name, b"WWW-Authenticate")
            self.assertTrue(challenge.startswith(b'Bearer realm="auth", '), challenge)
            self.assertIn(words, challenge)

    def test_another_secret(self) -> None:
        self.refuses(guard(), signed(OTHER, sub="u"), "token_invalid", "no key made this signature")

    def test_secrets_can_be_exchanged(self) -> None:
        middleware = guard(secret=[OTHER, SECRET])
        self.passes(middleware, signed(SECRET))
        self.passes(middleware, signed(OTHER))

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
                    self.passes(guard(), signed(**claims))
                else:
                    self.refuses(guard(), signed(**claims), "token_expired")
        self.refuses(guard(leeway="0"), signed(exp=NOW), "token_expired")
        self.passes(guard(leeway="1h"), signed(exp=NOW - 3599))

    def test_times_that_are_none(self) -> None:
        for value in (b'"1900000000"', b"true", b"null", b"[]", b"{}", b"NaN", b"Infinity", b"1e999"):
            for name in (b"exp", b"nbf", b"iat"):
                with self.subTest((name, value)):
                    token = raw({"alg": "HS256"}, b'{"%s":%s}' % (name, value))
                    self.refuses(guard(), token, "token_invalid")

    def test_a_remembered_token_still_expires(self) -> None:
        now = [NOW]
        made, _ = environment()
        middleware = make(Options.model_validate({"secret": SECRET}), made, clock=lambda: now[0])
        token = signed(exp=NOW + 10)
        self.passes(middleware, token)
        with mock.patch.object(_tokens, "_signed", side_effect=AssertionError("checked again")):
            self.passes(middleware, token)
        now[0] = NOW + 39.9
        self.passes(middleware, token)
        now[0] = NOW + 40
        self.refuses(middleware, token, "token_expired")

    def test_memory_is_bounded(self) -> None:
        self.patch(_tokens, "REMEMBERED", 3)
        verifier = _tokens.Verifier(
            Options.model_validate({"secret": SECRET}).written_keys(), _tokens.Rules(0)
        )
        for number in range(10):
            self.assertEqual(verifier.verify(signed(n=number), NOW).claims, {"n": number})
        self.assertEqual(len(verifier._remembered), 3)

    def test_audience_and_issuer(self) -> None:
        middleware = guard(audience=["api", "web"], issuer="https://id.example")
        good: dict[str, Any] = {"iss": "https://id.example"}
        self.passes(middleware, signed(aud="web", **good))
        self.passes(middleware, signed(aud=["x", "api"], **good))
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
                self.refuses(middleware, signed(**claims), "token_invalid", detail)

    def test_claims(self) -> None:
        for wanted, claims, good in (
            ({"scope": "read"}, {"scope": "read"}, True),
            ({"scope": "read"}, {"scope": "write read"}, True),
            ({"scope": "read"}, {"scope": "readonly"}, False),
            ({"scope": ["a", "read"]}, {"scope": "read"}, True),
            ({"name": "John"}, {"name": "John Doe"}, False),
            ({"roles": "admin"}, {"roles": ["x", "admin"]}, True),
            ({"realm_access.roles": "admin"}, {"realm_access": {"roles": ["admin"]}}, True),
            ({"https://x.example/r": "a"}, {"https://x.example/r": "a"}, True),
            ({"admin": True}, {"admin": True}, True),
            ({"admin": True}, {"admin": 1}, False),
            ({"level": 1}, {"level": 1}, True),
            ({"level": 1}, {"level": True}, False),
            ({"level": "1"}, {"level": 1}, False),
            ({"a": "1", "b": "2"}, {"a": "1"}, False),
            ({"a": "1"}, {}, False),
            ({"a": "1"}, {"a": None}, False),
        ):
            with self.subTest((wanted, claims)):
                if good:
                    self.passes(guard(claims=wanted), signed(**claims))
                else:
                    self.refuses(guard(claims=wanted), signed(**claims), "token_claims")
        self.assertEqual(refused(guard(claims={"a": 1}), bearing(signed())).reason.status, 403)

    def test_required_claims(self) -> None:
        self.passes(guard(required=["exp"]), signed(exp=NOW + 1))
        self.refuses(guard(required=["exp"]), signed(), "token_invalid", "no exp")


class AttackTests(SynchronousTestCase):
    def refuses(self, middleware: Middleware, token: bytes) -> None:
        self.assertEqual(refused(middleware, bearing(token)).reason.word, "token_invalid")

    def test_no_signature(self) -> None:
        body = base64.urlsafe_b64encode(b'{"sub":"u"}').rstrip(b"=")
        for name in ("none", "None", "NONE", ""):
            header = base64.urlsafe_b64encode(json.dumps({"alg": name}).encode()).rstrip(b"=")
            self.refuses(guard(), header + b"." + body + b".")
        self.refuses(guard(), signed().rpartition(b".")[0] + b".")

    def test_a_public_key_is_no_secret(self) -> None:
        for key in (RSA, EC, ED):
            middleware = guard(public_key=pem(key))
            for text in (pem(key), pem(key).strip()):
                self.refuses(middleware, raw({"alg": "HS256"}, {"sub": "u"}, text))

    def test_a_mixed_key_set_does_not_confuse_them(self) -> None:
        middleware = guard(public_key=pem(RSA), secret=SECRET)
        self.assertEqual(through(middleware, bearing(signed())).status, 200)
        self.refuses(middleware, raw({"alg": "HS256"}, {"sub": "u"}, pem(RSA)))
        self.refuses(middleware, raw({"alg": "RS256"}, {"sub": "u"}))

    def test_other_algorithms_of_the_same_kind(self) -> None:
        self.refuses(guard(secret=SECRET * 2), signed(SECRET * 2, {"alg": "HS512"}))
        self.refuses(guard(public_key=pem(RSA)), signed(RSA, {"alg": "PS256"}))

    def test_extensions_that_must_be_understood(self) -> None:
        self.refuses(guard(), raw({"alg": "HS256", "crit": ["exp"], "exp": 1}, {}))
        self.refuses(guard(), raw({"alg": "HS256", "b64": False, "crit": ["b64"]}, {}))

    def test_a_key_in_the_token_is_not_used(self) -> None:
        mine = OctKey.import_key(OTHER)
        self.refuses(guard(), raw({"alg": "HS256", "jwk": mine.as_dict()}, {}, OTHER))

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
                self.refuses(guard(), token)

    @given(st.binary(max_size=60), st.integers(0, 200))
    def test_a_changed_token(self, noise: bytes, at: int) -> None:
        good = signed(sub="u")
        changed = good[:at] + noise + good[at + len(noise) :]
        if changed.strip() == good:
            return
        try:
            through(guard(), bearing(changed))
        except Refusal as refusal:
            self.assertIn(refusal.reason.word, ("token_invalid", "token_missing"))
        else:
            self.fail("it passed")

    @given(
        st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), st.lists, max_leaves=5)
    )
    def test_any_claims_that_are_signed(self, value: Any) -> None:
        middleware = guard(audience="a", claims={"scope": "x"}, forward={"X-U": "sub"})
        for name in ("exp", "nbf", "aud", "iss", "scope", "sub", "kid"):
            claims = {"aud": "a", "scope": "x", name: value}
            try:
                through(middleware, bearing(raw({"alg": "HS256", "kid": value}, claims)))
            except Refusal as refusal:
                self.assertIn(refusal.reason.status, (401, 403))


class ForwardTests(SynchronousTestCase):
    def forwarded(self, claims: dict[str, Any], *fields: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        request = bearing(signed(**claims), *fields)
        through(guard(forward={"X-User": "sub", "X-Roles": "access.roles"}, strip=True), request)
        return request.headers.fields[1:]

    def test_claims_become_headers(self) -> None:
        self.assertEqual(
            self.forwarded({"sub": "u", "access": {"roles": ["a", "b"]}}),
            [(b"X-User", b"u"), (b"X-Roles", b"a,b")],
        )
        self.assertEqual(self.forwarded({"sub": "Zoë"}), [(b"X-User", "Zoë".encode())])
        self.assertEqual(self.forwarded({"sub": 5}), [(b"X-User", b"5")])
        self.assertEqual(self.forwarded({"sub": {"a": True}}), [(b"X-User", b'{"a":true}')])

    def test_what_clients_send_is_removed(self) -> None:
        fake = [
            (b"x-user", b"root"),
            (b"X_User", b"root"),
            (b"X-ROLES", b"admin"),
            (b"x_roles", b"admin"),
            (b"A", b"1"),
        ]
        self.assertEqual(self.forwarded({"sub": "u"}, *fake), [(b"A", b"1"), (b"X-User", b"u")])
        self.assertEqual(self.forwarded({}, *fake), [(b"A", b"1")])

    def test_a_claim_cannot_break_the_line(self) -> None:
        for value in ("a\r\nX: y", "a\n", "\0", "\x7f"):
            request = bearing(signed(sub=value))
            refusal = refused(guard(forward={"X-User": "sub"}), request)
            self.assertEqual(refusal.reason.word, "token_invalid")

    def test_the_token_goes_on_unless_it_is_stripped(self) -> None:
        for strip in (True, False):
            request = bearing(signed())
            through(guard(strip=strip), request)
            self.assertEqual(b"authorization" in request.headers, not strip)


class KeyTests(SynchronousTestCase):
    def setUp(self) -> None:
        patch = mock.patch.dict(os.environ)
        patch.start()
        self.addCleanup(patch.stop)
        os.environ.pop("JWT_SECRET", None)

    def key_set(self, *keys: Key | dict[str, Any], text: str | None = None) -> dict[str, Any]:
        folder = self.mktemp()
        os.makedirs(folder)
        parts = [
            key if isinstance(key, dict) else key.as_dict(private=isinstance(key, OctKey)) for key in keys
        ]
        with open(os.path.join(folder, "keys.json"), "w") as file:
            file.write(json.dumps({"keys": parts}) if text is None else text)
        return {"keys": "keys.json", "folder": folder}

    def test_each_kind_of_public_key(self) -> None:
        for key, name in ((RSA, "RS256"), (EC, "ES256"), (ED, "EdDSA"), (ED, "Ed25519")):
            with self.subTest(name):
                middleware = guard(public_key=pem(key))
                self.assertEqual(
                    through(middleware, bearing(signed(key, {"alg": name}, sub="u"))).status, 200
                )
                self.assertEqual(self.flushWarnings(), [])
        for curve, name in (("P-384", "ES384"), ("P-521", "ES512")):
            key = ECKey.generate_key(curve)
            token = signed(key, {"alg": name})
            self.assertEqual(through(guard(public_key=[pem(RSA), pem(key)]), bearing(token)).status, 200)

    def test_an_allow_list(self) -> None:
        middleware = guard(public_key=pem(RSA), algorithms=["PS256", "RS512"])
        self.assertEqual(through(middleware, bearing(signed(RSA, {"alg": "PS256"}))).status, 200)
        refused(middleware, bearing(signed(RSA, {"alg": "RS256"})))

    def test_a_key_set(self) -> None:
        one, two = RSAKey.generate_key(2048, {"kid": "1"}), RSAKey.generate_key(2048, {"kid": "2"})
        middleware = guard(**self.key_set(one, two, {"kty": "new", "x": 1}, {**EC.as_dict(), "use": "enc"}))
        for header, key in (({"kid": "1"}, one), ({"kid": "2"}, two), ({}, two)):
            token = signed(key, {"alg": "RS256", **header})
            self.assertEqual(through(middleware, bearing(token)).status, 200)
        refused(middleware, bearing(signed(two, {"alg": "RS256", "kid": "1"})))
        refused(middleware, bearing(signed(one, {"alg": "RS256", "kid": "3"})))
        refused(middleware, bearing(signed(EC, {"alg": "ES256"})))

    def test_a_key_set_says_what_its_keys_are_for(self) -> None:
        key = RSAKey.generate_key(2048, {"alg": "RS512"})
        middleware = guard(**self.key_set(key))
        self.assertEqual(through(middleware, bearing(signed(key, {"alg": "RS512"}))).status, 200)
        bare = RSAKey.import_key(key.as_pem(private=True))
        refused(middleware, bearing(signed(bare, {"alg": "RS256"})))

    def test_a_secret_in_a_key_set(self) -> None:
        middleware = guard(**self.key_set(OctKey.import_key(SECRET)))
        self.assertEqual(through(middleware, bearing(signed())).status, 200)

    def test_key_files_that_cannot_be_used(self) -> None:
        for made, words in (
            (self.key_set(text="{"), "not a JWK set"),
            (self.key_set(text="[]"), "not a JWK set"),
            (self.key_set(text='{"keys": 5}'), "it is empty"),
            (self.key_set(), "it is empty"),
            (self.key_set(text='{"keys": [5]}'), "no key of the key file"),
            (self.key_set({"kty": "oct", "k": "c2hvcnQ"}), "too short"),
            (self.key_set(SHORT), "1024 bits is too short"),
            (self.key_set(RSA.as_dict(private=True)), "only its public half"),
            ({"keys": "absent.json"}, "cannot read the key file"),
        ):
            with self.subTest(words):
                error = self.assertRaises(ValueError, guard, **made)
                self.assertIn(words, str(error))

    def test_without_a_key(self) -> None:
        for options in ({}, {"secret": ""}, {"issuer": "x"}):
            error = self.assertRaises(ValidationError, Options.model_validate, options)
            self.assertIn('add secret: "${JWT_SECRET}"', str(error))
            self.assertIn("set the environment variable JWT_SECRET", str(error))

    def test_the_environment_that_was_given(self) -> None:
        os.environ["JWT_SECRET"] = OTHER
        options = Options.model_validate({}, context={"environ": {"JWT_SECRET": SECRET}})
        middleware = make(options, environment()[0], clock=lambda: NOW)
        self.assertEqual(through(middleware, bearing(signed(SECRET))).status, 200)
        refused(middleware, bearing(signed(OTHER)))
        self.assertRaises(ValidationError, Options.model_validate, {}, context={"environ": {}})

    def test_the_secret_of_the_environment(self) -> None:
        os.environ["JWT_SECRET"] = OTHER
        middleware = make(Options.model_validate({}), environment()[0], clock=lambda: NOW)
        self.assertEqual(through(middleware, bearing(signed(OTHER))).status, 200)
        refused(guard(secret=SECRET), bearing(signed(OTHER)))
        refused(guard(public_key=pem(RSA)), bearing(signed(OTHER)))

    def test_options_that_are_refused(self) -> None:
        for options, words in (
            ({"secret": "short"}, "the secret has 5 bytes, and HS256 needs 32 or more"),
            ({"secret": SECRET, "algorithms": ["HS512"]}, "HS512 needs 64"),
            ({"secret": SECRET, "algorithms": ["RS256"]}, "a secret is for HS256"),
            ({"secret": pem(RSA)}, "is a public key"),
            ({"secret": [SECRET, "x"]}, "has 1 bytes"),
            ({"secret": SECRET, "algorithms": ["none"]}, "Input should be"),
            ({"public_key": "x"}, "not understood"),
            ({"public_key": RSA.as_pem(private=True).decode()}, "only its public half"),
            ({"public_key": pem(SHORT)}, "1024 bits"),
            ({"public_key": pem(RSA), "algorithms": ["ES256"]}, "this RSA key is for RS256"),
            ({"public_key": pem(OKPKey.generate_key("X25519"))}, "nothing known here"),
            ({"secret": SECRET, "forward": {"X Y": "sub"}}, "not a header name"),
            ({"secret": SECRET, "forward": {"Connection": "sub"}}, "cannot be changed"),
            ({"secret": SECRET, "leeway": "soon"}, "not a duration"),
            ({"secret": SECRET, "audiense": "x"}, "Extra inputs"),
        ):
            with self.subTest(words):
                error = self.assertRaises(ValidationError, Options.model_validate, options)
                self.assertIn(words, str(error))

    def test_no_dump_shows_the_secret(self) -> None:
        options = Options.model_validate({"secret": SECRET})
        self.assertNotIn(SECRET, repr(options) + str(options.model_dump()) + options.model_dump_json())

    def test_key_sets_round_trip(self) -> None:
        keys = KeySet([RSAKey.generate_key(2048), ECKey.generate_key("P-256")])
        middleware = guard(**self.key_set(*keys))
        token = signed(keys.keys[0], {"alg": "RS256", "kid": keys.keys[0].kid})
        self.assertEqual(through(middleware, bearing(token)).status, 200)
