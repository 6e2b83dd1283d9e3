"""The whole way: as the gateway itself goes it, quickly, and without anything being opened."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

from tests.explain.case import ExplainCase
from tests.loopback.client_authority import ClientAuthority
from toron.compose import rehearse
from toron.config.place import Invalid
from toron.core.message import Response
from toron.core.refusal import Refusal
from toron.core.wait import Task
from toron.explain.entrance import caller
from toron.explain.explainer import SHOWN, Explainer
from toron.explain.requests import request_of

TEXT = """
    listeners:
      - {protocol: http, port: 80}
      - {protocol: https, port: 443, certificates: [{self_signed: a.test}]}
      - {protocol: tcp, port: 1, backend: {url: "tcp://127.0.0.1:2"}}
    routes:
      - {name: a, match: {host: a.test}, backend: {url: "http://127.0.0.1:9000"}}
    """


class Explaining(ExplainCase):
    def test_nothing_is_opened(self) -> None:
        def refuse(*_: Any) -> None:
            raise AssertionError("a socket")

        explainer = self.explainer(TEXT)
        self.patch(socket, "socket", refuse)
        for url in ("http://a.test/", "https://a.test/", "tcp://a:1"):
            self.assertEqual(explainer.explain(self.question(url)).outcome.kind, "server")

    def test_nobody_listens(self) -> None:
        record = self.ask(TEXT, "tcp://a:9")
        self.assertEqual((record.outcome.kind, record.outcome.reason), ("refused", "no_listener"))
        self.assertIsNone(record.listener)

    def test_a_connection_to_where_http_is_spoken(self) -> None:
        record = self.ask(TEXT, "tls://a.test:443")
        self.assertEqual(record.outcome.kind, "answer")
        self.assertEqual(record.outcome.detail, "the listener speaks HTTP from here on: ask with https://")

    def test_a_redirect_to_https(self) -> None:
        text = TEXT.replace("self_signed: a.test}]}", "self_signed: a.test}], redirect_http: true}")
        outcome = self.ask(text, "http://a.test/x?y").outcome
        self.assertEqual((outcome.kind, outcome.status), ("answer", 301))
        self.assertIn(("Location", "https://a.test/x?y"), outcome.headers)
        outcome = self.ask(text, "http://b.test/").outcome
        self.assertEqual((outcome.kind, outcome.status, outcome.reason), ("refused", 404, "no_route"))
        self.assertEqual(self.ask(text, "https://a.test/").outcome.kind, "server")

    def test_another_host_than_the_connection_is_for(self) -> None:
        outcome = self.ask(TEXT, "https://a.test/", ("Host", "b.test")).outcome
        self.assertEqual((outcome.kind, outcome.status, outcome.reason), ("refused", 421, "misdirected"))

    def test_certificates_of_clients(self) -> None:
        ClientAuthority(Path(self.folder), "ca")
        asking = "self_signed: [a.test, b.test]}], tls: {client: {ca: ca.pem, names: a.test}}}"
        text = TEXT.replace("self_signed: a.test}]}", asking)
        text = text.replace("host: a.test}, ", "host: [a.test, b.test]}, client_cert: required, ")
        record = self.ask(text, "https://a.test/")
        assert record.listener is not None
        self.assertEqual((record.outcome.kind, record.listener.note), ("server", SHOWN))
        record = self.ask(text, "https://b.test/")
        assert record.listener is not None
        self.assertEqual((record.outcome.status, record.outcome.reason), (403, "client_certificate_required"))
        self.assertEqual(record.listener.note, "")
        self.assertEqual(self.ask(text, "https://b.test/", ("Host", "a.test")).outcome.status, 421)

    def test_what_a_start_would_say(self) -> None:
        loaded = self.loaded("""
            listeners: [{protocol: http, port: 80}]
            routes: [{middlewares: [{jwt: {keys: absent.json}}], respond: {}}]
            """)
        error = self.assertRaises(Invalid, Explainer, loaded)
        self.assertIn("cannot read the key file", str(error))

    def test_it_agrees_with_the_gateway(self) -> None:
        """The service of the listener is asked for the same, and answers as it was said."""
        text = """
            listeners: [{protocol: http, port: 80}]
            routes:
              - {name: a, match: {path: /a, methods: GET}, redirect: /b}
              - {name: b, match: {path: /b}, middlewares: [{body-limit: 1}], respond: {status: 202}}
              - {name: c, match: {path: "^/c(.)"}, middlewares: [{rewrite: /$1}], echo: {}}
            """
        loaded = self.loaded(text)
        rehearsed = rehearse(loaded)
        explainer = Explainer(loaded, rehearsed)
        site = rehearsed.entrances["http-80"].site
        assert site is not None
        for method, path in (("GET", "/a"), ("POST", "/a"), ("GET", "/b"), ("GET", "/cx"), ("GET", "/d")):
            asked = self.question(f"http://a.test{path}", method=method)
            record = explainer.explain(asked)
            request = request_of(asked, site, caller(asked, loaded.config.listeners[0]))
            seen: list[Any] = []
            try:
                Task(site.service(request), lambda *result, seen=seen: seen.extend(result)).start()
                answer: Response = seen[0]
                self.assertEqual(record.outcome.status, answer.status)
                self.assertEqual(len(record.outcome.headers), len(answer.headers))
            except Refusal as refusal:
                self.assertEqual(record.outcome.reason, refusal.reason.word)
            self.assertEqual(record.route.name if record.route else "", request.route)

    def test_without_the_others(self) -> None:
        loaded = self.loaded(
            TEXT.rstrip() + "\n      - {name: b, match: {path: /b, methods: PUT}, respond: {}}\n"
        )
        for others, near in ((True, ["b"]), (False, [])):
            record = Explainer(loaded, others=others).explain(self.question("http://a.test/b"))
            self.assertEqual(
                (record.route and record.route.name, [step.name for step in record.near]), ("a", near)
            )

    def test_ten_thousand_routes(self) -> None:
        routes = [
            f"  - {{name: r{n}, match: {{host: h{n % 100}.test, path: /a/{n}, headers: {{X-A: '{n % 3}'}}}},"
            " respond: {}}"
            for n in range(10_000)
        ]
        before = time.process_time()
        explainer = self.explainer("\n".join(["listeners: [{protocol: http, port: 80}]", "routes:", *routes]))
        composed = time.process_time()
        record = explainer.explain(self.question("http://h42.test/a/9942/b", ("X-A", "0")))
        # A tenth of a second, where loading and composing take several.
        self.assertLess(time.process_time() - composed, (composed - before) / 2)
        assert record.route is not None
        self.assertEqual((record.route.name, self.short(record.route.place)), ("r9942", "9945:5"))
