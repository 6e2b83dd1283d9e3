"""`toron cert`, as somebody types it."""

from __future__ import annotations

import datetime
import json
import os

from tests.cli.case import CliCase
from tests.net.certificates_made import made_with, p256
from tests.net.ocsp_authority import key
from toron.net.pair_files import PairFiles, check

TEXT = """
listeners:
  - name: web
    protocol: https
    port: 443
    certificates:
      - {cert: late.pem, key: late.key}
      - {cert: soon.pem, key: soon.key}
      - {self_signed: [dev.test]}
routes: [{respond: {}}]
"""


def lasting(days: float, *names: str) -> object:
    """A pair that holds for so many days from now."""
    return made_with(key(), names, lasts=datetime.timedelta(days=days, hours=2))


class Cert(CliCase):
    def setUp(self) -> None:
        super().setUp()
        self.place("late", p256("late.test", "*.late.test"))
        self.place("soon", lasting(3, "soon.test"))
        self.file = self.write("a.yaml", TEXT)

    def place(self, name: str, pair: object) -> None:
        self.write(f"{name}.pem", pair.chain)  # type: ignore[attr-defined]
        self.write(f"{name}.key", pair.key)  # type: ignore[attr-defined]

    def test_list(self) -> None:
        result = self.run_cli("cert", "list", "-c", self.file)
        self.assertEqual(
            result.stdout.splitlines(),
            [
                f"{self.file}:8:9: dev.test: self-signed, made at every start",
                f"{self.file}:7:9: soon.test: ECDSA secp256r1, 3 days left",
                f"{self.file}:6:9: late.test, *.late.test: ECDSA secp256r1, 89 days left",
            ],
        )
        self.assertEqual(result.exit_code, 0)

    def test_list_for_programs(self) -> None:
        found = json.loads(self.run_cli("cert", "list", "-c", self.file, "--json").stdout)["certificates"]
        self.assertEqual([each["names"][0] for each in found], ["dev.test", "soon.test", "late.test"])
        self.assertEqual(found[2]["listener"], "web")

    def test_one_that_has_expired(self) -> None:
        begins = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=9, hours=1)
        self.place("late", made_with(key(), ["late.test"], begins=begins, lasts=datetime.timedelta(days=2)))
        result = self.run_cli("cert", "list", "-c", self.file)
        self.assertIn("late.test: ECDSA secp256r1, expired 7 days ago", result.stdout)
        self.assertEqual(result.exit_code, 1)

    def test_a_configuration_with_mistakes(self) -> None:
        self.write("late.pem", "garbage")
        result = self.run_cli("cert", "list", "-c", self.file)
        self.assertIn("late.pem is not a certificate", result.stderr)
        self.assertEqual((result.stdout, result.exit_code), ("", 1))

    def test_show_a_file(self) -> None:
        path = os.path.join(self.folder, "late.pem")
        result = self.run_cli("cert", "show", path)
        labels = [line.split()[0] for line in result.stdout.splitlines()]
        self.assertEqual(labels, ["names", "key", "issuer", "valid", "renew", "serial", "sha256", "chain"])
        found = json.loads(self.run_cli("cert", "show", path, "--json").stdout)["certificates"]
        self.assertEqual((len(found), found[0]["names"]), (1, ["late.test", "*.late.test"]))

    def test_show_a_name(self) -> None:
        for name in ("Late.test", "x.late.test"):
            result = self.run_cli("cert", "show", name, "-c", self.file)
            self.assertTrue(result.stdout.startswith(f"written  {self.file}:6:9\nnames    late.test"), name)
        result = self.run_cli("cert", "show", "dev.test", "-c", self.file)
        self.assertIn("self-signed, made at every start", result.stdout)
        for name in ("x.y.late.test", "other.test"):
            result = self.run_cli("cert", "show", name, "-c", self.file)
            self.assertEqual(result.stderr, f"there is no file {name}, and no certificate for that name\n")
            self.assertEqual(result.exit_code, 1)

    def test_show_something_else(self) -> None:
        result = self.run_cli("cert", "show", self.file)
        self.assertIn("not a certificate in PEM form", result.stdout)
        self.assertEqual(result.exit_code, 1)

    def test_self_signed(self) -> None:
        result = self.run_cli("cert", "self-signed", "*.dev.test", "::1", "--out", self.folder, "--days", "5")
        cert, private = (os.path.join(self.folder, f"any.dev.test.{end}") for end in ("pem", "key"))
        self.assertEqual(result.stdout, f"certificates: [{{cert: {cert}, key: {private}}}]\n")
        pair = PairFiles(cert, private).read()
        now = datetime.datetime.now(datetime.UTC).timestamp()
        check(pair, now)
        self.assertEqual(pair.names(), ["*.dev.test", "::1"])
        self.assertLess(abs(pair.not_after - now - 5 * 86400), 60)
        self.assertEqual(os.stat(private).st_mode & 0o777, 0o600)

    def test_self_signed_over_what_is_there(self) -> None:
        words = ("cert", "self-signed", "late", "--out", self.folder)
        before = PairFiles(*(os.path.join(self.folder, f"late.{end}") for end in ("pem", "key")))
        old = before.read()
        result = self.run_cli(*words)
        self.assertIn("already there; write over it with --force", result.stderr)
        self.assertEqual((result.exit_code, before.read()), (1, old))
        self.assertEqual(self.run_cli(*words, "--force").exit_code, 0)
        self.assertNotEqual(before.read(), old)

    def test_self_signed_for_what_is_no_name_or_nowhere(self) -> None:
        result = self.run_cli("cert", "self-signed", "ü.test")
        self.assertEqual(result.exit_code, 2)
        self.assertIn("No certificate can be for ü.test", result.stderr)
        result = self.run_cli("cert", "self-signed", "a.test", "--out", os.path.join(self.folder, "no"))
        self.assertEqual(result.exit_code, 1)
        self.assertIn("No such file or directory", result.stderr)
