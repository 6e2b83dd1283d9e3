"""Middlewares are really run: their verdicts and changes are their own."""

from __future__ import annotations

from typing import Any

from joserfc import jwt
from joserfc.jwk import OctKey
from twisted.internet.defer import Deferred

from tests.explain.case import ExplainCase
from toron.explain.record import MiddlewareStep, Record
from toron.middleware import add_prefix

TEXT = """
    listeners: [{protocol: http, port: 80}]
    routes:
      - match: {path: /api}
        middlewares:
          - auth
          - strip-prefix: /api
          - headers:
              request: {set: {X-Client: "{client_ip}", X-Key: "${KEY:-plain text}"}, remove: X-Debug}
              response: {set: {X-Frame-Options: DENY}}
          - rate-limit: {rate: 1/h, key: [ip, "header:x-tenant"]}
          - body-limit: 10m
        backend: {url: "http://127.0.0.1:9000"}
      - match: {path: /moved}
        middlewares: [{redirect: {scheme: https}}, auth]
        respond: {}
      - match: {path: /page}
        middlewares: [{headers: {response: {set: {X-Frame-Options: DENY}}}}]
        respond: {status: 203, headers: {X-A: b}}
      - {match: {path: /waits}, middlewares: [{add-prefix: /x}, {body-limit: 1k}], respond: {}}
    middlewares:
      auth: {type: jwt, secret: 0123456789abcdef0123456789abcdef}
    """


class Walks(ExplainCase):
    def steps(self, record: Record) -> list[tuple[str, str, str]]:
        return [(step.name, step.verdict, self.short(step.place)) for step in record.middlewares]

    def token(self) -> tuple[str, str]:
        key = OctKey.import_key(b"0123456789abcdef0123456789abcdef")
        return ("Authorization", f"Bearer {jwt.encode({'alg': 'HS256'}, {'sub': 'a'}, key)}")

    def named(self, record: Record, name: str) -> MiddlewareStep:
        return next(step for step in record.middlewares if step.name == name)

    def test_all_of_them(self) -> None:
        record = self.ask(TEXT, "http://a/api/x?y", self.token(), ("X-Debug", "1"), ("X-Tenant", "t"))
        self.assertEqual(
            self.steps(record),
            [
                ("auth", "passes", "5:9"),
                ("strip-prefix", "passes", "6:9"),
                ("headers", "passes", "7:9"),
                ("rate-limit", "passes", "10:9"),
                ("body-limit", "passes", "11:9"),
            ],
        )
        self.assertEqual(record.outcome.kind, "server")
        self.assertEqual(self.named(record, "strip-prefix").request, ["path: /api/x -> /x"])
        headers = self.named(record, "headers")
        self.assertEqual(
            headers.request, ["removes X-Debug", "adds X-Client: 127.0.0.1", "adds X-Key: <secret>"]
        )
        self.assertEqual(headers.response, ["adds X-Frame-Options: DENY"])
        self.assertEqual(
            self.named(record, "rate-limit").note,
            "counted by ip=127.0.0.1, header:x-tenant=t: 1/h, 1 at once; what is left is not known offline",
        )
        self.assertEqual(self.named(record, "body-limit").note, "a body may have 10m")

    def test_the_one_that_refuses_is_the_last(self) -> None:
        record = self.ask(TEXT, "http://a/api/x")
        self.assertEqual(self.steps(record), [("auth", "refuses", "5:9")])
        self.assertEqual((record.middlewares[0].reason, record.middlewares[0].status), ("token_missing", 401))
        self.assertEqual((record.outcome.reason, record.outcome.status), ("token_missing", 401))
        self.assertIn(("WWW-Authenticate", 'Bearer realm="auth"'), record.outcome.headers)
        self.assertIsNone(record.backend)
        wrong = self.ask(TEXT, "http://a/api/x", ("Authorization", "Bearer a.b.c"))
        self.assertEqual(wrong.outcome.reason, "token_invalid")

    def test_grpc_is_refused_in_its_own_words(self) -> None:
        record = self.ask(TEXT, "http://a/api/x", ("Content-Type", "application/grpc"))
        self.assertEqual((record.outcome.reason, record.outcome.status), ("token_missing", 200))
        self.assertIn(("grpc-status", "16"), record.outcome.headers)

    def test_a_body_that_is_too_large(self) -> None:
        record = self.ask(TEXT, "http://a/api/x", self.token(), ("Content-Length", str(11 << 20)))
        self.assertEqual(self.steps(record)[-1][:2], ("body-limit", "refuses"))
        self.assertEqual((record.outcome.reason, record.outcome.status), ("body_too_large", 413))

    def test_the_one_that_answers_is_the_last(self) -> None:
        record = self.ask(TEXT, "http://a/moved")
        self.assertEqual(self.steps(record), [("redirect", "answers", "14:19")])
        self.assertEqual(record.outcome.headers, [("Location", "https://a/moved")])
        self.assertEqual((record.outcome.kind, record.outcome.status), ("answer", 308))

    def test_an_answer_on_its_way_back(self) -> None:
        record = self.ask(TEXT, "http://a/page")
        self.assertEqual(record.outcome.headers, [("X-A", "b"), ("X-Frame-Options", "DENY")])
        self.assertEqual(record.outcome.status, 203)

    def test_limits_do_not_remember_questions(self) -> None:
        explainer = self.explainer(TEXT)
        asked = self.question("http://a/api", self.token())
        self.assertEqual([explainer.explain(asked).outcome.kind for _ in range(3)], ["server"] * 3)

    def stand_in(self, middleware: Any) -> Record:
        """What comes of a plug-in of somebody else."""
        self.patch(add_prefix, "make", lambda *_: middleware)
        return self.ask(TEXT, "http://a/waits", ("Content-Length", "2000"))

    def test_one_that_waits_is_taken_to_pass(self) -> None:
        async def waits(request: Any, service: Any) -> Any:
            await Deferred()

        record = self.stand_in(waits)
        self.assertEqual([step.verdict for step in record.middlewares], ["unknown", "refuses"])
        self.assertEqual((record.outcome.reason, record.outcome.certain), ("body_too_large", False))

    def test_one_that_waits_on_the_way_back(self) -> None:
        async def waits(request: Any, service: Any) -> Any:
            request.headers.set(b"content-length", b"1")
            request.body = None
            await service(request)
            await Deferred()

        record = self.stand_in(waits)
        self.assertEqual([step.verdict for step in record.middlewares], ["unknown", "passes"])
        self.assertEqual((record.outcome.status, record.outcome.certain), (200, False))

    def test_one_that_needs_a_reactor(self) -> None:
        async def breaks(request: Any, service: Any) -> Any:
            raise AttributeError("no connectTCP")

        record = self.stand_in(breaks)
        self.assertIn("AttributeError: no connectTCP", record.middlewares[0].note)
        self.assertEqual(record.middlewares[1].verdict, "refuses")
