"""Certificate files, good and bad, made while the tests run."""

from __future__ import annotations

import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.config.case import ConfigCase
from tests.config.fakes import NOW
from tests.net.certificates_made import broken, made_with
from toron.config.check_certificate import certificate_names

KEYS = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
DAY = datetime.timedelta(days=1)
TODAY = datetime.datetime.fromtimestamp(NOW, datetime.UTC)


def certificate(*names: str, common: str = "", start: int = -1, days: int = 30) -> x509.Certificate:
    """A certificate of the first key, valid from `start` days after today, for `days`."""
    attributes = [x509.NameAttribute(x509.NameOID.COMMON_NAME, common)] if common else []
    subject = x509.Name(attributes)
    builder = x509.CertificateBuilder(subject, subject, KEYS[0].public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(TODAY + start * DAY).not_valid_after(TODAY + (start + days) * DAY)
    if names:
        found: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        builder = builder.add_extension(x509.SubjectAlternativeName(found), critical=False)
    return builder.sign(KEYS[0], hashes.SHA256())


def pem(what: Any, passphrase: bytes = b"") -> bytes:
    """A certificate or key as text."""
    if isinstance(what, x509.Certificate):
        return what.public_bytes(serialization.Encoding.PEM)
    lock = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    found: bytes = what.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
    return found


class Certificates(ConfigCase):
    """Each: files, and what is said about them."""

    def setUp(self) -> None:
        super().setUp()
        self.write("a.key", pem(KEYS[0]))
        self.write("b.key", pem(KEYS[1]))
        self.write("a.pem", pem(certificate("a.example", "*.a.example")))

    def one(self, certificates: str, *expected: str, more: str = "") -> None:
        self.says(
            f"listeners:\n  - protocol: https\n    port: 8443\n    certificates: [{certificates}]\n"
            f"    {more}\nroutes: [{{echo: {{}}}}]\n",
            *expected,
        )

    def test_a_good_pair(self) -> None:
        self.one("{cert: a.pem, key: a.key}")

    def test_the_key_of_another(self) -> None:
        message = "4:39: b.key is not the key of a.pem: write the one it was made with"
        self.one("{cert: a.pem, key: b.key}", message)

    def test_files_that_are_not_there(self) -> None:
        self.one(
            "{cert: x.pem, key: y.key}",
            "4:27: x.pem cannot be read: No such file or directory: check the path and its mode",
            "4:39: y.key cannot be read: No such file or directory: check the path and its mode",
        )

    def test_files_the_wrong_way_round(self) -> None:
        self.one(
            "{cert: a.key, key: a.pem}",
            "4:27: a.key is not a certificate in PEM form (this looks like a key):"
            " write a file that has BEGIN CERTIFICATE",
            "4:39: a.pem is not a private key in PEM form (this looks like a certificate):"
            " write a file that has BEGIN PRIVATE KEY",
        )

    def test_files_of_something_else(self) -> None:
        self.write("x", b"\xff\x00 no")
        self.one(
            "{cert: x, key: x}",
            "4:27: x is not a certificate in PEM form: write a file that has BEGIN CERTIFICATE",
            "4:35: x is not a private key in PEM form: write a file that has BEGIN PRIVATE KEY",
        )

    def test_a_broken_certificate(self) -> None:
        self.write("x.pem", pem(certificate("a")).replace(b"MII", b"AAA"))
        message = "4:27: x.pem is not a certificate in PEM form: write a file that has BEGIN CERTIFICATE"
        self.one("{cert: x.pem, key: a.key}", message)

    def test_an_extension_that_is_there_twice(self) -> None:
        pair = broken(made_with(KEYS[0], extensions=[x509.BasicConstraints(False, None)]))
        self.write("x.pem", pair.chain)
        (said,) = self.said(
            "listeners:\n  - protocol: https\n    port: 8443\n    certificates: [{cert: x.pem, key: a.key}]\n"
            "routes: [{echo: {}}]\n"
        )
        self.assertIn("4:27: the extensions in x.pem can not be read: Duplicate", said)

    def test_a_passphrase(self) -> None:
        self.write("x.key", pem(KEYS[0], b"secret"))
        message = "4:39: x.key has a passphrase: write a copy without one, openssl pkey -in x.key -out ..."
        self.one("{cert: a.pem, key: x.key}", message)

    def test_half_a_pair(self) -> None:
        self.one("{cert: a.pem}", "4:20: the key 'key' is missing: add key: with the path of a PEM file")
        self.one("{key: a.key}", "4:20: the key 'cert' is missing: add cert: with the path of a PEM file")

    def test_a_key_for_all(self) -> None:
        for mode in (0o640, 0o604, 0o620):
            self.write("a.key", pem(KEYS[0]), mode)
            message = "4:39: warning: others than its owner can read a.key: chmod 600 a.key"
            self.one("{cert: a.pem, key: a.key}", message)
        self.write("a.key", pem(KEYS[0]), 0o400)
        self.one("{cert: a.pem, key: a.key}")

    def test_soon_over(self) -> None:
        for days, life, left in ((90, 61, 29), (365, 340, 25), (6, 5, 1)):
            self.write("a.pem", pem(certificate("a.example", start=-life, days=days)))
            end = (TODAY + left * DAY).strftime("%Y-%m-%d")
            message = f"4:27: warning: the certificate expires on {end}, in {left} days: renew it soon"
            self.one("{cert: a.pem, key: a.key}", message)
        for days, life in ((90, 59), (365, 330), (6, 3)):
            self.write("a.pem", pem(certificate("a.example", start=-life, days=days)))
            self.one("{cert: a.pem, key: a.key}")

    def test_dates(self) -> None:
        self.write("old.pem", pem(certificate("a", start=-40)))
        self.write("new.pem", pem(certificate("b", start=5)))
        self.one(
            "{cert: old.pem, key: a.key}, {cert: new.pem, key: a.key}",
            "4:27: warning: the certificate expired on 2026-09-11: renew it",
            "4:56: warning: the certificate is not valid before 2026-09-26: wait or renew it",
        )

    def test_no_name(self) -> None:
        self.write("x.pem", pem(certificate()))
        message = "no name in it, so no client gets it: use one with names, or tls: {default_cert: first}"
        self.one("{cert: x.pem, key: a.key}", f"4:27: {message}")
        self.one("{cert: x.pem, key: a.key}", more="tls: {default_cert: first}")

    def test_one_name_in_two(self) -> None:
        self.write("x.pem", pem(certificate("x.example", "A.example")))
        message = "4:54: warning: the certificate at line 4 has the name 'a.example' too: the first is used"
        self.one("{cert: a.pem, key: a.key}, {cert: x.pem, key: a.key}", message)

    def test_self_signed(self) -> None:
        warning = "warning: for development: clients do not trust a self-signed certificate"
        self.one("{self_signed: a.example}", f"4:21: {warning}")
        self.one(
            "{self_signed: [a], key: a.key}",
            f"4:21: {warning}",
            "4:39: self_signed makes its own: write either self_signed or cert and key",
        )

    def test_nothing_at_all(self) -> None:
        self.one(
            "{}",
            "4:20: the key 'cert' is missing: add cert: with the path of a PEM file",
            "4:20: the key 'key' is missing: add key: with the path of a PEM file",
        )

    def test_names(self) -> None:
        self.assertEqual(list(certificate_names(certificate("B.x", "*.y", common="c"))), ["b.x", "*.y"])
        self.assertEqual(list(certificate_names(certificate(common="C.x"))), ["c.x"])
        self.assertEqual(list(certificate_names(certificate())), [])

    def test_files_for_a_backend(self) -> None:
        self.says(
            """
            listeners: [{protocol: tcp, port: 1, backend: b}]
            backends:
              b: {url: "tls://a", tls: {ca: a.pem, cert: a.pem, key: b.key}}
              c: {url: "tls://a", tls: {ca: a.key, key: a.key}}
            """,
            "3:58: b.key is not the key of a.pem: write the one it was made with",
            "4:3: warning: the backend 'c' is never used: name it in a route, or take it out",
            "4:33: a.key is not a certificate in PEM form (this looks like a key):"
            " write a file that has BEGIN CERTIFICATE",
            "4:40: key needs its cert: add cert:",
        )
