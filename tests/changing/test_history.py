"""What is remembered of changes, for how long, and where."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from toron.changing import history
from toron.changing.history import RETURN, WAITING, WENT_BACK, History


def text(word: str) -> bytes:
    return f"routes:\n  - {word}\nadmin: {{token: hidden-hidden}}\n".encode()


class Remembering(SynchronousTestCase):
    def setUp(self) -> None:
        self.time = 100.0
        self.history = History(lambda: self.time)
        self.folder = str(Path(self.mktemp()).absolute())

    def add(self, *words: str, to: History | None = None) -> None:
        for word in words:
            self.time += 1
            (to or self.history).add("me", f"to {word}", "a.yaml", text(word))

    def test_what_is_told(self) -> None:
        self.history.begin("a.yaml", text("one"))
        self.add("two")
        latest, first = self.history.told(10)
        self.assertEqual((latest.id, latest.time, latest.author, latest.message), (2, 101.0, "me", "to two"))
        self.assertEqual(
            (latest.result, latest.serving, latest.added, latest.removed), ("applied", True, 1, 1)
        )
        self.assertEqual((first.author, first.serving, first.added, first.removed), ("start", False, 0, 0))
        self.assertEqual(self.history.told(1), [latest])
        self.assertEqual(self.history.told(0), [])

    def test_diffs_have_no_secrets(self) -> None:
        self.add("one", "two")
        one, two = self.history.entries
        self.assertEqual(self.history.one(one).diff, "")
        self.assertEqual(
            self.history.one(two).diff,
            "--- a.yaml (1)\n+++ a.yaml (2)\n@@ -1,3 +1,3 @@\n routes:\n-  - one\n+  - two\n"
            " admin: {token: <secret>}\n",
        )

    def test_steps_back(self) -> None:
        self.add("one", "two", "bad", "two", "three")
        _, _, bad, back, _ = self.history.entries
        bad.result, back.result = WENT_BACK, RETURN
        found = [self.history.steps_back(steps) for steps in (1, 2)]
        self.assertEqual([each and each.text for each in found], [text("two"), text("one")])
        self.assertIsNone(self.history.steps_back(3))
        self.assertIsNone(self.history.steps_back(0))
        self.assertIs(self.history.find(3), bad)
        self.assertIsNone(self.history.find(9))

    def test_only_so_many(self) -> None:
        self.history.configure(3, None)
        self.add("one", "two", "three", "four", "five")
        self.assertEqual([each.id for each in self.history.entries], [3, 4, 5])
        self.history.configure(2, None)
        self.assertEqual([each.id for each in self.history.entries], [4, 5])

    def test_long_words_are_cut(self) -> None:
        entry = self.history.add("a" * 5000, "m" * 5000, "a.yaml", b"")
        self.assertEqual((len(entry.author), len(entry.message)), (1000, 1000))


class OnDisk(Remembering):
    """The same with a folder, and what outlives the process."""

    def setUp(self) -> None:
        super().setUp()
        self.history.configure(50, self.folder)

    def again(self, keep: int = 50) -> History:
        fresh = History(lambda: self.time)
        fresh.configure(keep, self.folder)
        return fresh

    def test_they_outlive_the_process(self) -> None:
        self.add("one", "two")
        fresh = self.again()
        self.assertEqual(fresh.told(9), self.history.told(9))
        fresh.begin("a.yaml", text("two"))
        self.assertEqual(len(fresh.entries), 2, "what served serves again")
        self.add("three", to=fresh)
        self.assertEqual(fresh.entries[-1].id, 3)
        fresh.begin("a.yaml", text("edited"))
        self.assertEqual([each.author for each in fresh.entries], ["me", "me", "me", "start"])

    def test_one_that_waited_when_the_process_ended(self) -> None:
        self.add("one", "two")
        entry = self.history.entries[-1]
        entry.result = WAITING
        self.history.write(entry)
        fresh = self.again()
        self.assertEqual((fresh.entries[-1].result, fresh.entries[-1].reason),
                         (WENT_BACK, "the gateway ended before it was confirmed"))  # fmt: skip
        fresh.begin("a.yaml", text("one"))
        self.assertIsNone(fresh.steps_back(1), "what served before it serves: nothing was changed")

    def test_nobody_else_may_read_them(self) -> None:
        self.add("one")
        [path] = Path(self.folder).iterdir()
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(self.folder).st_mode), 0o700)

    def test_only_so_many_files(self) -> None:
        self.history.configure(3, self.folder)
        self.add("one", "two", "three", "four")
        self.assertEqual(sorted(os.listdir(self.folder)), ["000002.json", "000003.json", "000004.json"])
        self.assertEqual([each.id for each in self.again(2).entries], [3, 4])

    def test_a_folder_that_is_named_later(self) -> None:
        self.add("one")
        other = History(lambda: self.time)
        self.add("two", "three", to=other)
        other.configure(50, self.folder)
        self.assertEqual([(each.id, each.text) for each in other.entries],
                         [(1, text("one")), (3, text("two")), (4, text("three"))])  # fmt: skip
        self.assertEqual(len(self.again().entries), 3)

    def test_files_that_can_not_be_read_are_left_alone(self) -> None:
        self.add("one")
        for name, data in (("000007.json", "{"), ("000008.json", "{}"), ("notes.txt", "mine")):
            Path(self.folder, name).write_text(data)
        self.assertEqual([each.id for each in self.again().entries], [1])
        self.assertEqual(len(os.listdir(self.folder)), 4)

    def test_a_disk_that_is_full_stops_nothing(self) -> None:
        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        self.patch(history, "replace_file", full)
        self.add("one", "two")
        self.assertEqual(len(self.history.entries), 2)
        self.assertEqual(self.again().entries, [])

    def test_what_is_in_a_file(self) -> None:
        self.add("one")
        data = json.loads(Path(self.folder, "000001.json").read_text())
        self.assertEqual(data["text"], text("one").decode())
        self.assertEqual((data["author"], data["message"], data["result"]), ("me", "to one", "applied"))

    # What is included belongs to the entry.

    def with_part(self, part: bytes | None, own: str = "one") -> None:
        more = {} if part is None else {"conf.d/b.yaml": part}
        self.history.add("me", "", "/etc/a.yaml", text(own), more)

    def test_the_diff_has_each_file_with_its_name(self) -> None:
        self.with_part(None)
        self.with_part(b"admin: {token: hidden-hidden}\nworkers: 2\n", "two")
        self.with_part(b"admin: {token: hidden-other}\nworkers: 3\n", "two")
        _, second, third = self.history.entries
        self.assertEqual(
            self.history.one(second).diff,
            "--- /etc/a.yaml (1)\n+++ /etc/a.yaml (2)\n@@ -1,3 +1,3 @@\n routes:\n-  - one\n+  - two\n"
            " admin: {token: <secret>}\n"
            "--- conf.d/b.yaml (1)\n+++ conf.d/b.yaml (2)\n@@ -0,0 +1,2 @@\n+admin: {token: <secret>}\n"
            "+workers: 2\n",
        )
        told = self.history.one(third)
        self.assertEqual(
            told.diff,
            "--- conf.d/b.yaml (2)\n+++ conf.d/b.yaml (3)\n@@ -1,2 +1,2 @@\n admin: {token: <secret>}\n"
            "-workers: 2\n+workers: 3\n",
        )
        self.assertEqual((told.added, told.removed), (2, 2))

    def test_one_that_is_gone(self) -> None:
        self.with_part(b"workers: 2\n")
        self.with_part(None)
        told = self.history.one(self.history.entries[1])
        self.assertEqual((told.added, told.removed), (0, 1))
        self.assertIn("\n-workers: 2\n", told.diff)

    def test_another_start(self) -> None:
        self.history.begin("a.yaml", b"1", {"b": b"2"})
        self.history.begin("a.yaml", b"1", {"b": b"2"})
        self.assertEqual(len(self.history.entries), 1)
        self.history.begin("a.yaml", b"1", {"b": b"3"})
        self.assertEqual(len(self.history.entries), 2)

    def test_they_outlive_the_process_too(self) -> None:
        self.with_part(b"workers: 2\n")
        again = self.again()
        self.assertEqual(again.entries[0].included, {"conf.d/b.yaml": b"workers: 2\n"})
        self.assertTrue(again.entries[0].says(text("one"), {"conf.d/b.yaml": b"workers: 2\n"}))
