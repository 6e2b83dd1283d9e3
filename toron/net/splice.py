"""Moves bytes from one socket to another inside the kernel, through a pipe (Linux `splice`)."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import sys

SIZE = 512 * 1024
"""Bytes that are asked for at once, and so what a pipe holds at most."""

_LEAST = 64 * 1024
"""The usual size of a pipe. Where a user has too many, new ones are of two pages: not worth it."""

REFUSALS = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})
"""What the system says where these two sockets can not be spliced, or nothing can."""


class Pipe:
    """Both ends of a pipe, and the room in it."""

    __slots__ = ("read_end", "write_end")

    def __init__(self) -> None:
        """OSError when there are no descriptors left, or no room for pipes."""
        self.read_end, self.write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.fcntl(self.write_end, fcntl.F_SETPIPE_SZ, SIZE)
        except OSError:
            # It is above the system's limit, or the user's share.
            if fcntl.fcntl(self.write_end, fcntl.F_GETPIPE_SZ) < _LEAST:
                self.close()
                raise

    def close(self) -> None:
        """Give the descriptors back, and drop what is in it."""
        os.close(self.read_end)
        os.close(self.write_end)


class Pipes:
    """Empty pipes to be used again; there are never more than `most`, those in use included.

    The state is the pipes that lie idle, and how many there are in all.
    """

    __slots__ = ("_idle", "_made", "_most", "_spare")

    def __init__(self, most: int = 128, spare: int = 16) -> None:
        """`spare` pipes are kept while nobody needs them."""
        self._most = most
        self._spare = spare
        self._made = 0
        self._idle: list[Pipe] = []

    def take(self) -> Pipe | None:
        """An empty pipe; None while there is none to be had."""
        if self._idle:
            return self._idle.pop()
        if self._made >= self._most:
            return None
        try:
            pipe = Pipe()
        except OSError:
            return None
        self._made += 1
        return pipe

    def give_back(self, pipe: Pipe, *, empty: bool) -> None:
        """It is not used any more; one that is not empty is never used again."""
        if empty and len(self._idle) < self._spare:
            self._idle.append(pipe)
            return
        self._made -= 1
        pipe.close()


PIPES = Pipes()
"""Those of this process."""


def supported() -> bool:
    """Whether this system has splice, and this Python knows of it."""
    return sys.platform == "linux" and hasattr(os, "splice")


class Splicer:
    """Moves bytes from `source`, where `fill` takes some, to `destination`, where `drain` gives them.

    Both sockets must not block. A pipe is held only while there is something in it. With a `limit`
    no more than that is taken from the source.
    """

    __slots__ = ("_pipe", "_pipes", "destination", "held", "left", "source")

    def __init__(
        self,
        source: socket.socket,
        destination: socket.socket,
        limit: int | None = None,
        pipes: Pipes = PIPES,
    ) -> None:
        self.source = source
        self.destination = destination
        self.left = limit
        """Bytes that may still be taken from the source; None: all that come."""
        self.held = 0
        """Bytes in the pipe: taken from the source, and not yet given to the destination."""
        self._pipes = pipes
        self._pipe: Pipe | None = None

    def fill(self) -> int | None:
        """Take what the source has into an empty pipe; returns how much, 0 at its end (or the limit).

        None when there is no pipe to be had. Raises BlockingIOError when nothing has come, and OSError when
        the connection is broken, or with one of REFUSALS where it can not be spliced.
        """
        most = SIZE if self.left is None else min(SIZE, self.left)
        if not most:
            return 0
        pipe = self._pipe = self._pipes.take()
        if pipe is None:
            return None
        try:
            taken = os.splice(
                self.source.fileno(), pipe.write_end, most, flags=os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK
            )
        except BaseException:
            self.drop()
            raise
        if not taken:
            self.drop()
            return 0
        self.held = taken
        if self.left is not None:
            self.left -= taken
        return taken

    def drain(self) -> int:
        """Give the destination what it takes of what is held; returns how much.

        Raises BlockingIOError when it takes nothing now, and OSError when its connection is broken.
        """
        pipe = self._pipe
        assert pipe is not None
        given = os.splice(
            pipe.read_end, self.destination.fileno(), self.held, flags=os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK
        )
        self.held -= given
        if not self.held:
            self._pipe = None
            self._pipes.give_back(pipe, empty=True)
        return given

    def drop(self) -> None:
        """Give up what is held."""
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            self._pipes.give_back(pipe, empty=not self.held)
        self.held = 0
