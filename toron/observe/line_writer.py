"""A thread that writes batches of lines to a file, a pipe or standard output."""

from __future__ import annotations

import os
import select
import stat
import threading
from collections.abc import Callable
from enum import Enum
from queue import SimpleQueue

HELD = 16 << 20
"""Bytes that may wait to be written."""

PIECE = 4096
"""Bytes written at once to what is not a file: a pipe that can be written takes so many whole."""

GLANCE_MS = 50
"""How often a stalled write looks whether it should give up."""


class _Order(Enum):
    REOPEN = 1
    STOP = 2


class _GivenUp(Exception):
    """The time to write what is left is over."""


class LineWriter:
    """Writes what is `put`, in order, on a thread of its own; the caller never waits.

    `failed` is called with each OSError and `ended` once the thread has nothing more to do, both
    on that thread. `path` is a file, a FIFO, a device, or `-` for standard output.
    """

    def __init__(self, path: str, failed: Callable[[OSError], None], ended: Callable[[], None]) -> None:
        self.path = path
        self.lost = 0
        """Lines that could not be written."""
        self.errors = 0
        self._failed = failed
        self._ended = ended
        self._fd = -1
        self._is_file = False
        self._torn = False
        self._given_up = False
        self._queue: SimpleQueue[bytes | _Order] = SimpleQueue()
        # Each of these two is changed by one thread only, so that neither needs a lock.
        self._put = 0
        self._taken = 0

    # --- called by the event loop -------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether there is something to write to."""
        return self._fd >= 0

    def open(self) -> None:
        """Open the path; raises OSError, which names it."""
        self._use(self._opened())

    def start(self) -> None:
        """Start to write."""
        self._given_up = False
        # A daemon: a disk that hangs must not keep the process from ending.
        threading.Thread(target=self._run, name="access-log", daemon=True).start()

    def put(self, data: bytes) -> bool:
        """Have whole lines written; False where too much waits already."""
        if self._put - self._taken + len(data) > HELD:
            return False
        self._put += len(data)
        self._queue.put(data)
        return True

    def reopen(self) -> None:
        """Open the path anew once everything before is written, as after a rotation."""
        self._queue.put(_Order.REOPEN)

    def stop(self) -> None:
        """End once everything before is written."""
        self._queue.put(_Order.STOP)

    def give_up(self) -> None:
        """Wait for a stalled reader no longer."""
        self._given_up = True

    # --- called by the thread -----------------------------------------------------------------

    def _run(self) -> None:
        while (item := self._queue.get()) is not _Order.STOP:
            if isinstance(item, bytes):
                self._write(item)
                self._taken += len(item)
            else:
                self._reopen()
        os.close(self._fd)
        self._fd = -1
        self._ended()

    def _write(self, lines: bytes) -> None:
        mend = self._torn
        data = b"\n" + lines if mend else lines
        done = 0
        try:
            while done < len(data):
                done += self._write_some(data, done)
        except _GivenUp:
            self.lost += data.count(b"\n", max(done, mend))
        except OSError as error:
            self.lost += data.count(b"\n", max(done, mend))
            self.errors += 1
            self._failed(error)
        if done:
            self._torn = data[done - 1] != 0x0A

    def _write_some(self, data: bytes, start: int) -> int:
        if self._is_file:
            return os.write(self._fd, memoryview(data)[start:])
        # Only whole lines where they fit: others may write to the same terminal or pipe.
        end = data.rfind(b"\n", start, start + PIECE) + 1 or start + PIECE
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        while not poll.poll(0 if self._given_up else GLANCE_MS):
            if self._given_up:
                raise _GivenUp
        try:
            return os.write(self._fd, data[start:end])
        except BlockingIOError:
            return 0

    def _reopen(self) -> None:
        if self.path == "-":
            return
        try:
            fd = self._opened()
        except OSError as error:
            self.errors += 1
            self._failed(error)
            return
        os.close(self._fd)
        self._use(fd)

    def _opened(self) -> int:
        if self.path == "-":
            return os.dup(1)
        # A FIFO opened for both ways needs no reader, and is never broken by one that leaves.
        try:
            way = os.O_RDWR if stat.S_ISFIFO(os.stat(self.path).st_mode) else os.O_WRONLY
        except FileNotFoundError:
            way = os.O_WRONLY
        flags = way | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        return os.open(self.path, flags, 0o640)

    def _use(self, fd: int) -> None:
        self._fd = fd
        self._is_file = stat.S_ISREG(os.fstat(fd).st_mode)
        self._torn = False
