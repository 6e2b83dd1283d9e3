"""Orders, from the names to the chain, and every way they can end otherwise."""

from __future__ import annotations

import json
from typing import Any

from cryptography.x509 import load_pem_x509_certificate

from tests.acme.case import AcmeCase
from tests.acme.fake_directory import ROOT, refusal
from toron.acme.account import Account
from toron.acme.csr import new_key, signing_request
from toron.acme.directory import Directory
from toron.acme.failure import AcmeFailed, Problem
from toron.acme.https import Reply
from toron.acme.order import Order
from toron.acme.state import State


class Shown:
    """A proof that writes down what it is asked for."""

    kind = "http-01"

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str]] = []
        self.now: dict[str, str] = {}
        self.fails: set[str] = set()

    async def show(self, name: str, token: str, authorization: str) -> None:
        self.calls.append(("show", name, token))
        if "show" in self.fails:
            raise AcmeFailed("can not be shown", word="hook")
        self.now[token] = authorization

    async def hide(self, name: str, token: str, authorization: str) -> None:
        self.calls.append(("hide", name, token))
        self.now.pop(token, None)
        if "hide" in self.fails:
            raise AcmeFailed("can not be hidden", word="hook")


class Orders(AcmeCase):
    def setUp(self) -> None:
        super().setUp()
        state = State(self.folder)
        state.lock()
        self.addCleanup(state.unlock)
        self.proof = Shown()
        self.account = Account(Directory(f"{ROOT}/dir", self.directory, self.wall), state)
        self.done(self.account.open())
        self.key = new_key("ecdsa")

    def obtain(self, *names: str, replaces: str = "") -> Any:
        names = names or ("a.test",)
        order = Order(self.clock, self.account, names, self.proof)
        return order.obtain(signing_request(self.key, names), replaces)

    def why(self, *names: str, kind: type[AcmeFailed] = AcmeFailed, seconds: float = 30.0) -> str:
        error = self.fails(self.obtain(*names), kind, seconds)
        self.assertEqual(self.proof.now, {})
        return str(error)

    def test_one(self) -> None:
        def proved(name: str, token: str) -> str:
            self.assertEqual(self.proof.now, {token: f"{token}.{self.account.thumbprint}"})
            return "valid"

        self.directory.proved = proved
        chain = self.done(self.obtain("a.test", "b.test"))
        self.assertEqual(load_pem_x509_certificate(chain).public_key(), self.key.public_key())
        self.assertEqual(
            self.proof.calls,
            [
                ("show", "a.test", "token-a"), ("hide", "a.test", "token-a"),
                ("show", "b.test", "token-b"), ("hide", "b.test", "token-b"),
            ],
        )  # fmt: skip

    def test_a_proof_from_before(self) -> None:
        self.directory.instead["/proof/a.test"] = [Reply(200, {}, b'{"status": "valid"}')]
        self.directory.instead["/order"] = [Reply(200, {}, json.dumps(
            {"status": "ready", "finalize": f"{ROOT}/finalize"}).encode())]  # fmt: skip
        self.done(self.obtain())
        self.assertEqual(self.proof.calls, [])

    def test_a_wildcard(self) -> None:
        self.proof.kind = "dns-01"
        self.done(self.obtain("*.a.test"))
        self.assertEqual(self.proof.calls[0], ("show", "a.test", "token-a"))

    def test_proofs_take_their_time(self) -> None:
        waiting = Reply(200, {}, b'{"status": "pending"}')
        good = self.directory.instead
        good["/order"] = [Reply(200, {"retry-after": "20"}, waiting.body), Reply(200, {}, waiting.body)]
        found = self.later(self.obtain(), 19.0)
        self.assertNoResult(found)
        self.pass_time(3.0)
        self.successResultOf(found)

    def test_a_proof_that_fails(self) -> None:
        self.directory.proved = lambda name, token: "invalid"
        self.assertEqual(self.why(), "the proof of a.test by http-01 is invalid: connection: nobody there")

    def test_an_order_that_becomes_invalid(self) -> None:
        body = json.dumps(
            {"status": "invalid", "error": {"type": "urn:ietf:params:acme:error:caa", "detail": "no"}}
        )
        self.directory.instead["/order"] = [Reply(200, {}, body.encode())]
        self.assertEqual(self.why(), "the order is invalid: caa: no")

    def test_one_that_never_ends(self) -> None:
        self.directory.proved = lambda name, token: "pending"
        self.assertEqual(
            self.why(seconds=700.0), "the proof of a.test by http-01 is still pending after 10 minutes"
        )

    def test_a_challenge_that_is_not_offered(self) -> None:
        self.directory.kinds = ("dns-01",)
        self.assertEqual(self.why(), "the directory does not take http-01 for a.test: it offers dns-01")
        self.directory.kinds = ()
        self.assertIn("it offers none", self.why())

    def test_proofs_that_can_not_be_shown(self) -> None:
        self.proof.fails = {"show"}
        self.assertEqual(self.why(), "can not be shown")
        self.assertEqual(self.proof.calls[-1][0], "hide")

    def test_proofs_that_can_not_be_hidden(self) -> None:
        self.proof.fails = {"hide"}
        self.done(self.obtain())
        self.assertIn("ACME: the proof of a.test was not taken away: can not be hidden", self.said)

    def test_who_gives_up_takes_the_proof_away(self) -> None:
        self.directory.proved = lambda name, token: "pending"
        found = self.later(self.obtain())
        self.assertEqual(len(self.proof.now), 1)
        found.cancel()
        self.failureResultOf(found)
        self.assertEqual(self.proof.now, {})

    def test_what_a_directory_should_not_say(self) -> None:
        good = {"status": "pending", "identifier": {"type": "dns", "value": "a.test"}}
        offer = {"type": "http-01", "url": f"{ROOT}/try/a.test"}
        each: list[tuple[str, Any]] = [
            ("/new-order", []), ("/new-order", {}), ("/new-order", {"authorizations": 7}),
            ("/proof/a.test", None), ("/proof/a.test", {"status": "pending", "identifier": None}),
            ("/proof/a.test", good | {"identifier": {"value": "b.test"}}),
            ("/proof/a.test", good | {"challenges": [None, 7]}),
            ("/proof/a.test", good | {"challenges": [offer]}),
            ("/proof/a.test", good | {"challenges": [offer | {"token": "../../x"}]}),
            ("/proof/a.test", good | {"challenges": [offer | {"token": "x" * 300}]}),
            ("/order", {}), ("/order", {"status": "odd"}), ("/order", {"status": "ready"}),
            ("/order", {"status": "ready", "finalize": "http://ca.test/"}),
        ]  # fmt: skip
        for path, body in each:
            self.directory.instead = {
                path: [Reply(201, {"location": f"{ROOT}/order"}, json.dumps(body).encode())]
            }
            self.why()

    def test_it_says_what_it_replaces(self) -> None:
        self.done(self.obtain(replaces="abc.def"))
        [payload] = [payload for _, path, payload in self.directory.asked if path == "/new-order"]
        self.assertEqual(payload["replaces"], "abc.def")

    def test_but_needs_not_to(self) -> None:
        self.directory.instead["/new-order"] = [refusal("alreadyReplaced", 409)]
        self.done(self.obtain(replaces="abc.def"))
        [payload] = [payload for _, path, payload in self.directory.asked if path == "/new-order"]
        self.assertNotIn("replaces", payload)

    def test_a_refusal_is_one(self) -> None:
        self.directory.instead["/new-order"] = [refusal("rateLimited", 429)]
        self.fails(self.obtain(replaces="abc.def"), Problem)
