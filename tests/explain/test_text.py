"""The record as people read it."""
# ruff: noqa: E501 (what is printed is one line here too)

from __future__ import annotations

from tests.explain.case import ExplainCase
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
