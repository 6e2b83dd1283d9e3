"""Keeps accounts and keys in a folder: for our user only, whole or not at all, for one process at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat

from twisted.logger import Logger

from toron.acme.failure import AcmeFailed, Taken

_LOCK = "lock"
_LARGEST = 1 << 20


class State:
    """A folder; nothing is touched before it is asked for. AcmeFailed says what can not be done there."""

    def __init__(self, folder: str) -> None:
        self.log = Logger(namespace="toron")
        self.folder = folder
        self._lock: int | None = None

    # --- whose it is --------------------------------------------------------------------------

    def lock(self) -> None:
        """Be the process that asks for certificates; AcmeFailed while another one is."""
        if self._lock is not None:
            return
        try:
            os.makedirs(self.folder, 0o700, exist_ok=True)
            self._be_alone()
            number = os.open(self._path(_LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise AcmeFailed(
                f"the state folder can not be used: {self.folder}: {error.strerror}", word="state"
            ) from None
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(number)
            raise Taken(f"another process looks after the certificates in {self.folder}") from None
        self._lock = number

    def unlock(self) -> None:
        """Let another process do it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def locked(self) -> bool:
        """Whether it is this one."""
        return self._lock is not None

    # --- what is in it ------------------------------------------------------------------------

    def read(self, name: str) -> bytes | None:
        """What a file has; None where there is none."""
        try:
            with open(self._path(name), "rb") as file:
                if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                    self._tighten(self._path(name), 0o600)
                return file.read(_LARGEST)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AcmeFailed(f"{self._path(name)} can not be read: {error.strerror}", word="state") from None

    def write(self, name: str, data: bytes) -> None:
        """Put a file there for good: after a crash it is the old one or this."""
        path = self._path(name)
        temporary = f"{path}.new"
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            number = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with open(number, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
            self._settle()
        except OSError as error:
            raise AcmeFailed(f"{path} can not be written: {error.strerror}", word="state") from None

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        return os.path.exists(self._path(name))

    def remove(self, name: str) -> None:
        """Have no such file any more."""
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path(name))
        except OSError as error:
            raise AcmeFailed(
                f"{self._path(name)} can not be removed: {error.strerror}", word="state"
            ) from None

    def set_aside(self, name: str, why: str) -> None:
        """Keep a file that can not be used under another name, and say so."""
        path = self._path(name)
        number = 1
        while os.path.exists(f"{path}.bad{number}"):
            number += 1
        try:
            os.replace(path, f"{path}.bad{number}")
        except OSError as error:
            raise AcmeFailed(
                f"{path} can not be used ({why}) nor renamed: {error.strerror}", word="state"
            ) from None
        self.log.error("{path} can not be used: {why}; it is {name}.bad{number} now",
                       path=path, why=why, name=name, number=number)  # fmt: skip

    def _settle(self) -> None:
        """Make the folder's own entry last."""
        number = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(number)
        finally:
            os.close(number)

    def _be_alone(self) -> None:
        """Close the folder to others, unless it is one that they use."""
        if stat.S_IMODE(os.stat(self.folder).st_mode) == 0o700:
            return
        there = set(os.listdir(self.folder)) - {"lost+found"}
        if there and _LOCK not in there:
            raise AcmeFailed(
                f"the state folder has other files in it: {self.folder}: give it a new one", word="state"
            )
        self._tighten(self.folder, 0o700)

    def _tighten(self, path: str, mode: int) -> None:
        """Nobody but our user has to do with what is in there."""
        if stat.S_IMODE(os.stat(path).st_mode) != mode:
            self.log.warn("{path} was open to others: its mode is {mode} now", path=path, mode=f"{mode:04o}")
            os.chmod(path, mode)

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, name)
