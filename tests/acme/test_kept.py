"""What a folder has of a certificate can be asked beside the gateway, and stays as it is."""

from __future__ import annotations

import datetime
import os

from tests.acme.case import NOW, AcmeCase
from toron.acme.failure import AcmeFailed
from toron.acme.kept import Kept, kept
from toron.acme.record import Record
from toron.acme.state import State
from toron.net.key_pair import self_signed


class Asking(AcmeCase):
    def setUp(self) -> None:
        super().setUp()
        self.one = self.wanted("a.test")
        self.state = State(self.folder)
        self.state.lock()
        self.addCleanup(self.state.unlock)
        self.record = Record(self.one, self.state)

    def test_nothing(self) -> None:
        self.assertEqual(kept(self.one), Kept())
        self.assertEqual(kept(self.wanted("b.test")), Kept())

    def test_a_certificate(self) -> None:
        pair = self_signed(["a.test"], datetime.datetime.fromtimestamp(NOW, datetime.UTC))
        self.record.write(pair)
        self.assertEqual(kept(self.one), Kept(pair.chain))
        self.record.failed(AcmeFailed("no"), NOW + 60, asked=False)
        self.assertEqual(kept(self.one), Kept(pair.chain, "no", NOW + 60))

    def test_what_makes_no_sense(self) -> None:
        for name, data in (("pem", b"garbage"), ("json", b"["), ("json", b"[]"), ("json", b'{"next": "x"}')):
            self.state.write(f"{self.one.file}.{name}", data)
            found = kept(self.one)
            self.assertEqual((found.chain, found.why != ""), (b"", name == "json"))
        self.assertEqual(len(os.listdir(self.folder)), 3)

    def test_what_can_not_be_read(self) -> None:
        os.makedirs(os.path.join(self.folder, f"{self.one.file}.pem"))
        self.assertIn("Is a directory", kept(self.one).why)
