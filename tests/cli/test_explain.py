"""`toron explain`, as somebody types it."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.admin_port import AdminCase
from tests.cli.case import BAD, ERROR, GOOD, CliCase
from toron.explain.record import Asked, Ended, Outcome, Record


class Explain(CliCase):
    """Each: what is typed, and what is printed."""

    def test_explain(self) -> None:
        path = self.write("a.yaml", """
            listeners: [{protocol: http, port: 80, guards: [{deny: 192.0.2.0/24}]}]
            routes:
              - {name: a, match: {path: /a, methods: POST, headers: {X-A: "1"}}, respond: {}}
              - {name: rest, match: {path: /}, redirect: /a}
            """)  # fmt: skip
        asked = ["explain", "-c", path, "http://x/a"]
        result = self.run_cli(*asked, "-X", "POST", "-H", "X-A: 1")
        self.assertEqual((result.exit_code, result.stderr), (0, ""))
        self.assertEqual(result.stdout.splitlines()[0], "POST http://x/a from 127.0.0.1")
        self.assertIn(f"├─ route a  [{path}:3:5]", result.stdout.splitlines())
        result = self.run_cli(*asked, "--json", "--listener", "http-80")
        record = json.loads(result.stdout)
        self.assertEqual((result.exit_code, record["route"]["place"]), (0, f"{path}:4:5"))
        self.assertEqual(record["outcome"]["status"], 308)
        self.assertEqual(record["near"][0]["missed"]["what"], "methods")
        refused = self.run_cli(*asked, "--client", "192.0.2.1")
        self.assertEqual(refused.exit_code, 1)
        self.assertEqual(refused.stdout.splitlines()[-1], "└─ refused: address_denied")

    def test_explain_tells_what_is_wrong_with_the_file(self) -> None:
        path = self.write("a.yaml", BAD)
        result = self.run_cli("explain", "-c", path, "tcp://a:80")
        self.assertEqual((result.exit_code, result.stdout, result.stderr), (2, "", f"{path}:{ERROR}\n"))

    def test_explain_wrong_usage(self) -> None:
        path = self.write("a.yaml", GOOD)
        for words, said in (
            (["ftp://a"], "is not asked about"),
            (["8d3ac3a7e5-2f"], "or udp://, or --live ID to ask about what a gateway has served"),
            (["http://a", "-H", "x"], "'x' is not a header: write 'Name: value'"),
            (["http://a", "--client", "x"], "'x' is not an address"),
            (["tcp://a:80", "--listener", "x"], "there is no listener 'x': there are tcp-80"),
            ([], "Name one thing: a URL, --live ID, or --last."),
            (["http://a", "--last"], "Name one thing"),
            (["--live", "x", "--last"], "Name one thing"),
            (["--live", "x", "--route", "r"], "--route and --status belong to --last."),
        ):
            result = self.run_cli("explain", "-c", path, *words)
            self.assertEqual((result.exit_code, result.stdout), (2, ""), words)
            self.assertIn(said, result.stderr)


class Served(AdminCase):
    """Of what a gateway has served; the gateway is one that the test plays."""

    def record(self, kind: str = "server", status: int = 200, reason: str | None = None) -> dict[str, Any]:
        line = {"time": "T", "id": "a/b", "kind": "http", "duration_ms": 1.0}
        outcome = Outcome(kind, status, reason)  # type: ignore[arg-type]
        return Record(Asked("http://x/", "GET", [], "::1"), outcome, ended=Ended(line)).as_json()

    def test_by_its_id(self) -> None:
        self.port.answers["GET requests/a%2Fb"] = 200, self.record()
        self.assertEqual(
            self.lines("explain", "--live", "a/b"),
            ["GET http://x/ from ::1, T, id a/b", "└─ a server answered with status 200, 1 ms"],
        )
        self.port.answers["GET requests/a%2Fb"] = 200, self.record("refused", 404, "no_route")
        self.assertEqual(
            self.lines("explain", "--live", "a/b", code=1)[1], "└─ refused with status 404: no_route, 1 ms"
        )

    def test_the_last_one(self) -> None:
        self.port.answers |= {
            "GET requests?route=r&status=5xx&most=1": (200, {"requests": [{"id": "z"}]}),
            "GET requests?most=1": (200, {"requests": []}),
            "GET requests/z": (200, self.record()),
        }
        said = self.lines("explain", "--last", "--route", "r", "--status", "5xx", "--json")
        self.assertEqual(json.loads("".join(said))["ended"]["line"]["id"], "a/b")
        nothing = self.type("explain", "--last")
        self.assertEqual(nothing.exit_code, 2)
        self.assertTrue(nothing.stderr.startswith("Error: nothing that is as asked for is remembered: "))
        nothing = self.type("explain", "--last", "--json")
        self.assertEqual((nothing.exit_code, nothing.stderr), (2, ""))
        self.assertEqual(json.loads(nothing.stdout)["word"], "unknown_request")

    def test_what_is_not_known(self) -> None:
        problem = {
            "title": "t",
            "status": 404,
            "detail": "no request 'x'",
            "next": "ask",
            "word": "unknown_request",
        }
        self.port.answers["GET requests/x"] = 404, problem
        result = self.type("explain", "--live", "x")
        self.assertEqual((result.exit_code, result.stderr), (2, "Error: no request 'x': ask\n"))
        result = self.type("explain", "--live", "x", "--json")
        self.assertEqual((result.exit_code, json.loads(result.stdout)), (2, problem))
        self.port.answers["GET requests/x"] = 403, problem | {"word": "token_wrong", "status": 403}
        self.assertEqual(self.type("explain", "--live", "x").exit_code, 1)
