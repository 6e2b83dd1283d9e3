"""The route that takes a request, the routes it shadows, and the near misses with what fails first."""

from __future__ import annotations

from tests.explain.case import ExplainCase
from toron.explain.record import NEAR, Record
from toron.explain.routes import SHADOWED

TEXT = """
    listeners: [{protocol: http, port: 80}, {name: other, protocol: http, port: 81}]
    routes:
      - name: exact
        match: {host: a.test, path: /api/v1}
        respond: {}
      - name: beta
        match:
          - {host: a.test, path: /api, headers: {X-Beta: "1"}}
          - {path: /api, cookies: {beta: true}}
        respond: {}
      - name: api
        match: {host: [a.test, b.test], path: /api}
        respond: {}
      - name: shadow
        match: {path: /api, not: {methods: POST}}
        priority: 200
        respond: {}
      - {name: elsewhere, match: {path: /api}, listeners: other, respond: {}}
      - {name: far, match: {path: /zebra}, respond: {}}
      - {match: {host: b.test, path: "^/old/(.*)"}, redirect: /new/$1}
    """


class Routes(ExplainCase):
    def near(self, record: Record) -> list[str]:
        return [
            f"{step.name}: {missed.what}: {missed.asked}, {missed.wanted} {self.short(missed.place)}"
            for step in record.near
            if (missed := step.missed) is not None
        ]

    def test_who_is_shadowed_and_by_which_line(self) -> None:
        record = self.ask(TEXT, "http://b.test/api/x")
        assert record.route is not None
        self.assertEqual((record.route.name, self.short(record.route.place)), ("api", "11:5"))
        self.assertEqual(
            [(step.name, self.short(step.place)) for step in record.shadowed], [("shadow", "14:5")]
        )

    def test_what_is_missed_first(self) -> None:
        record = self.ask(TEXT, "http://a.test/api/v2", method="POST")
        self.assertEqual(
            self.near(record),
            [
                "beta: headers X-Beta: nothing, 1 8:46",
                "shadow: not: all of it, not all of what stands there 15:25",
                "exact: path: /api/v2, /api/v1 4:27",
            ],
        )

    def test_the_better_of_two_matches(self) -> None:
        record = self.ask(TEXT, "http://c.test/api", ("Cookie", "x=1"))
        self.assertIn("beta: cookies beta: x=1, any value 9:32", self.near(record))

    def test_without_a_route_everything_near_is_told(self) -> None:
        record = self.ask(TEXT, "http://b.test/nothing")
        self.assertIsNone(record.route)
        self.assertEqual((record.outcome.status, record.outcome.reason), (404, "no_route"))
        self.assertIn("7:b.test^/old/(.*): path: /nothing, ^/old/(.*) 20:28", self.near(record))
        self.assertIn("far: path: /nothing, /zebra 19:25", self.near(record))

    def test_only_this_listeners_routes(self) -> None:
        self.assertNotIn("elsewhere", str(self.ask(TEXT, "http://b.test/api")))
        self.assertIn("elsewhere", str(self.ask(TEXT, "http://b.test:81/api")))

    def test_captures(self) -> None:
        outcome = self.ask(TEXT, "http://b.test/old/x/y").outcome
        self.assertEqual((outcome.status, outcome.headers), (308, [("Location", "/new/x/y")]))

    def test_an_unknown_host_over_tls(self) -> None:
        text = """
            listeners:
              - protocol: https
                port: 443
                certificates: [{self_signed: a.test}]
                tls: {default_cert: first}
            routes: [{match: {host: a.test}, respond: {}}]
            """
        outcome = self.ask(text, "https://b.test/").outcome
        self.assertEqual((outcome.status, outcome.reason), (421, "unknown_host"))

    def test_at_most(self) -> None:
        routes = [
            f"  - {{name: r{n}, match: {{path: /api, headers: {{X-{n}: false}}}}, respond: {{}}}}"
            for n in range(40)
        ]
        routes += [f"  - {{match: {{path: /api/v{n}}}, respond: {{}}}}" for n in range(40)]
        record = self.ask(
            "\n".join(["listeners: [{protocol: http, port: 80}]", "routes:", *routes]), "http://a/api"
        )
        assert record.route is not None
        self.assertEqual((record.route.name, len(record.shadowed), len(record.near)), ("r0", SHADOWED, NEAR))

    def test_what_came_from_the_environment_is_not_shown(self) -> None:
        text = """
            listeners: [{protocol: http, port: 80}]
            routes: [{match: {headers: {X-Key: "${KEY}"}}, respond: {}}]
            """
        record = self.explainer(text, {"KEY": "hunter2222"}).explain(self.question("http://a/"))
        self.assertEqual(self.near(record), ["1:*/: headers X-Key: nothing, <secret> 2:29"])
