"""The record of what was served: what the access log has, with the rules behind it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from tests.explain.test_live import Case
from toron.core.message import Request
from toron.core.refusal import (
    CLIENT_CERT_REQUIRED,
    DENIED,
    HELLO_BAD,
    NO_CONNECTION_ROUTE,
    PROXY_BAD,
    Refusal,
)
from toron.core.trail import Trail, seen
from toron.explain.told import NOT_FOLLOWED
from toron.wire.headers import Headers


class Requests(Case):
    def test_the_whole_way(self) -> None:
        record = self.record(self.serve(b"/one/a?token=abc", (b"Cookie", b"session=xabc"), (b"Host", b"h")))
        self.assertEqual(record["asked"]["url"], "http://h/one/a?token=<redacted>")
        self.assertEqual(record["asked"]["headers"], [["Cookie", "<redacted>"], ["Host", "h"]])
        self.assertEqual([step["verdict"] for step in record["guards"]], ["passes", "passes"])
        self.assertEqual((record["route"]["name"], self.place(record["route"]["place"])), ("one", "8:5"))
        self.assertEqual([step["name"] for step in record["shadowed"]], ["two"])
        first, second = record["middlewares"]
        self.assertEqual(first["request"], ["adds X-A: 1", "adds Authorization: <redacted>"])
        self.assertEqual(first["response"], ["adds Set-Cookie: <redacted>"])
        self.assertEqual(second["request"], ["path: /one/a -> /a"])
        self.assertEqual(self.place(second["place"]), "12:9")
        self.assertEqual((record["outcome"]["kind"], record["outcome"]["status"]), ("answer", 200))
        self.assertEqual((record["ended"]["note"], record["ended"]["line"]["route"]), ("", "one"))
        self.assertNotIn("abc", json.dumps(record))

    def test_a_near_miss_hides_the_cookie(self) -> None:
        record = self.record(self.serve(b"/one", (b"Cookie", b"session=abc")))
        self.assertEqual(record["route"]["name"], "two")
        (near,) = [step["missed"] for step in record["near"] if step["name"] == "one"]
        self.assertEqual((near["what"], near["asked"]), ("cookies session", "<redacted>"))

    def test_no_route(self) -> None:
        record = self.record(self.serve(b"/none"))
        self.assertEqual((record["route"], record["outcome"]["reason"]), (None, "no_route"))
        self.assertEqual(record["near"][0]["missed"]["what"], "path")

    def test_a_middleware_that_answers_and_one_that_refuses(self) -> None:
        (step,) = self.record(self.serve(b"/to"))["middlewares"]
        self.assertEqual((step["name"], step["verdict"], step["status"]), ("redirect", "answers", 308))
        self.serve(b"/few")
        first, second = self.record(self.serve(b"/few"))["middlewares"]
        self.assertEqual((first["verdict"], second["verdict"]), ("passes", "refuses"))
        self.assertEqual((second["reason"], second["status"]), ("rate_limited", 429))

    def test_one_that_nobody_followed(self) -> None:
        self.serve(b"/few")
        self.recent.left = 0.0
        self.assertIsNone(self.record(self.serve(b"/one")))
        record = self.record(self.serve(b"/few"))
        self.assertEqual([step["verdict"] for step in record["middlewares"]], ["passes", "refuses"])
        self.assertEqual((record["route"]["name"], record["ended"]["note"]), ("few", NOT_FOLLOWED))
        self.assertEqual(self.record(self.serve(b"/none"))["ended"]["note"], "")

    def test_a_route_that_refuses_by_itself(self) -> None:
        for left in (9.0, 0.0):
            self.recent.left = left
            request = Request(b"GET", b"/few", Headers(), client_ip="192.0.2.1", host=b"h")
            request.asked, request.id, request.route = b"/few", self.composition.new_id(), "few"
            if left:
                request.trail = Trail(self.composition.chart, seen(request))
            connection = SimpleNamespace(connection=SimpleNamespace(tls=None))
            self.site().finished(connection, request, 403, 0, CLIENT_CERT_REQUIRED, "")
            record = self.record(request.id)
            self.assertEqual((record["route"]["name"], record["middlewares"]), ("few", []))

    def test_what_the_listener_answers(self) -> None:
        request = Request(b"GET", b"/x", Headers(), client_ip="192.0.2.1", host=b"h")
        request.asked, request.id, request.route = b"/x", self.composition.new_id(), "redirect_http"
        request.trail = Trail(self.composition.chart, seen(request))
        connection = SimpleNamespace(connection=SimpleNamespace(tls=None))
        self.site().finished(connection, request, 308, 0, None, "")
        record = self.record(request.id)
        self.assertEqual((record["route"]["name"], record["outcome"]["kind"]), ("redirect_http", "answer"))
        self.assertEqual(self.place(record["route"]["place"]), "2:5")

    def test_a_path_that_no_route_could_be_asked_for(self) -> None:
        record = self.record(self.serve(b"/%"))
        self.assertEqual((record["near"], record["ended"]["line"]["path"]), ([], "/%"))


class Connections(Case):
    def refuse(self, listener: int, refusal: Refusal, **more: Any) -> Any:
        values = {
            "client_ip": "192.0.2.1", "peer_ip": "192.0.2.1", "peer_port": 5, "accepted": 0.0, "id": "",
            "hello": None, "tls": None, "passed": 0, "trail": None,
        }  # fmt: skip
        connection = SimpleNamespace(**(values | more))
        made: Any = self.composition.listeners[listener]
        made._refused(connection, refusal)
        return self.record(connection.id)

    def test_the_guard_that_refused(self) -> None:
        record = self.refuse(0, Refusal(DENIED), passed=1)
        said = [(step["name"], step["verdict"], step["reason"]) for step in record["guards"]]
        self.assertEqual(said, [("deny", "passes", None), ("allow", "refuses", "address_denied")])
        self.assertEqual((record["asked"]["url"], record["asked"]["method"]), ("tcp://*:80", None))

    def test_no_guard_was_asked(self) -> None:
        self.assertEqual(self.refuse(0, Refusal(PROXY_BAD))["guards"], [])

    def test_a_name_without_a_route(self) -> None:
        hello = SimpleNamespace(sni="mail.test", alpn=[b"h2"])
        record = self.refuse(1, Refusal(NO_CONNECTION_ROUTE, "mail.test"), hello=hello)
        self.assertEqual(record["asked"]["url"], "tls://mail.test:443")
        (near,) = record["near"]
        self.assertEqual((near["name"], near["missed"]["asked"]), ("db", "mail.test"))
        self.assertIsNone(record["backend"])

    def test_one_that_came_to_no_route(self) -> None:
        record = self.refuse(1, Refusal(HELLO_BAD))
        self.assertEqual((record["near"], record["route"]), ([], None))
