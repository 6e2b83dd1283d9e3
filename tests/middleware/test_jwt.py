"""Tests of bearer tokens."""

from __future__ import annotations

import os
from typing import Any
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from twisted.trial.unittest import SynchronousTestCase

from tests.middleware import Backend, environment, get, refused, through
from tests.middleware.signing import EC, NOW, OTHER, RSA, SECRET, key_set, pem, raw, signed
from toron.core.message import Middleware, Request
from toron.core.refusal import Refusal
from toron.middleware.jwt import Options, make


def guard(now: float = NOW, folder: str = ".", **options: Any) -> Middleware:
    if not {"keys", "public_key"} & set(options):
        options.setdefault("secret", SECRET)
    made, _ = environment("auth", folder)
    return make(Options.model_validate(options), made, clock=lambda: now)


def bearing(token: bytes, *fields: tuple[bytes, bytes]) -> Request:
    return get(b"/", (b"Authorization", b"Bearer " + token), *fields)


class TokenTests(SynchronousTestCase):
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

    def test_every_option_is_asked(self) -> None:
        self.passes(guard(secret=[OTHER, SECRET]), signed())
        for options, claims, word in (
            ({}, {"exp": NOW - 30}, "token_expired"),
            ({"leeway": "0"}, {"exp": NOW}, "token_expired"),
            ({"audience": ["api"]}, {"aud": "web"}, "token_invalid"),
            ({"issuer": "a"}, {"iss": "b"}, "token_invalid"),
            ({"required": "exp"}, {}, "token_invalid"),
            ({"algorithms": ["HS384"], "secret": SECRET * 2}, {}, "token_invalid"),
            ({"claims": {"scope": "read"}}, {"scope": "write"}, "token_claims"),
            ({"claims": {"level": [1, 2]}}, {"level": "1"}, "token_claims"),
            ({"claims": {"admin": True}}, {"admin": 1}, "token_claims"),
        ):
            with self.subTest(options):
                middleware = guard(**options)
                self.assertEqual(refused(middleware, bearing(signed(**claims))).reason.word, word)
        self.passes(guard(leeway="1h"), signed(exp=NOW - 3599))
        self.passes(guard(claims={"level": [1, 2], "scope": "read"}), signed(level=2, scope="write read"))

    def passes(self, middleware: Middleware, token: bytes) -> None:
        self.assertEqual(through(middleware, bearing(token)).status, 200)


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
        self.assertEqual(self.forwarded({"sub": "Zoë", "access": 1}), [(b"X-User", "Zoë".encode())])

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

    @given(
        st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), st.lists, max_leaves=5)
    )
    def test_any_claim(self, value: Any) -> None:
        request = bearing(raw({"alg": "HS256"}, {"sub": value}))
        try:
            through(guard(forward={"X-User": "sub"}), request)
        except Refusal as refusal:
            self.assertIn("does not fit into a header", refusal.detail)
            return
        got = request.headers.get(b"x-user") or b""
        self.assertFalse(any(byte < 0x20 or byte == 0x7F for byte in got), got)

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

    def written(self, text: str) -> dict[str, Any]:
        folder = self.mktemp()
        os.makedirs(folder)
        with open(os.path.join(folder, "keys.json"), "w") as file:
            file.write(text)
        return {"keys": "keys.json", "folder": folder}

    def test_public_keys(self) -> None:
        middleware = guard(public_key=[pem(RSA), pem(EC)])
        for key, name in ((RSA, "RS256"), (EC, "ES256")):
            self.assertEqual(through(middleware, bearing(signed(key, {"alg": name}))).status, 200)
        refused(middleware, bearing(signed(RSA, {"alg": "PS256"})))

    def test_a_key_file_beside_the_configuration(self) -> None:
        middleware = guard(**self.written(key_set(RSA)), algorithms=["RS512"])
        self.assertEqual(through(middleware, bearing(signed(RSA, {"alg": "RS512"}))).status, 200)
        refused(middleware, bearing(signed(RSA, {"alg": "RS256"})))

    def test_key_files_that_cannot_be_used(self) -> None:
        for made, words in (
            (self.written("{"), "keys.json: the key file is not a JWK set"),
            (self.written(key_set()), "keys.json: no key of the key file can check tokens"),
            ({"keys": "absent.json"}, "cannot read the key file absent.json: No such file"),
        ):
            with self.subTest(words):
                self.assertIn(words, str(self.assertRaises(ValueError, guard, **made)))

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
            ({"secret": [SECRET, ""]}, "the secret is empty"),
            ({"secret": SECRET, "algorithms": ["none"]}, "Input should be"),
            ({"public_key": pem(RSA), "algorithms": ["ES256"]}, "this RSA key is for RS256"),
            ({"secret": SECRET, "forward": {"X Y": "sub"}}, "not a header name"),
            ({"secret": SECRET, "leeway": "soon"}, "not a duration"),
            ({"secret": SECRET, "audiense": "x"}, "Extra inputs"),
        ):
            with self.subTest(words):
                error = self.assertRaises(ValidationError, Options.model_validate, options)
                self.assertIn(words, str(error))

    def test_no_dump_shows_the_secret(self) -> None:
        options = Options.model_validate({"secret": SECRET})
        self.assertNotIn(SECRET, repr(options) + str(options.model_dump()) + options.model_dump_json())
