"""Memory that several processes see, with locks that die with the process that holds them."""

from __future__ import annotations

import fcntl
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import finalize


class SharedMemory:
    """Anonymous memory behind a descriptor that other processes may be given.

    What was never written takes no room. The locks are record locks of fcntl(2): they keep
    processes apart, not threads of one.
    """

    def __init__(self, fd: int) -> None:
        """Take over the memory that `create` made in another process; `fd` is closed when this is freed."""
        self.fd = fd
        self.close = finalize(self, os.close, fd)
        """Closes the descriptor, where that should not wait until nobody has this any more."""
        self.view = memoryview(mmap.mmap(fd, 0))

    @classmethod
    def create(cls, size: int) -> SharedMemory:
        """New memory, all zero; raises OSError."""
        fd = os.memfd_create("toron", os.MFD_CLOEXEC)
        os.ftruncate(fd, size)
        return cls(fd)

    def lock(self, place: int) -> None:
        """Wait until no other process holds that number."""
        fcntl.lockf(self.fd, fcntl.LOCK_EX, 1, place)

    def unlock(self, place: int) -> None:
        """Let the others have it."""
        fcntl.lockf(self.fd, fcntl.LOCK_UN, 1, place)


@contextmanager
def as_file(data: bytes) -> Iterator[str]:
    """A path under which the data can be read for a while, for what only takes paths."""
    fd = os.memfd_create("toron", os.MFD_CLOEXEC)
    try:
        os.write(fd, data)
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)
