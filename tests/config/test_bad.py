"""Configurations as people get them wrong: for each file in `bad/`, all that `toron check` says about it."""

from __future__ import annotations

import os
import shutil
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.cli.case import CliCase

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bad")
EXPECTED = ".expected"
"""What is said about `NAME` is in `NAME.expected`; with TORON_WRITE_EXPECTED set it is written there."""


class Bad(CliCase):
    """Each file by itself, in a folder that has a copy of all of them and some certificates."""

    def setUp(self) -> None:
        super().setUp()
        shutil.copytree(CORPUS, self.folder, dirs_exist_ok=True)
        for name in ("a", "b"):
            _write_pair(os.path.join(self.folder, "tls"), name)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)

    def test_all_of_them(self) -> None:
        wrong = []
        for name in names():
            result = self.run_cli("check", name, JWT_SECRET="")
            expected = os.path.join(CORPUS, name + EXPECTED)
            if os.environ.get("TORON_WRITE_EXPECTED"):
                with open(expected, "w") as file:
                    file.write(result.stderr)
            with open(expected) as file:
                wanted = file.read()
            if result.stderr != wanted or result.stdout:
                wrong.append(f"--- wanted\n{wanted}--- said\n{result.output}")
            # Only a file without an error is said to be valid.
            if result.exit_code != (f"{name}: valid" not in wanted):
                wrong.append(f"{name}: exit {result.exit_code}: {result.exception}")
        self.assertEqual("\n".join(wrong), "")

    def test_each_line_says_where(self) -> None:
        for name in names():
            with open(os.path.join(CORPUS, name + EXPECTED)) as file:
                for line in file.read().splitlines():
                    self.assertRegex(line, r"^[^:]+(:[1-9]\d*:[1-9]\d*: .*[^ ]|: valid \(.*\))$")

    def test_there_are_many(self) -> None:
        self.assertGreaterEqual(len(names()), 50)

    def test_several_mistakes_at_once(self) -> None:
        said = self.run_cli("check", "several.yaml").stderr.splitlines()
        self.assertGreaterEqual(len(said), 8)
        places = [tuple(map(int, line.split(":")[1:3])) for line in said]
        self.assertEqual(places, sorted(places))


def names() -> list[str]:
    """Every configuration of the corpus."""
    return sorted(
        name for name in os.listdir(CORPUS)
        if not name.endswith(EXPECTED) and os.path.isfile(os.path.join(CORPUS, name))
    )  # fmt: skip


def _write_pair(folder: str, name: str) -> None:
    """A certificate that is good for long, and its key."""
    os.makedirs(folder, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name}.example")])
    made = x509.CertificateBuilder(
        subject,
        subject,
        key.public_key(),
        x509.random_serial_number(),
        datetime(2020, 1, 1),
        datetime(2120, 1, 1),
    ).add_extension(x509.SubjectAlternativeName([x509.DNSName(f"{name}.example")]), critical=False)
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    with open(os.path.join(folder, f"{name}.pem"), "wb") as file:
        file.write(made.sign(key, hashes.SHA256()).public_bytes(pem))
    path = os.path.join(folder, f"{name}.key")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
