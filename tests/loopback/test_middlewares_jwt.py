"""Only good tokens get through, whoever signed the others."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from tests.loopback.http_case import HttpCase
from tests.loopback.peers import Conversation, Gateway
from tests.loopback.web import Answer, answer, ask

CONFIG = """
listeners: [{protocol: http, address: 127.0.0.1, port: @PORT@}]
routes:
  - {match: {path: /hs}, middlewares: [shared], backend: web}
  - {match: {path: /rs}, middlewares: [{jwt: {keys: keys.json, audience: toron}}], backend: web}
  - {match: {path: /rotated}, middlewares: [{jwt: {keys: rotated.json, audience: toron}}], backend: web}
  - match: {path: /scope}
    middlewares: [{jwt: {secret: {file: secret}, claims: {scope: read}, forward: {X-User: sub}}}]
    backend: web
backends:
  web: {url: "http://127.0.0.1:@BACKEND@"}
middlewares:
  shared: {type: jwt, secret: {file: secret}}
"""

SECRET = "0123456789abcdef0123456789abcdef"


class Tokens(HttpCase):
    """A shared secret, and a file with the public half of an RSA key."""

    rsa = RSAKey.generate_key(2048, {"kid": "one"})

    next = RSAKey.generate_key(2048, {"kid": "two"})

    CONFIG = CONFIG

    @classmethod
    def prepare(cls, folder: Path) -> None:
        (folder / "secret").write_text(SECRET + "\n")
        for name in ("keys.json", "rotated.json"):
            (folder / name).write_text(json.dumps({"keys": [cls.rsa.as_dict(private=False)]}))

    def setUp(self) -> None:
        super().setUp()
        self.server = self.backend(self.talk)

    def talk(self, conversation: Conversation) -> None:
        while True:
            head, _ = conversation.read_request()
            conversation.send(answer(head))

    def ask(self, path: str, token: str, **headers: str) -> Answer:
        return ask(self.gateway.port, path, headers={"Authorization": f"Bearer {token}", **headers})

    def shared(self, **claims: Any) -> str:
        return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET))

    def signed(self, **claims: Any) -> str:
        return jwt.encode({"alg": "RS256", "kid": "one"}, {"aud": "toron", **claims}, self.rsa)

    def refused(self, path: str, token: str, status: int, reason: str) -> None:
        path = f"{path}/{len(self.gateway.access())}"
        count = self.server.connections
        got = self.ask(path, token)
        self.assertEqual((got.status, self.server.connections), (status, count))
        self.assertRegex(got.headers["www-authenticate"], "^Bearer realm=")
        self.assertEqual(self.line(path)["reason"], reason)

    def test_a_key_set_that_is_rotated(self) -> None:
        self.assertEqual(self.ask("/rotated", self.signed()).status, 200)
        keys = self.gateway.folder / "rotated.json"
        keys.write_text(json.dumps({"keys": [self.next.as_dict(private=False)]}))
        token = jwt.encode({"alg": "RS256", "kid": "two"}, {"aud": "toron"}, self.next)
        self.assertEqual(self.ask("/rotated", token).status, 200, "the file was read again")
        keys.write_text("{")
        self.refused("/rotated", self.signed(sub="late"), 401, "token_invalid")
        self.assertEqual(self.ask("/rotated", token).status, 200, "the last good keys are kept")

    def test_a_short_secret_is_warned_of(self) -> None:
        gateway = self.start(
            Gateway(
                "listeners: [{protocol: http, address: 127.0.0.1, port: @PORT@}]\n"
                "routes: [{middlewares: [jwt], respond: {body: in}}]\n",
                environment={"JWT_SECRET": "short"},
            )
        )
        self.assertIn("the secret has 5 bytes, and HS256 should have 32 or more", gateway.log())
        token = jwt.encode({"alg": "HS256"}, {}, OctKey.import_key("short"))
        got = ask(gateway.port, "/", headers={"Authorization": f"Bearer {token}"})
        self.assertEqual((got.status, got.text), (200, "in"))

    def test_good_ones(self) -> None:
        now = int(time.time())
        self.assertEqual(self.ask("/hs", self.shared(sub="me", exp=now + 60)).status, 200)
        self.assertEqual(self.ask("/rs", self.signed(sub="me", exp=now + 60)).status, 200)

    def test_none_at_all(self) -> None:
        got = ask(self.gateway.port, "/hs")
        self.assertEqual((got.status, got.headers["www-authenticate"]), (401, 'Bearer realm="shared"'))

    def test_expired(self) -> None:
        self.refused("/hs", self.shared(exp=int(time.time()) - 60), 401, "token_expired")

    def test_not_yet(self) -> None:
        self.refused("/hs", self.shared(nbf=int(time.time()) + 600), 401, "token_expired")

    def test_tampered(self) -> None:
        head, body, signature = self.shared(sub="me").split(".")
        other = urlsafe_b64encode(b'{"sub":"root"}').rstrip(b"=").decode()
        self.assertNotEqual(body, other)
        self.refused("/hs", f"{head}.{other}.{signature}", 401, "token_invalid")

    def test_the_public_key_is_no_secret(self) -> None:
        """The attack: what is signed with HS256 and the public key, where RS256 is asked for."""
        head = urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').rstrip(b"=")
        body = urlsafe_b64encode(b'{"aud":"toron"}').rstrip(b"=")
        pem = self.rsa.as_pem(private=False)
        for key in (pem, pem.strip(), self.rsa.as_der(private=False)):
            signature = urlsafe_b64encode(hmac.digest(key, head + b"." + body, hashlib.sha256)).rstrip(b"=")
            self.refused("/rs", b".".join([head, body, signature]).decode(), 401, "token_invalid")

    def test_the_wrong_kind_of_signature(self) -> None:
        self.refused("/rs", self.shared(aud="toron"), 401, "token_invalid")
        self.refused("/hs", self.signed(), 401, "token_invalid")

    def test_no_signature(self) -> None:
        for algorithm in ("none", "None", "NONE"):
            head = urlsafe_b64encode(json.dumps({"alg": algorithm}).encode()).rstrip(b"=").decode()
            body = urlsafe_b64encode(b'{"sub":"root"}').rstrip(b"=").decode()
            self.refused("/hs", f"{head}.{body}.", 401, "token_invalid")

    def test_the_wrong_audience(self) -> None:
        self.refused("/rs", self.signed(aud="another"), 401, "token_invalid")

    def test_scopes_and_forwarded_claims(self) -> None:
        self.refused("/scope", self.shared(scope="write"), 403, "token_claims")
        got = self.ask("/scope", self.shared(scope="write read", sub="me"), **{"X-User": "root"})
        self.assertEqual(got.status, 200)
        self.assertIn("X-User: me\r\n", got.text)
        self.assertNotIn("root", got.text)

    def test_the_token_is_in_no_log(self) -> None:
        token = self.shared(sub="me")
        self.ask("/hs/secret", token)
        self.line("/hs/secret")
        text = (self.gateway.folder / "access.log").read_text() + self.gateway.log()
        self.assertNotIn(token.split(".")[2], text)
        self.assertNotIn(SECRET, text)
