"""Files for our user alone, whole or not there, in a folder for one process."""

from __future__ import annotations

import os
import stat

from tests.acme.case import AcmeCase
from toron.acme.failure import AcmeFailed, Taken
from toron.acme.state import State


def mode(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


class States(AcmeCase):
    def setUp(self) -> None:
        super().setUp()
        self.state = State(self.folder)

    def locked(self) -> None:
        self.state.lock()
        self.addCleanup(self.state.unlock)

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def test_modes(self) -> None:
        old = os.umask(0)
        self.addCleanup(os.umask, old)
        self.locked()
        self.state.write("a", b"secret")
        self.assertEqual(
            [mode(self.folder), mode(self.path("a")), mode(self.path("lock"))], [0o700, 0o600, 0o600]
        )
        self.assertEqual(self.state.read("a"), b"secret")

    def test_what_is_open_is_closed(self) -> None:
        os.makedirs(self.folder, 0o755)
        os.chmod(self.folder, 0o755)
        self.locked()
        self.assertEqual(mode(self.folder), 0o700)
        self.state.write("a", b"x")
        os.chmod(self.path("a"), 0o644)
        self.assertEqual((self.state.read("a"), mode(self.path("a"))), (b"x", 0o600))
        self.assertIn(f"{self.path('a')} was open to others: its mode is 0600 now", self.said)

    def test_a_folder_that_others_use(self) -> None:
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o755)
        with open(self.path("passwd"), "w"):
            pass
        error = self.assertRaises(AcmeFailed, self.state.lock)
        self.assertIn("the state folder has other files in it", str(error))
        self.assertEqual((mode(self.folder), error.word), (0o755, "state"))

    def test_one_at_a_time(self) -> None:
        self.locked()
        self.assertTrue(self.state.locked)
        other = State(self.folder)
        self.assertRaises(Taken, other.lock)
        self.assertFalse(other.locked)
        self.state.unlock()
        other.lock()
        other.unlock()

    def test_a_folder_that_can_not_be(self) -> None:
        with open(self.folder, "w"):
            pass
        error = self.assertRaises(AcmeFailed, self.state.lock)
        self.assertIn("the state folder can not be used", str(error))
        self.assertRaises(AcmeFailed, self.state.write, "a", b"x")

    def test_no_file(self) -> None:
        self.assertEqual((self.state.read("a"), self.state.has("a")), (None, False))
        self.locked()
        self.state.remove("a")
        self.state.write("a", b"x")
        self.state.remove("a")
        self.assertFalse(self.state.has("a"))

    def test_what_can_not_be_read(self) -> None:
        self.locked()
        os.makedirs(self.path("a"))
        self.assertRaises(AcmeFailed, self.state.read, "a")
        self.assertRaises(AcmeFailed, self.state.remove, "a")

    def test_a_write_that_was_cut_off(self) -> None:
        self.locked()
        self.state.write("a", b"old")
        with open(self.path("a.new"), "wb") as file:
            file.write(b"ha")
        self.assertEqual(self.state.read("a"), b"old")
        self.state.write("a", b"new")
        self.assertEqual((self.state.read("a"), sorted(os.listdir(self.folder))), (b"new", ["a", "lock"]))

    def test_what_is_of_no_use_is_kept(self) -> None:
        self.locked()
        for text in (b"1", b"2"):
            self.state.write("a", text)
            self.state.set_aside("a", "garbage")
        self.assertEqual(sorted(os.listdir(self.folder)), ["a.bad1", "a.bad2", "lock"])
        self.assertIn(f"{self.path('a')} can not be used: garbage; it is a.bad2 now", self.said)
        self.assertRaises(AcmeFailed, self.state.set_aside, "a", "gone")
