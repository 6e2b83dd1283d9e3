"""The request is what a connection would have brought, and what is wrong with it is what would be said."""

from __future__ import annotations

from tests.explain.case import ExplainCase
from toron.explain.record import Outcome

TEXT = """
    listeners:
      - protocol: http
        port: 8080
        trusted_proxies: 10.0.0.0/8
        limits: {body: 1k, fields: 4}
    routes:
      - {name: client, match: {client_ip: 192.0.2.0/24}, respond: {}}
      - {name: cookie, match: {cookies: {a: "1"}, query: {b: "2 3"}}, respond: {}}
      - {name: websocket, match: {headers: {Upgrade: websocket}}, echo: {}}
      - {name: host, match: {host: b.test}, respond: {}}
      - {name: echo, match: {path: /echo}, echo: {}}
    """


class Requests(ExplainCase):
    def outcome(self, url: str, *fields: tuple[str, str], **more: str) -> Outcome:
        return self.ask(TEXT, url, *fields, **more).outcome

    def route(self, url: str, *fields: tuple[str, str], **more: str) -> str | None:
        route = self.ask(TEXT, url, *fields, **more).route
        return route and route.name

    def test_the_client_behind_a_proxy(self) -> None:
        field = ("X-Forwarded-For", "192.0.2.9")
        self.assertEqual(self.route("http://a/", field, client="10.1.1.1"), "client")
        self.assertIsNone(self.route("http://a/", field, client="198.51.100.1"))

    def test_fields(self) -> None:
        self.assertEqual(self.route("http://a/?b=2+3", ("Cookie", "a=1")), "cookie")
        self.assertEqual(self.route("http://a/", ("Host", "b.test:99")), "host")
        upgrade = [("Connection", "upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "x")]
        self.assertEqual(self.route("http://a/", *upgrade), "websocket")
        self.assertEqual(self.outcome("http://a/", *upgrade).kind, "answer")

    def test_an_echo_is_run(self) -> None:
        self.assertEqual(self.outcome("http://a/echo").status, 200)
        waits = self.outcome("http://a/echo", ("Content-Length", "3"))
        self.assertEqual((waits.kind, waits.status), ("answer", None))
        self.assertIn("waits", waits.detail)

    def test_what_the_codec_refuses(self) -> None:
        for fields, reason, status in (
            ([("Host", "a"), ("Host", "b")], "bad_host", 400),
            ([("Content-Length", "x")], "bad_content_length", 400),
            ([("X-A", "a\rb")], "bad_line_ending", 400),
            ([(f"X-{n}", "") for n in range(4)], "too_many_fields", 431),
            ([("X-A", "a" * 40_000)], "head_too_large", 431),
            ([("Content-Length", "1025")], "body_too_large", 413),
        ):
            outcome = self.outcome("http://a/", *fields)
            self.assertEqual((outcome.kind, outcome.reason, outcome.status), ("refused", reason, status))

    def test_what_the_listener_refuses(self) -> None:
        for path in ("/a%2Fb", "/../b", "/%zz"):
            outcome = self.outcome(f"http://a{path}")
            self.assertEqual((outcome.reason, outcome.status), ("bad_path", 400), path)
