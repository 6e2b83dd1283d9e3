"""Only the paths of tokens that are asked for just now are answered."""

from __future__ import annotations

from twisted.internet.defer import succeed
from twisted.trial.unittest import SynchronousTestCase

from toron.acme.http_01 import Answers
from toron.core.message import Request, Response
from toron.core.wait import as_deferred
from toron.wire.headers import Headers

PATH = b"/.well-known/acme-challenge/tok"


class Http01(SynchronousTestCase):
    def setUp(self) -> None:
        self.answers = Answers()
        self.passed: list[bytes] = []
        self.service = self.answers.before(self.serve)

    def serve(self, request: Request) -> object:
        self.passed.append(request.path)
        return succeed(Response(404, Headers([]), b"theirs"))

    def ask(self, path: bytes) -> tuple[int, object]:
        response = self.successResultOf(as_deferred(self.service(Request(b"GET", path, Headers()))))
        return response.status, response.body

    def show(self) -> None:
        self.successResultOf(as_deferred(self.answers.show("a.test", "tok", "tok.thumb")))

    def hide(self) -> None:
        self.successResultOf(as_deferred(self.answers.hide("a.test", "tok", "tok.thumb")))

    def test_while_it_is_shown(self) -> None:
        self.show()
        self.assertEqual(self.ask(PATH), (200, b"tok.thumb"))
        self.assertEqual(self.passed, [])

    def test_not_before_and_not_after(self) -> None:
        self.assertEqual(self.ask(PATH), (404, b"theirs"))
        self.show()
        self.hide()
        self.assertEqual(self.ask(PATH), (404, b"theirs"))
        self.hide()

    def test_no_other_path(self) -> None:
        self.show()
        others = [PATH + b"x", PATH + b"/", PATH[:-1], b"/.well-known/acme-challenge/", b"/x/.." + PATH, b"/"]
        for path in others:
            self.assertEqual(self.ask(path), (404, b"theirs"))
        self.assertEqual(self.passed, others)
