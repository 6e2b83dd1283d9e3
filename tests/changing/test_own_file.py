"""The gateway's own file is replaced where nothing is lost by that."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from toron.changing.own_file import OwnFile


class Own(SynchronousTestCase):
    def setUp(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        self.path = folder / "a.yaml"
        self.file = OwnFile(str(self.path), {b"served"}.__contains__)

    def test_edited(self) -> None:
        self.assertFalse(self.file.edited(b"new"), "there is none")
        for said, edited in ((b"served", False), (b"new", False), (b"edited", True)):
            self.path.write_bytes(said)
            self.assertEqual(self.file.edited(b"new"), edited, said)

    def test_write(self) -> None:
        self.assertEqual(self.file.write(b"served", False), "")
        self.assertEqual((self.file.write(b"new", False), self.path.read_bytes()), ("", b"new"))
        self.path.write_bytes(b"edited")
        self.assertIn("it was edited meanwhile", self.file.write(b"new", False))
        self.assertEqual(self.path.read_bytes(), b"edited")
        self.assertEqual((self.file.write(b"new", True), self.path.read_bytes()), ("", b"new"))

    def test_restore(self) -> None:
        for said, then, right in (
            (b"wrong", b"right", True),
            (b"right", b"right", True),
            (b"x", b"x", False),
        ):
            self.path.write_bytes(said)
            self.assertEqual(self.file.restore(b"wrong", b"right"), right)
            self.assertEqual(self.path.read_bytes(), then)
        self.path.unlink()
        self.assertFalse(self.file.restore(b"wrong", b"right"))
        self.assertFalse(self.path.exists())

    def test_what_can_not_be_read(self) -> None:
        self.path.mkdir()
        self.assertRaises(OSError, self.file.edited, b"new")
