"""The record as people read it."""
# ruff: noqa: E501 (what is printed is one line here too)

from __future__ import annotations

from typing import Any

from tests.explain.case import ExplainCase
from toron.explain.record import Asked, BackendStep, Ended, Outcome, Record, ServerStep, TryStep
from toron.explain.text import as_text

TEXT = """
    listeners:
      - {protocol: http, port: 8080, guards: [{connections: {total: 5}}]}
      - {name: other, protocol: http, port: 8081}
      - {protocol: https, port: 443, certificates: [{self_signed: a.test}]}
    routes:
      - {name: api, match: {path: /api}, middlewares: [{strip-prefix: /api}], backend: {url: "http://127.0.0.1:9000"}}
      - {name: api2, match: {path: /api, headers: {X-A: b}}, redirect: /b}
      - {name: all, middlewares: [{body-limit: 1}], respond: {}}
    """


class Text(ExplainCase):
    def said(self, url: str, *fields: tuple[str, str]) -> list[str]:
        return as_text(self.ask(TEXT, url, *fields)).replace(f"[{self.folder}/a.yaml:", "[").splitlines()

    def test_a_server(self) -> None:
        self.assertEqual(
            self.said("http://a.test/api/x"),
            [
                "GET http://a.test/api/x from 127.0.0.1",
                "├─ listener http-8080 (http, port 8080)  [2:5]",
                "│  ├─ also possible: other",
                "│  └─ nothing listens on port 80; taken as if that port were mapped to this one; other listeners"
                " would do: name one with --listener",
                "├─ guard connections passes  [2:43]",
                "│  └─ at most 5 in all; how many there are is not known offline",
                "├─ route api  [6:5]",
                "│  ├─ shadows all, which matches too  [8:5]",
                "│  └─ near miss api2: headers X-A is nothing, wanted b  [7:48]",
                "├─ middleware strip-prefix passes  [6:52]",
                "│  └─ request path: /api/x -> /x",
                "├─ backend 127.0.0.1:9000 (round-robin)  [6:75]",
                "│  ├─ health is not known offline: every server is taken to be well and idle",
                "│  └─ picks 127.0.0.1:9000: the only one that can be asked  [6:85]",
                "└─ a server is asked",
            ],
        )

    def test_answers_and_refusals(self) -> None:
        self.assertEqual(
            self.said("https://a.test/api", ("X-A", "b"))[-1], "└─ answered here with status 308, /b"
        )
        self.assertIn("certificate of a.test for a.test  [4:49]", self.said("https://a.test/")[2])
        refused = self.said("http://a:8080/", ("Content-Length", "2"))
        self.assertIn(
            "├─ middleware body-limit refuses: body_too_large, status 413 (more than 1)  [8:31]", refused
        )
        self.assertEqual(refused[-1], "└─ refused with status 413: body_too_large (more than 1)")
        self.assertEqual(
            self.said("tcp://a:9"),
            ["tcp://a:9 from 127.0.0.1", "└─ refused: no_listener (no listener takes tcp on port 9)"],
        )


class Served(ExplainCase):
    """Of something that was served; the rest of the tree is the same."""

    def said(self, outcome: Outcome, backend: BackendStep | None = None, **line: Any) -> list[str]:
        line = {"time": "T", "id": "7", "kind": "http"} | line
        record = Record(
            Asked("http://a/", "GET", [], "::1"), outcome, backend=backend, ended=Ended(line, "so")
        )
        return as_text(record).splitlines()

    def test_servers_one_after_the_other(self) -> None:
        tries = [
            TryStep(
                "s1", "1:1", "random picks it", "failed", None, "upstream_reset", "why", 0.5, 1.25,
                [ServerStep("s2", "1:9", "passed over", "it drains: nobody new is led to it")],
            ),
            TryStep("s3", "1:5", "the same once more", "answered", 200, began_ms=2.0, ended_ms=3.0),
            TryStep("s4", "1:5", "random picks it", "answered", began_ms=2.0, ended_ms=3.0),
            TryStep("s5", "1:5", "random picks it", "unanswered"),
            TryStep(None, "", "nobody can be asked", "unanswered", began_ms=9.0),
        ]  # fmt: skip
        backend = BackendStep("b", "1:3", "random", [], tries=tries)
        self.assertEqual(
            self.said(Outcome("server", 200), backend, duration_ms=4.5, bytes_in=1, bytes_out=2),
            [
                "GET http://a/ from ::1, T, id 7",
                "├─ backend b (random)  [1:3]",
                "│  ├─ after 0.5 ms picks s1: random picks it  [1:1]",
                "│  │  ├─ passes over s2: it drains: nobody new is led to it  [1:9]",
                "│  │  └─ failed after 1.25 ms: upstream_reset (why)",
                "│  ├─ after 2 ms picks s3: the same once more  [1:5]",
                "│  │  └─ answered after 3 ms, status 200",
                "│  ├─ after 2 ms picks s4: random picks it  [1:5]",
                "│  │  └─ connected after 3 ms",
                "│  ├─ picks s5: random picks it  [1:5]",
                "│  │  └─ it was over before there was an answer",
                "│  └─ after 9 ms nobody can be asked",
                "├─ so",
                "└─ a server answered with status 200, 4.5 ms, 1 bytes in, 2 out",
            ],
        )

    def test_what_a_client_sent_does_nothing_to_a_terminal(self) -> None:
        tries = [TryStep("s1", "1:1", "\x9b31mred\u202e", "answered")]
        said = self.said(Outcome("server", 200), BackendStep("b", "1:3", "random", [], tries=tries))
        self.assertIn("│  └─ picks s1: \\x9b31mred\\u202e  [1:1]", said)

    def test_how_it_ended(self) -> None:
        refused = Outcome("refused", 502, "upstream_reset", "why")
        for outcome, line, last in (
            (refused, {}, "refused with status 502: upstream_reset (why)"),
            (refused, {"upstream_ms": 1.0}, "ended with status 502: upstream_reset (why)"),
            (
                Outcome("refused", None, "reset"),
                {"bytes_in": 1, "bytes_out": 0},
                "ended: reset, 1 bytes in, 0 out",
            ),
            (Outcome("refused", None, "reset"), {}, "refused: reset"),
            (Outcome("answer", 308), {}, "answered here with status 308"),
            (Outcome("server"), {}, "a server had it"),
        ):
            self.assertEqual(self.said(outcome, **line)[-1], f"└─ {last}")
