"""Replaces a file by another text, all of it or nothing."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile


def why_not(path: str) -> str:
    """Why the file can not be replaced by this process; empty where it can."""
    real = os.path.realpath(path)
    folder = os.path.dirname(real)
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"this process (user {os.geteuid()}) may not write in the folder {folder}"
    try:
        found = os.stat(real)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{real}: {error.strerror}"
    if not stat.S_ISREG(found.st_mode):
        return f"{real} is no file"
    if found.st_uid != os.geteuid() and os.geteuid() != 0:
        return f"{real} belongs to another user ({found.st_uid}), whose it could not stay"
    return ""


def replace_file(path: str, data: bytes, mode: int | None = None, *, durable: bool = True) -> None:
    """Write `data` beside the file, and move it to where that is; raises OSError.

    Where the path is a link, what it leads to is replaced. The file keeps its owner and its mode, or gets
    `mode`; a new one is for its owner only. It outlives a loss of power where it is `durable`, which may take
    a while.
    """
    real = os.path.realpath(path)
    handle, beside = tempfile.mkstemp(prefix=f".{os.path.basename(real)}.", dir=os.path.dirname(real))
    try:
        with open(handle, "wb") as file:
            file.write(data)
            _like(file.fileno(), real, mode)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(beside, real)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)
        raise


def _like(number: int, path: str, mode: int | None) -> None:
    """Give an open file the owner and mode of the one at `path`, where there is one."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        os.fchmod(number, 0o600 if mode is None else mode)
        return
    if (found.st_uid, found.st_gid) != (os.geteuid(), os.getegid()):
        os.fchown(number, found.st_uid, found.st_gid)
    os.fchmod(number, stat.S_IMODE(found.st_mode) if mode is None else mode)
