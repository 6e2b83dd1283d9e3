"""Tests of the thread that writes lines, with real files and pipes."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from toron.observe.line_writer import HELD, LineWriter


class LineWriterTests(SynchronousTestCase):
    """What reaches the disk."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.errors: list[OSError] = []
        self.over = threading.Event()

    def writer(self, path: str = "") -> LineWriter:
        """A writer that is open."""
        made = LineWriter(path or str(self.path), self.errors.append, self.over.set)
        made.open()
        return made

    def finish(self, writer: LineWriter) -> None:
        """Wait until everything is written."""
        writer.stop()
        self.assertTrue(self.over.wait(10))
        self.assertFalse(writer.is_open)

    def test_everything_in_order(self) -> None:
        self.path.write_bytes(b"old\n")
        writer = self.writer()
        writer.start()
        for n in range(1000):
            self.assertTrue(writer.put(b"%d\n" % n))
        self.finish(writer)
        self.assertEqual(self.path.read_bytes(), b"old\n" + b"".join(b"%d\n" % n for n in range(1000)))
        self.assertEqual((writer.lost, self.errors), (0, []))

    def test_only_its_owner_may_change_the_file(self) -> None:
        self.finish_unstarted(self.writer())
        self.assertEqual(self.path.stat().st_mode & 0o137, 0)

    def finish_unstarted(self, writer: LineWriter) -> None:
        """Start a writer only to end it."""
        writer.start()
        self.finish(writer)

    def test_a_path_that_cannot_be_opened_is_named(self) -> None:
        for path in (str(self.path / "a" / "log"), "/"):
            error = self.assertRaises(OSError, self.writer, path)
            self.assertIn(repr(path), str(error))

    def test_more_than_may_wait_is_not_taken(self) -> None:
        writer = self.writer()
        self.assertTrue(writer.put(b"a" * (HELD - 1) + b"\n"))
        self.assertFalse(writer.put(b"b\n"))
        self.finish_unstarted(writer)
        self.assertEqual(self.path.stat().st_size, HELD)

    def test_after_a_rotation_the_new_file_is_written(self) -> None:
        old = self.path.with_suffix(".1")
        writer = self.writer()
        writer.put(b"one\n")
        self.path.rename(old)
        writer.put(b"two\n")
        writer.reopen()
        writer.put(b"three\n")
        self.finish_unstarted(writer)
        self.assertEqual((old.read_bytes(), self.path.read_bytes()), (b"one\ntwo\n", b"three\n"))

    def test_a_rotation_that_fails_goes_on_with_the_old_file(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        writer = self.writer(str(folder / "log"))
        folder.rename(moved := Path(self.mktemp()))
        writer.reopen()
        writer.put(b"one\n")
        self.finish_unstarted(writer)
        self.assertEqual((moved / "log").read_bytes(), b"one\n")
        self.assertEqual([type(e) for e in self.errors], [FileNotFoundError])
        self.assertEqual((writer.lost, writer.errors), (0, 1))

    def test_a_full_disk_is_counted(self) -> None:
        writer = self.writer("/dev/full")
        writer.put(b"one\ntwo\n")
        writer.put(b"three\n")
        self.finish_unstarted(writer)
        self.assertEqual((writer.lost, writer.errors), (3, 2))
        self.assertEqual([e.strerror for e in self.errors], ["No space left on device"] * 2)

    def test_a_line_torn_by_an_error_is_ended_before_the_next(self) -> None:
        # The disk takes seven bytes, and then nothing until it has failed once.
        real, room = os.write, [7]

        def disk(fd: int, data: bytes) -> int:
            if room and not room[0]:
                room.clear()
                raise OSError(28, "No space left on device")
            taken = real(fd, bytes(data)[: room[0]] if room else data)
            if room:
                room[0] -= taken
            return taken

        writer = self.writer()
        writer.put(b"one\ntwo2\nthree\n")
        writer.put(b"four\n")
        self.patch(os, "write", disk)
        self.finish_unstarted(writer)
        self.assertEqual(self.path.read_bytes(), b"one\ntwo\nfour\n")
        self.assertEqual((writer.lost, writer.errors), (2, 1))

    def test_a_pipe_nobody_reads_holds_up_only_the_thread(self) -> None:
        os.mkfifo(self.path)
        writer = self.writer()
        writer.start()
        line = b"a" * 999 + b"\n"
        taken = sum(writer.put(line * 100) for _ in range(200))
        self.assertEqual(taken, HELD // 100_000)
        writer.stop()
        self.assertFalse(self.over.wait(0.2))
        writer.give_up()
        self.assertTrue(self.over.wait(10))
        self.assertEqual(self.errors, [])
        self.assertTrue(taken * 100 - 100 < writer.lost < taken * 100, writer.lost)

    def test_a_pipe_that_is_read_late_gets_every_line(self) -> None:
        os.mkfifo(self.path)
        writer = self.writer()
        writer.start()
        sent = b"".join(b"%d %s\n" % (n, b"x" * (n % 5000)) for n in range(200))
        writer.put(sent)
        self.assertFalse(self.over.wait(0.1))
        with self.path.open("rb", buffering=0) as reader:
            got = b""
            while len(got) < len(sent):
                got += reader.read(65536)
        self.finish(writer)
        self.assertEqual((got, writer.lost), (sent, 0))

    def test_a_pipe_whose_reader_left_is_an_error(self) -> None:
        reading, writing = os.pipe()
        saved = os.dup(1)
        os.dup2(writing, 1)
        try:
            writer = self.writer("-")
        finally:
            os.dup2(saved, 1)
            os.close(saved)
            os.close(writing)
        os.close(reading)
        writer.put(b"one\n")
        self.finish_unstarted(writer)
        self.assertEqual([type(e) for e in self.errors], [BrokenPipeError])
        self.assertEqual(writer.lost, 1)
