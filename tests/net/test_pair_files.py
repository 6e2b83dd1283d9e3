"""Pairs in files: whether they changed, whether they are good, and who can read the key."""

from __future__ import annotations

import datetime
import os
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.trial.unittest import SynchronousTestCase

from tests.net.certificates_made import broken, made_with, p256
from toron.net.key_pair import KeyPair
from toron.net.pair_files import PairFiles, check, lost_names

KEY = ec.generate_private_key(ec.SECP256R1())
HOUR = 3600.0


class Checks(SynchronousTestCase):
    """What may be served."""

    def refused(self, pair: KeyPair, now: float | None = None) -> str:
        return str(self.assertRaises(ValueError, check, pair, time.time() if now is None else now))

    def test_a_good_one(self) -> None:
        check(p256(), time.time())

    def test_garbage(self) -> None:
        good = p256()
        for chain in (b"", b"garbage", good.key, good.chain[:100]):
            self.assertEqual(
                self.refused(KeyPair(chain, good.key)), "it is not a certificate in PEM form", chain
            )
        for key in (b"", b"garbage", good.chain, good.key[:80]):
            self.assertIn("its key is not a private key in PEM form", self.refused(KeyPair(good.chain, key)))

    def test_an_extension_that_is_there_twice(self) -> None:
        pair = broken(made_with(KEY, extensions=[x509.BasicConstraints(False, None)]))
        self.assertIn("its extensions can not be read", self.refused(pair))

    def test_another_key(self) -> None:
        mixed = KeyPair(p256().chain, p256().key)
        self.assertEqual(self.refused(mixed), "the key belongs to another certificate")

    def test_dates(self) -> None:
        begins = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        pair = made_with(KEY, begins=begins, lasts=datetime.timedelta(days=1))
        start, end = begins.timestamp(), pair.not_after
        check(pair, start + 1)
        check(pair, end - 1)
        self.assertEqual(self.refused(pair, end + 1), "it expired on 2026-01-02")
        self.assertEqual(self.refused(pair, start - 1), "it is not valid before 2026-01-01 00:00 UTC")

    def test_names_that_are_lost(self) -> None:
        before, after = p256("a.test", "b.test"), p256("c.test", "b.test")
        self.assertEqual(list(lost_names(before, after)), ["a.test"])
        self.assertEqual(list(lost_names(None, after)), [])


class Files(SynchronousTestCase):
    """The files themselves."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.cert, self.key = self.folder / "cert.pem", self.folder / "key.pem"
        self.pair = p256()
        self.cert.write_bytes(self.pair.chain)
        self.key.write_bytes(self.pair.key)
        self.files = PairFiles(str(self.cert), str(self.key))

    def test_read(self) -> None:
        self.assertEqual(self.files.read(), self.pair)
        self.cert.write_bytes(self.pair.chain + self.pair.key)
        together = PairFiles(str(self.cert), str(self.cert))
        self.assertEqual(together.read().chain, together.read().key)
        check(together.read(), time.time())

    def test_what_changes(self) -> None:
        before = self.files.state()
        self.assertEqual((self.files.state(), self.files.problem()), (before, ""))
        for path in (self.cert, self.key):
            path.write_bytes(b"x" * 10)
            after = self.files.state()
            self.assertNotEqual(after, before)
            before = after
        self.key.unlink()
        self.assertIsNone(self.files.state())
        self.assertRaises(OSError, self.files.read)
        self.assertIn("No such file", self.files.problem())

    def test_what_is_no_file(self) -> None:
        """Whoever opened a pipe would wait for somebody to write to it."""
        folder = Path(self.mktemp())
        folder.mkdir()
        os.mkfifo(folder / "pipe")
        for name in ("pipe", "."):
            files = PairFiles(str(folder / name), str(folder / name))
            self.assertRaises(OSError, files.read)
        self.assertIn(
            "no ordinary file", str(self.assertRaises(OSError, PairFiles(*[str(folder / "pipe")] * 2).read))
        )

    def test_who_can_read_the_key(self) -> None:
        for mode, others in ((0o600, False), (0o400, False), (0o640, True), (0o644, True), (0o604, True)):
            os.chmod(self.key, mode)
            self.assertEqual(self.files.readable_by_others(), others, oct(mode))
        self.key.unlink()
        self.assertFalse(self.files.readable_by_others())
