"""What is kept of a certificate outlives the process."""

from __future__ import annotations

import datetime
import json
import os

from tests.acme.case import NOW, AcmeCase
from toron.acme.failure import AcmeFailed
from toron.acme.pair_file import joined
from toron.acme.record import Record
from toron.acme.state import State
from toron.net.key_pair import self_signed


class Records(AcmeCase):
    def setUp(self) -> None:
        super().setUp()
        self.state = State(self.folder)
        self.state.lock()
        self.addCleanup(self.state.unlock)
        self.one = self.wanted("a.test")
        self.pair = self_signed(["a.test"], datetime.datetime.fromtimestamp(NOW, datetime.UTC))
        self.record = Record(self.one, self.state)

    def again(self) -> Record:
        found = Record(self.one, self.state)
        found.read(NOW)
        return found

    def files(self) -> list[str]:
        return sorted(name.replace(self.one.file, "F") for name in os.listdir(self.folder))

    def test_the_pair(self) -> None:
        self.assertEqual((self.record.changed(), self.record.kept), (None, False))
        self.record.write(self.pair)
        self.assertIsNone(self.record.changed())
        other = self.again()
        self.assertTrue(other.kept)
        self.assertEqual((other.changed(), other.changed()), (self.pair, None))

    def test_one_that_somebody_else_has_put_there(self) -> None:
        self.record.write(self.pair)
        new = self_signed(["a.test"], datetime.datetime.fromtimestamp(NOW, datetime.UTC))
        self.again().write(new)
        self.assertEqual(self.record.changed(), new)

    def test_pairs_of_no_use(self) -> None:
        other = self_signed(["b.test"], datetime.datetime.fromtimestamp(NOW, datetime.UTC))
        for data in (b"", b"garbage", joined(self.pair)[:-99], joined(other)):
            self.state.write(f"{self.one.file}.pem", data)
            self.assertIsNone(self.record.changed())
        self.assertEqual(self.files(), ["F.pem.bad1", "F.pem.bad2", "F.pem.bad3", "F.pem.bad4", "lock"])

    def test_failures(self) -> None:
        self.record.failed(AcmeFailed("no"), NOW + 60, asked=False)
        self.record.failed(AcmeFailed("oh no", word="hook"), NOW + 120, asked=False)
        found = self.again()
        self.assertEqual((found.failures, found.why, found.not_before), (2, "oh no", NOW + 120))
        self.assertEqual((self.record.words, found.words), ({"directory": 1, "hook": 1}, {}))

    def test_a_start_is_not_as_patient_as_we_are(self) -> None:
        self.record.failed(AcmeFailed("no"), NOW + 6000, asked=False)
        self.assertEqual(self.again().not_before, NOW + 300)

    def test_but_as_the_directory_wants_it(self) -> None:
        self.record.failed(AcmeFailed("no"), NOW + 6000, asked=True)
        self.assertEqual(self.again().not_before, NOW + 6000)

    def test_what_can_not_be_noted(self) -> None:
        os.makedirs(os.path.join(self.folder, f"{self.one.file}.json.new"))
        self.assertRaises(AcmeFailed, self.record.begin)
        self.record.failed(AcmeFailed("no"), NOW + 60, asked=False)
        self.assertEqual((self.record.failures, len(self.said)), (1, 1))

    def test_success_ends_them(self) -> None:
        self.record.failed(AcmeFailed("no"), NOW + 60, asked=True)
        self.record.succeeded()
        found = self.again()
        self.assertEqual((found.failures, found.why, found.not_before, self.record.issued), (0, "", 0.0, 1))

    def test_notes_of_no_use(self) -> None:
        good = {"failures": 1, "why": "x", "next": 1.0, "asked": False}
        bad = [
            b"",
            b"{",
            b"[]",
            b"null",
            *(json.dumps(good | {key: None}).encode() for key in ("failures", "next")),
        ]
        for data in bad:
            self.state.write(f"{self.one.file}.json", data)
            self.assertEqual(self.again().failures, 0)
        self.assertEqual(len(self.files()), 1 + len(bad))

    def test_who_has_not_the_folder_writes_nothing(self) -> None:
        self.state.unlock()
        self.record.failed(AcmeFailed("no"), NOW + 60, asked=False)
        self.assertEqual((self.files(), self.record.failures), (["lock"], 1))
