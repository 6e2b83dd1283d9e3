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
        self.others: list[bool] = []
        self.watch = FileWatch(self.clock, str(self.file), self.tell, look=self.names)
        self.watch.startService()

    def tell(self, others: bool) -> None:
        self.told += 1
        self.others.append(others)

    def names(self, pattern: str) -> list[tuple[str, int]]:
        return sorted((each.name, each.stat().st_size) for each in self.folder.glob(pattern))

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


class Others(Watching):
    """What the file includes: files that come, change and go are changes too."""

    def setUp(self) -> None:
        super().setUp()
        self.part("1.yaml", "a")
        self.watch.also({each: self.names(each) for each in ("*.yaml", "*.toml")})

    def part(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def test_one_comes_and_changes_and_goes(self) -> None:
        self.assertEqual(self.looks(3), 0)
        self.part("2.toml", "b")
        self.assertEqual([self.looks(1), self.looks(1), self.looks(5)], [0, 1, 1])
        self.part("2.toml", "bbb")
        self.assertEqual(self.looks(5), 2)
        (self.folder / "1.yaml").unlink()
        self.assertEqual(self.looks(5), 3)
        self.assertEqual(self.others, [True] * 3)

    def test_several_are_one_change(self) -> None:
        self.part("1.yaml", "bb")
        self.looks(1)
        self.part("2.yaml", "b")
        self.replace("another")
        self.assertEqual(self.looks(1), 0, "it is not at rest")
        self.assertEqual(self.looks(5), 1)
        self.assertEqual(self.others, [True])

    def test_only_the_file(self) -> None:
        self.replace("another")
        self.looks(3)
        self.assertEqual(self.others, [False])

    def test_what_has_changed_since_it_was_read(self) -> None:
        before = self.names("*.yaml")
        self.part("1.yaml", "bb")
        self.watch.also({"*.yaml": before})
        self.assertEqual(self.looks(3), 1)

    def test_no_more(self) -> None:
        self.watch.also({})
        self.part("1.yaml", "bb")
        self.assertEqual(self.looks(3), 0)
