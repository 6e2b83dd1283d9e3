"""The record of what was served: what the access log has, with the rules behind it."""

from __future__ import annotations

import json
import random
from types import SimpleNamespace
from typing import Any

from twisted.internet.testing import MemoryReactorClock

from tests.explain.case import ExplainCase
from toron.compose import Composition
from toron.core.message import Request
from toron.core.refusal import DENIED, HELLO_BAD, NO_CONNECTION_ROUTE, PROXY_BAD, Refusal
from toron.core.wait import Task
from toron.explain.live import ANOTHER, NOT_FOLLOWED, Live, retiring
from toron.net.http_site import HttpSite
from toron.observe.recent import Wanted
from toron.wire.headers import Field, Headers

TEXT = """
listeners:
  - {protocol: http, port: 80, guards: [{deny: 198.51.100.0/24}, {allow: 192.0.2.0/24}]}
  - {protocol: sni, port: 443, routes: [{name: db, match: {sni: db.test}, backend: db}]}
  - {protocol: tcp, port: 25, echo: {}}
admin: {}
explain: {keep: 9, follow: 9/s}
routes:
  - name: one
    match: {path: /one, cookies: {session: "^x"}}
    middlewares:
      - headers: {request: {set: {X-A: "1", Authorization: "Basic abc"}}, response: {add: {Set-Cookie: abc}}}
      - strip-prefix: /one
    respond: {body: one}
  - {name: two, match: {path: /one}, respond: {body: two}}
  - {match: {path: /to}, middlewares: [{redirect: {to: /one}}], respond: {}}
  - {name: few, match: {path: /few}, middlewares: [{headers: {}}, {rate-limit: {rate: 1/h}}], respond: {}}
backends: {db: {url: "tcp://10.0.0.1:5432"}}
"""


class Case(ExplainCase):
    def setUp(self) -> None:
        super().setUp()
        self.reactor = MemoryReactorClock()
        loaded = self.loaded(TEXT)
        self.composition = Composition(loaded, self.reactor, random.Random(1), lambda: 1_800_000_000.0)
        self.composition.whole(self.fail)
        self.recent = self.composition.recent
        self.live = Live(self.reactor, self.recent)

    def site(self) -> HttpSite:
        found = self.composition.doors.entrances["http-80"].site
        assert found is not None
        return found

    def serve(self, target: bytes, *fields: Field) -> str:
        """Have a request served, and ended; its id."""
        path, _, query = target.partition(b"?")
        request = Request(
            b"GET", path, Headers(fields), query=query or None, client_ip="192.0.2.1", host=b"h"
        )
        request.asked, request.id, request.listener = target, self.composition.new_id(), "http-80"
        ended: list[Any] = []
        try:
            answer: Any = self.site().service(request)
            Task(answer, lambda response, error: ended.append(error or response)).start()
        except Refusal as refusal:
            ended.append(refusal)
        (end,) = ended
        refused = end if isinstance(end, Refusal) else None
        connection = SimpleNamespace(connection=SimpleNamespace(tls=None))
        self.site().finished(
            connection, request, refused.reason.status if refused else end.status, 3,
            refused.reason if refused else None, refused.detail if refused else "",
        )  # fmt: skip
        return request.id

    def record(self, id: str) -> Any:
        got: list[Any] = []
        Task(self.live.record(id), lambda value, error: got.append(error or value)).start()
        for _ in range(50):
            self.reactor.advance(0)
        (record,) = got
        return json.loads(json.dumps(record))

    def place(self, place: str) -> str:
        return self.short(place)


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

    def test_a_path_that_no_route_could_be_asked_for(self) -> None:
        record = self.record(self.serve(b"/%"))
        self.assertEqual((record["near"], record["ended"]["line"]["path"]), ([], "/%"))

    def test_lines(self) -> None:
        first, second = self.serve(b"/one"), self.serve(b"/none")
        got: list[Any] = []
        Task(self.live.lines(Wanted()), lambda value, error: got.append(error or value)).start()
        self.assertEqual([line["id"] for line in got[0]], [second, first])

    def test_what_is_not_remembered(self) -> None:
        self.assertEqual((self.record("x"), self.record("")), (None, None))


class Reloads(Case):
    def retire(self) -> None:
        for _ in retiring(self.recent, self.composition.chart):
            pass
        for _ in self.composition.dismantle():
            pass

    def test_what_was_recorded_stays(self) -> None:
        id = self.serve(b"/one/a", (b"Cookie", b"session=x"))
        before = self.record(id)
        self.retire()
        after = self.record(id)
        self.assertEqual(after["ended"]["note"], ANOTHER)
        for key in ("asked", "listener", "guards", "route", "middlewares", "outcome"):
            self.assertEqual(after[key], before[key])
        self.assertEqual((after["shadowed"], after["near"]), ([], []))

    def test_one_that_ended_afterwards(self) -> None:
        site = self.site()
        self.retire()
        request = Request(b"GET", b"/", Headers())
        request.id, request.listener = "late", "http-80"
        connection = SimpleNamespace(connection=SimpleNamespace(tls=None))
        site.finished(connection, request, 500, 0, None, "")
        record = self.record("late")
        self.assertEqual(record["ended"]["note"], "its configuration is not known any more")
        self.assertEqual((record["listener"], record["outcome"]["status"]), (None, 500))


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
