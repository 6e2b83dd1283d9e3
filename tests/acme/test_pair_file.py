"""A file with a key and its chain, and all that may be wrong with one."""

from __future__ import annotations

import datetime

from cryptography.hazmat.primitives import serialization
from twisted.trial.unittest import SynchronousTestCase

from tests.acme.case import NOW
from toron.acme.csr import key_pem, new_key
from toron.acme.pair_file import check, joined, parted
from toron.net.key_pair import KeyPair, self_signed

PAIR = self_signed(["a.test", "b.test"], datetime.datetime.fromtimestamp(NOW, datetime.UTC))


class Files(SynchronousTestCase):
    def why(self, data: bytes, names: tuple[str, ...] = ("a.test",)) -> str:
        return str(self.assertRaises(ValueError, parted, data, names))

    def test_there_and_back(self) -> None:
        self.assertEqual(parted(joined(PAIR), ["b.test", "a.test"]), PAIR)

    def test_the_key_of_another(self) -> None:
        data = key_pem(new_key("rsa")) + PAIR.chain
        self.assertEqual(self.why(data), "the key is not that of the certificate")

    def test_the_names_of_another(self) -> None:
        self.assertEqual(
            self.why(joined(PAIR), ("c.test", "a.test", "*.b.test")),
            "the certificate is not for *.b.test, c.test",
        )

    def test_a_passphrase(self) -> None:
        key = serialization.load_pem_private_key(PAIR.key, None)
        locked = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"x"),
        )
        self.assertEqual(self.why(locked + PAIR.chain), "the key has a passphrase")

    def test_cut_anywhere(self) -> None:
        data = joined(PAIR)
        for end in range(0, len(data) - 30, 7):
            self.why(data[:end])

    def test_garbage(self) -> None:
        for data in (b"", b"\0" * 999, PAIR.key, PAIR.chain, PAIR.chain + PAIR.key, b"x" + joined(PAIR)[9:]):
            self.why(data)
        self.assertRaises(ValueError, check, KeyPair(b"", b""), [])
