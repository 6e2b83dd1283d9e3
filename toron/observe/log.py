"""Where the gateway's own log goes: one text line an event, from a level on."""

from __future__ import annotations

import sys
from typing import Any

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    textFileLogObserver,
)
from twisted.python.logfile import LogFile

DEFAULT_FILE = "twistd.log"
"""Where a daemon without `--logfile` writes, as every twistd does."""


class OwnLog:
    """The log of this process; `path` is a file, or `-` for standard output."""

    def __init__(self, path: str, level: str) -> None:
        self._path = path
        self._level = LogLevel.levelWithName(level)
        self._file: Any = None

    def observer(self) -> ILogObserver:
        """What Twisted hands every event to; the file is opened here. Raises OSError."""
        if self._path == "-":
            written = textFileLogObserver(sys.stdout)
        else:
            self._file = LogFile.fromFullPath(self._path, rotateLength=0)  # type: ignore[no-untyped-call]
            written = textFileLogObserver(self._file)
        return FilteringLogObserver(written, [LogLevelFilterPredicate(self._level)])

    def reopen(self) -> None:
        """Write to a new file of that name, after somebody has moved the old one away."""
        if self._file is not None:
            self._file.reopen()
