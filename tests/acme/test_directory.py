"""What is said to a directory, and what it may say."""

from __future__ import annotations

import json

from tests.acme.case import NOW, AcmeCase
from tests.acme.fake_directory import ROOT, refusal
from toron.acme.directory import Directory
from toron.acme.failure import AcmeFailed, Problem
from toron.acme.https import Reply
from toron.acme.jws import AccountKey

PAYLOAD = {"identifiers": [{"type": "dns", "value": "a.test"}]}


class Directories(AcmeCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = Directory(f"{ROOT}/dir", self.directory, self.wall)
        self.key = AccountKey.new()

    def look(self) -> None:
        self.done(self.made.look())

    def test_its_addresses(self) -> None:
        self.assertFalse(self.made.known)
        self.look()
        self.assertTrue(self.made.known)
        self.assertEqual(self.made.address("newOrder"), f"{ROOT}/new-order")
        self.assertEqual((self.made.address("renewalInfo"), self.made.terms), ("", f"{ROOT}/terms"))

    def test_what_is_no_directory(self) -> None:
        pages = [b"<html>", b"[]", b"{}", b"null", b"\xff", b'{"newNonce": "http://ca.test/n"}']
        for page in pages:
            self.directory.instead["/dir"] = [Reply(200, {}, page)]
            self.fails(self.made.look(), AcmeFailed)
        self.assertFalse(self.made.known)

    def test_one_that_is_down(self) -> None:
        self.directory.instead["/dir"] = [Reply(503, {"retry-after": "120"}, b"<html>")]
        error = self.fails(self.made.look(), AcmeFailed)
        self.assertEqual((str(error), error.wait), ("the directory answered with status 503", 120.0))

    def test_nonces_are_used_once_and_got_from_answers(self) -> None:
        self.look()
        for _ in range(3):
            self.done(self.made.post(self.key, f"{ROOT}/new-order", PAYLOAD))
        self.assertEqual(self.directory.paths.count("/nonce"), 1)

    def test_bad_nonces_are_got_over(self) -> None:
        self.look()
        bad = refusal("badNonce")
        self.directory.instead["/new-order"] = [bad] * 5
        reply = self.done(self.made.post(self.key, f"{ROOT}/new-order", PAYLOAD))
        self.assertEqual(reply.status, 201)

    def test_but_not_for_ever(self) -> None:
        self.look()
        told = self.directory.instead["/new-order"] = [refusal("badNonce") for _ in range(100)]
        error = self.fails(self.made.post(self.key, f"{ROOT}/new-order", PAYLOAD), Problem)
        self.assertEqual((error.kind, len(told)), ("badNonce", 88))

    def test_no_nonce(self) -> None:
        self.look()
        self.directory.instead["/nonce"] = [Reply(500, {"replay-nonce": ""})]
        error = self.fails(self.made.post(self.key, f"{ROOT}/new-order", PAYLOAD), AcmeFailed)
        self.assertEqual(str(error), "the directory gives no nonce: it answered with status 500")

    def test_a_refusal(self) -> None:
        self.look()
        self.directory.instead["/new-order"] = [refusal("rateLimited", 429, retry_after="3600")]
        error = self.fails(self.made.post(self.key, f"{ROOT}/new-order", PAYLOAD), Problem)
        self.assertEqual((str(error), error.wait), ("rateLimited: you see, rateLimited", 3600.0))

    def test_nowhere_but_over_https(self) -> None:
        self.look()
        for url in ("", "http://ca.test/x", "file:///etc/passwd"):
            self.fails(self.made.post(self.key, url, None), AcmeFailed)

    def test_what_is_for_everybody(self) -> None:
        self.directory.window = {"a": 1}
        self.assertEqual(self.done(self.made.get(f"{ROOT}/ari/x")).document(), {"a": 1})
        self.directory.instead["/ari/x"] = [Reply(404)]
        self.fails(self.made.get(f"{ROOT}/ari/x"), Problem)


class Replies(AcmeCase):
    def test_documents(self) -> None:
        self.assertEqual(Reply(200, {}, json.dumps({"a": 1}).encode()).document(), {"a": 1})
        for body in (b"", b"{", b"\xff\xfe", b"\x00"):
            self.assertIsNone(Reply(200, {}, body).document())

    def test_when_to_come_again(self) -> None:
        each = {
            "120": 120.0,
            " 7 ": 7.0,
            "Fri, 15 Jan 2027 08:01:00 GMT": 60.0,
            "Fri, 15 Jan 2021 08:01:00 GMT": 0.0,
            "-5": None, "soon": None, "": None, "1e9": None, "\u0664": None,
            "9" * 400: 999999999.0,
        }  # fmt: skip
        found = {text: Reply(200, {"retry-after": text}).wait(NOW) for text in each}
        self.assertEqual(found, each)
        self.assertIsNone(Reply(200).wait(NOW))
