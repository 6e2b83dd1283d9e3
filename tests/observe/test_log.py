"""The gateway's own log: from a level on, in a file that can be moved away."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from toron.observe.log import OwnLog


class OwnLogs(SynchronousTestCase):
    """With a file, and with standard output."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())

    def read(self) -> str:
        return self.path.read_text()

    def logger(self, own: OwnLog) -> Logger:
        return Logger("test", observer=own.observer())

    def test_one_line_for_each_event_at_once(self) -> None:
        log = self.logger(OwnLog(str(self.path), "info"))
        log.info("first {n}", n=1)
        log.warn("second")
        lines = self.read().splitlines()
        self.assertRegex(lines[0], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} \[test#info\] first 1$")
        self.assertRegex(lines[1], r" \[test#warn\] second$")

    def test_levels(self) -> None:
        for level, seen in (("debug", 4), ("info", 3), ("warn", 2), ("error", 1)):
            self.path = Path(self.mktemp())
            log = self.logger(OwnLog(str(self.path), level))
            for tell in (log.debug, log.info, log.warn, log.error):
                tell("x")
            self.assertEqual(len(self.read().splitlines()), seen, level)

    def test_another_level(self) -> None:
        own = OwnLog(str(self.path), "warn")
        logger = self.logger(own)
        logger.info("one")
        own.set_level("debug")
        logger.debug("two")
        own.set_level("error")
        logger.warn("three")
        self.assertEqual([line.split()[-1] for line in self.read().splitlines()], ["two"])

    def test_standard_output(self) -> None:
        shown = io.StringIO()
        self.patch(sys, "stdout", shown)
        own = OwnLog("-", "info")
        log = self.logger(own)
        own.reopen()
        log.info("shown")
        self.assertRegex(shown.getvalue(), "shown")

    def test_what_is_there_stays(self) -> None:
        self.path.write_text("before\n")
        self.logger(OwnLog(str(self.path), "info")).info("after")
        self.assertRegex(self.read(), r"\Abefore\n.* after\n\Z")

    def test_any_text(self) -> None:
        self.logger(OwnLog(str(self.path), "info")).info("é {bad}", bad="\udcff")
        self.assertIn("é \\udcff\n", self.read())

    def test_opened_anew(self) -> None:
        own = OwnLog(str(self.path), "info")
        log = self.logger(own)
        log.info("one")
        moved = Path(self.mktemp())
        self.path.rename(moved)
        log.info("two")
        own.reopen()
        log.info("three")
        self.assertEqual([line.split()[-1] for line in moved.read_text().splitlines()], ["one", "two"])
        self.assertEqual([line.split()[-1] for line in self.read().splitlines()], ["three"])

    def test_from_another_folder(self) -> None:
        own = OwnLog(os.path.relpath(self.path), "info")
        log = self.logger(own)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir("/")
        self.path = self.path.resolve() if self.path.is_absolute() else Path(own._path)
        moved = self.path.with_suffix(".1")
        self.path.rename(moved)
        own.reopen()
        log.info("here")
        self.assertIn("here", self.read())

    def test_where_it_cannot_be_opened_anew_it_goes_on(self) -> None:
        own = OwnLog(str(self.path), "info")
        log = self.logger(own)
        own.log = log
        moved = Path(self.mktemp())
        self.path.rename(moved)
        self.path.mkdir()
        own.reopen()
        log.info("still here")
        self.assertRegex(
            moved.read_text(), "the log goes on in the old file: .*Is a directory.*\n.* still here\n"
        )

    def test_a_file_that_cannot_be_had(self) -> None:
        error = self.assertRaises(OSError, OwnLog(str(self.path / "none" / "a.log"), "info").observer)
        self.assertIn("a.log", str(error))
