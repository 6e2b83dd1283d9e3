"""Where the gateway's own log goes: one text line an event, from a level on."""

from __future__ import annotations

import os
import sys
from typing import IO, Any

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    Logger,
    LogLevel,
    LogLevelFilterPredicate,
    textFileLogObserver,
)

DEFAULT_FILE = "twistd.log"
"""Where a daemon without `--logfile` writes, as every twistd does."""


class OwnLog:
    """The log of this process; `path` is a file, or `-` for standard output."""

    log = Logger()

    def __init__(self, path: str, level: str) -> None:
        # A daemon changes its folder before the file may have to be opened again.
        self._path = path if path == "-" else os.path.abspath(path)
        self._least = LogLevelFilterPredicate(LogLevel.levelWithName(level))
        self._file: IO[Any] | None = None

    def observer(self) -> ILogObserver:
        """What Twisted hands every event to; the file is opened here. Raises OSError."""
        if self._path == "-":
            written = textFileLogObserver(sys.stdout)
        else:
            self._file = self._open()
            written = textFileLogObserver(self._file)
        return FilteringLogObserver(written, [self._least])

    def set_level(self, level: str) -> None:
        """The least that is worth a line from here on."""
        self._least.setLogLevelForNamespace("", LogLevel.levelWithName(level))

    def reopen(self) -> None:
        """Write to a new file of that name, after somebody has moved the old one away.

        Where it can not be had the log goes on in the old one, and says so.
        """
        if self._file is None:
            return
        try:
            with self._open() as fresh:
                os.dup2(fresh.fileno(), self._file.fileno(), inheritable=False)
        except OSError as error:
            self.log.error("the log goes on in the old file: {error}", error=error)

    def _open(self) -> IO[Any]:
        # By lines, so that nothing is lost however the process ends.
        return open(self._path, "a", buffering=1, encoding="utf-8", errors="backslashreplace")
