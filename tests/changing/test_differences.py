"""What two configurations have different, with the places of it in both."""

from __future__ import annotations

import textwrap
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from toron import plugin
from toron.admin.changes import Change
from toron.changing.differences import differences, told
from toron.config.load import Loaded, load_text

BASE = """
listeners:
  - {name: web, protocol: http, address: 127.0.0.1, port: 8080}
  - {protocol: https, port: 8443, certificates: [{self_signed: [a.test]}]}
routes:
  - {name: a, match: {path: /a}, middlewares: [few, {rate-limit: {rate: 1/s}}], backend: api}
  - {match: {path: /b}, backend: {url: "http://127.0.0.1:3"}}
  - {match: {path: /c}, respond: {body: c}}
middlewares: {few: {type: rate-limit, rate: 5/s}}
backends:
  api:
    servers: ["http://127.0.0.1:1", "http://127.0.0.1:2"]
    sticky: {secret: "first-secret-of-the-backend-1234"}
drain: {limit: 10s}
"""


def loaded(text: str, name: str, **environ: str) -> Loaded:
    return load_text(textwrap.dedent(text).encode(), name, ".", plugin, environ)


class Differences(SynchronousTestCase):
    maxDiff = None

    def changes(self, new: str, old: str = BASE, **environ: str) -> list[Change]:
        return differences(loaded(old, "old.yaml", **environ), loaded(new, "new.yaml", **environ))

    def short(self, *pairs: tuple[str, str]) -> list[tuple[Any, ...]]:
        """What is changed where in the text each of these is replaced by the other."""
        text = BASE
        for old, new in pairs:
            self.assertIn(old, text)
            text = text.replace(old, new)
        return [
            (each.action, each.kind, each.name, *((key.key, key.before, key.after) for key in each.keys))
            for each in self.changes(text)
        ]

    def test_nothing(self) -> None:
        self.assertEqual(self.changes(BASE), [])
        self.assertEqual(self.changes("# moved by a line\n" + BASE), [])
        self.assertEqual(self.short(("drain: {limit: 10s}\n", "drain: {limit: 10000ms, delay: 0}\n")), [])

    def test_a_value_with_its_places(self) -> None:
        [change] = self.changes(BASE.replace("body: c", "body: other").replace("routes:", "\nroutes:"))
        self.assertEqual(
            (change.action, change.kind, change.name, change.place_before, change.place_after),
            ("change", "route", "3:*/c", "old.yaml:8:5", "new.yaml:9:5"),
        )
        [key] = change.keys
        self.assertEqual(
            (key.key, key.before, key.after, key.place_before, key.place_after),
            ("respond.body", "c", "other", "old.yaml:8:35", "new.yaml:9:35"),
        )

    def test_what_was_not_written(self) -> None:
        [change] = self.changes(BASE.replace("{path: /c}", "{path: /c}, priority: 5"))
        [key] = change.keys
        self.assertEqual((key.key, key.before, key.after), ("priority", 100, 5))
        self.assertEqual((key.place_before, key.place_after), (None, "new.yaml:8:25"))

    def test_all_kinds(self) -> None:
        gone = BASE.replace("  - {match: {path: /c}, respond: {body: c}}\n", "")
        [change] = self.changes(gone)
        self.assertEqual(
            (change.action, change.place_before, change.place_after), ("remove", "old.yaml:8:5", None)
        )
        [change] = self.changes(BASE, gone)
        self.assertEqual((change.action, change.name, change.place_after), ("add", "3:*/c", "new.yaml:8:5"))
        self.assertEqual(
            self.short(("name: web, ", "name: web, guards: [{allow: 10.0.0.0/8}], ")),
            [("change", "listener", "web", ("guards", None, [{"allow": ["10.0.0.0/8"]}]))],
        )
        self.assertEqual(
            self.short(("5/s", "6/s")), [("change", "middleware", "few", ("rate", "5/s", "6/s"))]
        )
        self.assertEqual(
            self.short(("limit: 10s", "limit: 20s")),
            [("change", "setting", "drain", ("limit", "10s", "20s"))],
        )
        self.assertEqual(
            self.short(("[a.test]", "[b.test]")),
            [("remove", "certificate", "https-8443/self-signed a.test"),
             ("add", "certificate", "https-8443/self-signed b.test")],
        )  # fmt: skip
        self.assertEqual(
            self.short(("1/s}}]", "2/s}}]")),
            [("change", "route", "a", ("middlewares.1.rate-limit.rate", "1/s", "2/s"))],
        )

    def test_certificates_of_a_directory(self) -> None:
        acme = BASE.replace("{self_signed: [a.test]}", "{acme: {names: [a.test, NAME], state: state}}")
        acme += "admin: {}\n"
        [change] = self.changes(acme.replace("NAME", "b.test"), acme.replace("NAME", "c.test"))
        self.assertEqual(
            (change.action, change.kind, change.name), ("change", "certificate", "https-8443/acme a.test")
        )
        [key] = change.keys
        self.assertEqual(
            (key.key, key.before, key.after), ("acme.names", ["a.test", "c.test"], ["a.test", "b.test"])
        )

    def test_servers(self) -> None:
        self.assertEqual(
            self.short(('"http://127.0.0.1:2"', '{url: "http://127.0.0.1:2", weight: 3}, "http://127.0.0.1:4"')),
            [("change", "server", "api/http://127.0.0.1:2", ("weight", 1, 3)),
             ("add", "server", "api/http://127.0.0.1:4")],
        )  # fmt: skip
        self.assertEqual(
            self.short(('servers: ["http://127.0.0.1:1", ', 'url: "http://127.0.0.1:1"\n    servers: [')), [],
            "the same, written in another way",
        )  # fmt: skip
        [change] = self.changes(BASE.replace(', "http://127.0.0.1:2"', ""))
        self.assertEqual(
            (change.action, change.place_before, change.place_after), ("remove", "old.yaml:12:37", None)
        )

    def test_secrets_are_compared_and_not_shown(self) -> None:
        self.assertEqual(
            self.short(("first-secret", "other-secret")),
            [("change", "backend", "api", ("sticky.secret", ["<secret>"], ["<secret>"]))],
        )
        old = BASE.replace("rate: 5/s", "rate: '${RATE}'")
        [change] = self.changes(old.replace("${RATE}", "${MORE}"), old, RATE="5/s", MORE="6/s")
        [key] = change.keys
        self.assertEqual((key.key, key.before, key.after), ("rate", "<secret>", "<secret>"))
        self.assertEqual(self.changes(old.replace("${RATE}", "${MORE}"), old, RATE="5/s", MORE="5/s"), [])

    def test_who_is_who(self) -> None:
        # By its match where it has no name, wherever it stands.
        more = BASE.replace("routes:\n", "routes:\n  - {match: {path: /new}, respond: {body: new}}\n")
        self.assertEqual([(each.action, each.name) for each in self.changes(more)], [("add", "1:*/new")])
        # By its place where neither is the same.
        self.assertEqual(
            self.short(("path: /c", "path: /d")),
            [("change", "route", "3:*/c", ("match.0.path", ["/c"], ["/d"]))],
        )
        # A listener by its port where it is called otherwise.
        self.assertEqual(
            self.short(("name: web", "name: front")),
            [("change", "listener", "web", ("name", "web", "front"))],
        )

    def test_another_order(self) -> None:
        lines = BASE.splitlines(keepends=True)
        lines[6], lines[7] = lines[7], lines[6]
        [change] = self.changes("".join(lines))
        self.assertEqual((change.kind, change.name, change.keys[0].key), ("setting", "routes", "order"))

    def test_for_people(self) -> None:
        values = (None, "text", 5, ["a"], {"a": 1}, "", "line\nline")
        self.assertEqual(
            [told(value) for value in values],
            ["(not set)", "text", "5", "['a']", "{'a': 1}", "''", r"'line\nline'"],
        )
