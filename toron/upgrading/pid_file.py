"""The file that says which process serves, while that changes from one to another."""

from __future__ import annotations

import os
import tempfile
from typing import Any

from twisted.logger import Logger


class PidFile:
    """The one that `twistd --pidfile` names; `options` are those of twistd, which removes it at the end."""

    def __init__(self, options: Any) -> None:
        self._options = options
        name = options.get("pidfile")
        self.path = os.path.abspath(name) if name else ""
        """Empty where there is none."""
        self.log = Logger(namespace="toron")

    def set_aside(self) -> None:
        """Leave the file alone, it is another process's; raises OSError where it could not be changed."""
        if self.path and not os.access(os.path.dirname(self.path), os.W_OK | os.X_OK):
            with open(self.path, "r+b"):
                pass
        self._options["pidfile"] = ""

    def leave(self) -> None:
        """It is another process's from here on."""
        self._options["pidfile"] = ""

    def take(self) -> None:
        """It is this process's from here on, and goes when it ends."""
        if not self.path:
            return
        line = b"%d" % os.getpid()
        folder = os.path.dirname(self.path)
        try:
            if os.access(folder, os.W_OK | os.X_OK):
                self._replace(folder, line)
            else:
                with open(self.path, "wb") as file:
                    file.write(line)
        except OSError as error:
            self.log.error("the pid file names the wrong process: {error}", error=error)
        self._options["pidfile"] = self.path

    def _replace(self, folder: str, line: bytes) -> None:
        """At once: whoever reads it finds one number or the other."""
        handle, path = tempfile.mkstemp(dir=folder, prefix=".toron-")
        with os.fdopen(handle, "wb") as file:
            file.write(line)
            os.fchmod(file.fileno(), 0o644)
        os.replace(path, self.path)
