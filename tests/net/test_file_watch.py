"""A file that was replaced or written to is noticed once, when it has come to rest."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from toron.net.file_watch import FileWatch


class Watching(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.file = self.folder / "file"
        self.file.write_text("one")
        self.clock = Clock()
        self.told = 0
        self.watch = FileWatch(self.clock, str(self.file), self.tell)
        self.watch.startService()

    def tell(self) -> None:
        self.told += 1

    def looks(self, number: int) -> int:
        """How often it has told, after so many looks."""
        for _ in range(number):
            self.clock.advance(0.5)
        return self.told

    def replace(self, text: str) -> None:
        fresh = self.folder / "fresh"
        fresh.write_text(text)
        fresh.rename(self.file)

    def test_nothing_happens(self) -> None:
        self.assertEqual(self.looks(10), 0)

    def test_renamed_into_place(self) -> None:
        self.replace("two")
        self.assertEqual(self.looks(1), 0, "it may still change")
        self.assertEqual(self.looks(1), 1)
        self.assertEqual(self.looks(5), 1, "once")

    def test_written_to_for_a_while(self) -> None:
        for number in range(5):
            self.file.write_text("x" * (10 + number))
            self.assertEqual(self.looks(1), 0)
        self.assertEqual(self.looks(5), 1)

    def test_touched(self) -> None:
        os.utime(self.file, (1, 1))
        self.assertEqual(self.looks(2), 1)

    def test_a_link_is_led_on(self) -> None:
        for name in ("1", "2"):
            (self.folder / name).mkdir()
            (self.folder / name / "file").write_text("same size")
            os.utime(self.folder / name / "file", (1, 1))
        (self.folder / "data").symlink_to("1")
        self.file.unlink()
        self.file.symlink_to("data/file")
        self.assertEqual(self.looks(2), 1)
        (self.folder / "next").symlink_to("2")
        (self.folder / "next").rename(self.folder / "data")
        self.assertEqual(self.looks(2), 2)

    def test_gone_and_back(self) -> None:
        self.file.unlink()
        self.assertEqual(self.looks(5), 0)
        self.replace("back")
        self.assertEqual(self.looks(2), 1)

    def test_it_stops(self) -> None:
        self.watch.stopService()
        self.replace("two")
        self.assertEqual(self.looks(5), 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
