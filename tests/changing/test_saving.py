"""Files that are replaced whole, or stay as they are."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from toron.changing import saving
from toron.changing.saving import replace_file, why_not


class Saving(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.path = self.folder / "toron.yaml"

    def mode(self, path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    def test_a_new_file_is_for_its_owner(self) -> None:
        replace_file(str(self.path), b"one")
        self.assertEqual((self.path.read_bytes(), self.mode(self.path)), (b"one", 0o600))

    def test_one_that_was_there_keeps_its_mode(self) -> None:
        self.path.write_text("one")
        self.path.chmod(0o640)
        replace_file(str(self.path), b"two", durable=False)
        self.assertEqual((self.path.read_bytes(), self.mode(self.path)), (b"two", 0o640))
        replace_file(str(self.path), b"three", 0o600)
        self.assertEqual(self.mode(self.path), 0o600)
        self.assertEqual(os.listdir(self.folder), ["toron.yaml"])

    def test_a_link_stays_one(self) -> None:
        real = self.folder / "real.yaml"
        real.write_text("one")
        self.path.symlink_to("real.yaml")
        replace_file(str(self.path), b"two")
        self.assertTrue(self.path.is_symlink())
        self.assertEqual(real.read_bytes(), b"two")

    def test_a_failure_leaves_nothing(self) -> None:
        self.path.write_text("one")

        def broken(*_: object) -> None:
            raise OSError(28, "No space left on device")

        self.patch(saving.os, "replace", broken)
        self.assertRaises(OSError, replace_file, str(self.path), b"two")
        self.assertEqual((os.listdir(self.folder), self.path.read_text()), (["toron.yaml"], "one"))
        self.assertRaises(OSError, replace_file, str(self.folder / "no" / "a.yaml"), b"two")

    def test_why_not(self) -> None:
        self.assertEqual(why_not(str(self.path)), "")
        self.path.write_text("one")
        self.assertEqual(why_not(str(self.path)), "")
        self.assertIn("is no file", why_not(str(self.folder)))
        self.patch(saving.os, "access", lambda *_: False)
        self.assertIn(f"may not write in the folder {self.folder}", why_not(str(self.path)))

    def test_it_would_become_another_users(self) -> None:
        self.path.write_text("one")
        self.patch(saving.os, "geteuid", lambda: os.getuid() + 4242)
        self.patch(saving.os, "access", lambda *_: True)
        self.assertIn("belongs to another user", why_not(str(self.path)))
