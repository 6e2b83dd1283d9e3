"""What is asked of a change, read or refused."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from toron import plugin
from toron.admin.changes import Apply
from toron.admin.problem import Refused
from toron.changing import asked
from toron.changing.asked import check_saving, check_scopes, condition, mistakes, named, window
from toron.changing.condition_text import read_condition
from toron.config.load import load_text
from toron.config.place import Invalid, Problem

TEXT = """
listeners:
  - {protocol: http, port: 80, redirect_http: true}
  - {protocol: https, port: 443, certificates: [{self_signed: [a.test]}]}
routes:
  - {name: shop, backend: api}
  - {match: {host: a.test, path: /b}, backend: {url: "http://127.0.0.1:1"}}
backends: {api: {url: "http://127.0.0.1:2"}}
"""


class Reading(SynchronousTestCase):
    def refused(self, status: int, word: str, function: Any, *arguments: Any) -> Refused:
        refused = self.assertRaises(Refused, function, *arguments)
        self.assertEqual((refused.details.status, refused.details.word), (status, word))
        return refused

    def test_the_window(self) -> None:
        for text, seconds in (("", 0.0), ("60s", 60.0), ("2m", 120.0), ("1d", 86400.0), ("1s", 1.0)):
            self.assertEqual(window(Apply("", window=text)), seconds)
        for text in ("60", "a minute", "-5s", "25h", "500ms", "0"):
            self.refused(400, "bad_window", window, Apply("", window=text))
        self.refused(400, "bad_window", window, Apply("", confirm=True))
        self.refused(400, "bad_window", window, Apply("", rollback_if="p99 > 2x"))

    def test_the_condition(self) -> None:
        self.assertIsNone(condition(Apply("")))
        self.assertIsNotNone(condition(Apply("", rollback_if="p99 > 2x")))
        refused = self.refused(400, "bad_condition", condition, Apply("", rollback_if="p99 >"))
        self.assertIn("rollback_if: column 6: a value is missing", refused.details.detail)
        for requests in (0, -1, 10**9):
            self.refused(400, "bad_condition", condition, Apply("", requests=requests))

    def test_whose_requests(self) -> None:
        config = load_text(TEXT.encode(), "a.yaml", ".", plugin, {}).config
        for name in (
            "route shop", "route 2:a.test/b", "route redirect_http", "backend api", "backend 127.0.0.1:1",
            "backend 127.0.0.1:1#2",
        ):  # fmt: skip
            kind, _, name = name.partition(" ")
            check_scopes(read_condition(f"p99({kind} '{name}') > 2x or 5xx > 1"), config)
        for text, detail, known in (
            (
                "5xx > 1 and not p99(route shoop) > 2x",
                "no route 'shoop'",
                ["shop", "2:a.test/b", "redirect_http"],
            ),
            ("p99(backend shop) > 2x", "no backend 'shop'", ["api", "127.0.0.1:1"]),
        ):
            refused = self.refused(400, "bad_condition", check_scopes, read_condition(text), config)
            self.assertIn(detail, refused.details.detail)
            self.assertEqual(refused.details.known, known)

    def test_the_file(self) -> None:
        self.assertEqual(named("/etc/toron.yml", "toml"), "/etc/toron.toml")
        self.refused(400, "bad_body", named, "/etc/toron.yml", "xml")
        self.patch(asked, "why_not", lambda path: "")
        check_saving("/etc/toron.yml", "yaml")
        check_saving("/etc/toron.json", "json")
        refused = self.refused(409, "not_writable", check_saving, "/etc/toron.json", "yaml")
        self.assertIn("its name says that it is .json, and what was sent is .yaml", refused.details.detail)
        self.patch(asked, "why_not", lambda path: "nobody may")
        self.refused(409, "not_writable", check_saving, "/etc/toron.yaml", "yaml")

    def test_all_that_is_wrong(self) -> None:
        refused = mistakes(
            Invalid([Problem("a", 2, 1, "worse"), Problem("a", 1, 1, "bad"), Problem("a", 3, 1, "x", True)])
        )
        self.assertEqual(refused.details.detail, "nothing was changed: bad (and 1 more)")
        self.assertEqual([each.severity for each in refused.details.problems], ["error", "error", "warning"])
