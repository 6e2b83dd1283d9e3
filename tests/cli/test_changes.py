"""What the commands that change something have in common."""

from __future__ import annotations

import json
from typing import Any

import click

from tests.config.case import ConfigCase
from toron.cli import _changes
from toron.cli._changes import author, body, outcome, read_text

PROGRESS: dict[str, Any] = {
    "state": "idle", "id": 3, "result": "applied", "reason": "", "left": 0.0, "needs": "nothing",
    "figures": [], "saved": True, "file": "/etc/toron.yaml", "warnings": [],
}  # fmt: skip
"""How a change went that went well."""


class Changes(ConfigCase):
    def test_a_file(self) -> None:
        path = self.write("a.yml", "listeners: []\n")
        self.assertEqual(read_text(path), (b"listeners: []\n", "yaml"))
        for name, data in (("a.txt", b""), ("b.yaml", b"\xff")):
            self.assertRaises(click.UsageError, read_text, self.write(name, data))
        self.assertRaises(click.UsageError, read_text, f"{self.folder}/none.yaml")
        self.patch(_changes, "LARGEST", 3)
        self.assertRaises(click.UsageError, read_text, path)

    def test_who_it_is(self) -> None:
        self.assertEqual(author("me"), "me")
        self.patch(_changes.os, "environ", {"SUDO_USER": "ada"})
        self.assertEqual(author(None), "ada")

        def nobody() -> str:
            raise KeyError("no such user")

        self.patch(_changes.os, "environ", {})
        self.patch(_changes.getpass, "getuser", nobody)
        self.assertRegex(author(None), r"\Auser \d+\Z")

    def test_what_is_not_said(self) -> None:
        self.assertEqual(json.loads(body(a=1, b=None, c="")), {"a": 1, "c": ""})

    def test_how_it_went(self) -> None:
        for more, said in (
            ({}, "change 3 is applied; /etc/toron.yaml says so"),
            ({"saved": False}, "change 3 is applied; /etc/toron.yaml was left as it is"),
            ({"result": "went back", "reason": "x"}, "change 3 went back: x"),
            ({"result": "waiting", "left": 9.6}, "change 3 serves, and waits to be decided for 10 s more"),
            ({"reason": "it could not"}, "change 3 is applied; /etc/toron.yaml says so (it could not)"),
        ):  # fmt: skip
            self.assertEqual(outcome(PROGRESS | more), said)
