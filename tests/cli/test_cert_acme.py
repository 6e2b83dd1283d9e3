"""Certificates that renew themselves are listed by what their folder has."""

from __future__ import annotations

import datetime
import json
import os
from typing import Any

from tests.cli.case import CliCase
from toron.acme.failure import AcmeFailed
from toron.acme.record import Record
from toron.acme.state import State
from toron.acme.wanted import Wanted
from toron.net.key_pair import self_signed

TEXT = """
listeners:
  - {protocol: http, port: 80}
  - protocol: https
    port: 443
    certificates:
      - {acme: {names: [a.test, b.test], directory: "https://ca.test/", state: state}}
      - {acme: {names: c.test, directory: "https://ca.test/", state: state}}
      - {acme: {on_demand: {allow: "*.d.test"}, state: state}}
routes: [{respond: {}}]
"""


class Listing(CliCase):
    def setUp(self) -> None:
        super().setUp()
        self.file = self.write("a.yaml", TEXT)
        self.folder_of_state = os.path.join(os.path.dirname(os.path.realpath(self.file)), "state")
        self.state = State(self.folder_of_state)
        self.state.lock()
        self.addCleanup(self.state.unlock)

    def record(self, *names: str) -> Record:
        return Record(Wanted(names, self.folder_of_state, "https://ca.test/"), self.state)

    def listed(self) -> list[Any]:
        found = json.loads(self.run_cli("cert", "list", "-c", self.file, "--json").stdout)["certificates"]
        return sorted(found, key=lambda each: each["place"])

    def test_none_yet(self) -> None:
        lines = self.run_cli("cert", "list", "-c", self.file).stdout.splitlines()
        self.assertEqual(
            [line.removeprefix(f"{self.file}:") for line in lines],
            [
                "6:9: a.test, b.test: renews itself, there is none yet",
                "7:9: c.test: renews itself, there is none yet",
                "8:9: *.d.test: got on demand",
            ],
        )

    def test_one_with_trouble(self) -> None:
        now = datetime.datetime.now(datetime.UTC)
        record = self.record("a.test", "b.test")
        record.write(self_signed(["a.test", "b.test"], now))
        record.failed(AcmeFailed("nobody there"), now.timestamp() + 60, asked=False)
        self.record("c.test").failed(AcmeFailed("no"), now.timestamp() + 60, asked=False)
        result = self.run_cli("cert", "list", "-c", self.file)
        self.assertEqual(result.exit_code, 0)
        self.assertIn(
            "a.test, b.test: ECDSA secp256r1, 29 days left; the last try failed: nobody there", result.stdout
        )
        self.assertIn("c.test: renews itself, there is none yet; the last try failed: no", result.stdout)
        first = self.listed()[0]
        self.assertEqual(
            (first["names"], first["trouble"], first["directory"]),
            (["a.test", "b.test"], "nobody there", "https://ca.test/"),
        )
        self.assertIn("T", first["next_try"])

    def test_one_of_no_use(self) -> None:
        self.record("c.test")
        name = f"{Wanted(('c.test',), self.folder_of_state, 'https://ca.test/').file}.pem"
        self.state.write(name, b"-----BEGIN CERTIFICATE-----\nx\n")
        result = self.run_cli("cert", "list", "-c", self.file)
        self.assertIn("c.test: what state has is not a certificate in PEM form", result.stdout)
        self.assertEqual(result.exit_code, 1)

    def test_by_its_name(self) -> None:
        self.record("c.test").write(self_signed(["c.test"], datetime.datetime.now(datetime.UTC)))
        result = self.run_cli("cert", "show", "c.test", "-c", self.file)
        self.assertIn("ECDSA", result.stdout)
