"""What was served is told for as long as it is remembered, also when another configuration serves."""

from __future__ import annotations

import json
import random
from types import SimpleNamespace
from typing import Any

from twisted.internet.testing import MemoryReactorClock

from tests.explain.case import ExplainCase
from toron.compose import Composition
from toron.core.message import Request
from toron.core.refusal import (
    Refusal,
)
from toron.core.wait import Task
from toron.explain import told
from toron.explain.live import ANOTHER, Live, retiring
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


class Asking(Case):
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

    def test_one_that_can_not_be_told(self) -> None:
        id = self.serve(b"/one")
        (kept,) = self.recent.find(Wanted(id=id))
        self.assertIsNotNone(kept.trail)
        self.patch(told, "route_step", None)
        self.retire()
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)
        self.assertEqual(self.record(id)["ended"]["note"], "its configuration is not known any more")

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
