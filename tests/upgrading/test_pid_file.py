"""The pid file names the process that serves, and goes with it alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from toron.upgrading.pid_file import PidFile


class PidFiles(SynchronousTestCase):
    def setUp(self) -> None:
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        self.path = folder / "toron.pid"
        self.path.write_text("123")
        self.options: dict[str, Any] = {"pidfile": str(self.path)}

    def test_from_one_process_to_the_next(self) -> None:
        new = PidFile(self.options)
        new.set_aside()
        self.assertEqual((self.options["pidfile"], self.path.read_text()), ("", "123"))
        new.take()
        self.assertEqual(self.options["pidfile"], str(self.path))
        self.assertEqual(self.path.read_text(), str(os.getpid()))
        self.assertEqual([each.name for each in self.path.parent.iterdir()], ["toron.pid"])
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o644)
        new.leave()
        self.assertEqual((self.options["pidfile"], self.path.exists()), ("", True))

    def test_none(self) -> None:
        for options in ({}, {"pidfile": ""}):
            file = PidFile(options)
            file.set_aside()
            file.take()
            file.leave()
            self.assertEqual((file.path, options), ("", {"pidfile": ""}))

    def test_it_is_found_from_another_folder(self) -> None:
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.path.parent)
        self.assertEqual(PidFile({"pidfile": "toron.pid"}).path, str(self.path))

    def test_a_folder_that_may_not_be_written_to(self) -> None:
        self.patch(os, "access", lambda *_: False)
        file = PidFile(self.options)
        file.set_aside()
        file.take()
        self.assertEqual(self.path.read_text(), str(os.getpid()))
        self.path.unlink()
        self.assertRaises(FileNotFoundError, PidFile(self.options).set_aside)

    def test_one_that_can_not_be_changed_any_more(self) -> None:
        file = PidFile(self.options)
        said: list[str] = []
        self.patch(file, "log", _Said(said))
        self.path.unlink()
        self.path.parent.rmdir()
        file.take()
        self.assertIn("No such file or directory", said[0])


class _Said:
    def __init__(self, said: list[str]) -> None:
        self._said = said

    def error(self, text: str, error: OSError) -> None:
        self._said.append(text.format(error=error))
