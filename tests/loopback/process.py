"""Runs one real program for a test, in a folder of its own, and leaves nothing of it behind."""

from __future__ import annotations

import atexit
import contextlib
import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from tests.loopback.proc import Process, children, descendants, is_alive, resident
from tests.loopback.sockets import answers, free_port

PROGRAMS = Path(__file__).with_name("programs.txt")
PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])

_open: set[Peer] = set()


class PeerFailed(Exception):
    """A program that did not come up; the message ends with its own log."""


def packages() -> dict[str, str]:
    """The Debian package of every program that tests use, by the program's name."""
    lines = [line.split() for line in PROGRAMS.read_text().splitlines()]
    return {line[0]: line[1] for line in lines if line and not line[0].startswith("#")}


def find_program(name: str) -> str:
    """The program's path; AssertionError with the name of its Debian package when it is not there."""
    package = packages()[name]
    versions = sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)
    path = shutil.which(name, path=os.pathsep.join([PLACES, *versions]))
    if path is None:
        raise AssertionError(f"{name} is not installed: it is in the Debian package {package}")
    return path


def run(
    name: str,
    *arguments: str,
    timeout: float = 20.0,
    stdin: bytes = b"",
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Runs a client to its end (curl, openssl, dig, ...); its exit code is the caller's to judge."""
    return subprocess.run(
        [find_program(name), *arguments],
        input=stdin,
        capture_output=True,
        timeout=timeout,
        env={**os.environ, **(environment or {})},
        check=False,
    )


def _wait_for(family: list[Process], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(map(is_alive, family)) and time.monotonic() < deadline:
        time.sleep(0.01)


class Peer:
    """A server program on 127.0.0.1: `start` returns when it answers, `stop` when it is gone.

    In texts given to a peer `@FOLDER@` is its folder, and every other `@WORD@` a free port of
    its own: `ports["WORD"]`. `port` is the one of `@PORT@`.
    """

    program: str
    stop_signal = signal.SIGTERM
    ready_within = 20.0
    stop_within = 10.0

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="toron-"))
        self.ports: dict[str, int] = {}
        self.environment: dict[str, str] = {}
        self.user: str | None = None
        self.survivors: list[Process] = []
        self._process: subprocess.Popen[bytes] | None = None
        _open.add(self)

    def command(self) -> list[str]:
        """What to run, in `folder`, after writing there what it needs."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Whether it serves: all of `ports` accept connections."""
        return all(answers(port) for port in self.ports.values())

    @property
    def port(self) -> int:
        """The free port that stands where `@PORT@` was."""
        return self.ports["PORT"]

    @property
    def pid(self) -> int:
        """The program's process number."""
        if self._process is None:
            raise AssertionError(f"{self.program} was not started")
        return self._process.pid

    @property
    def children(self) -> list[int]:
        """The process numbers of what it started itself."""
        return [child.pid for child in children(self.pid)]

    def fill(self, text: str) -> str:
        """`text` with its `@FOLDER@` and its `@WORD@` ports written out."""

        def value(found: re.Match[str]) -> str:
            word = found[1]
            if word == "FOLDER":
                return str(self.folder)
            if word not in self.ports:
                self.ports[word] = free_port()
            return str(self.ports[word])

        return re.sub(r"@([A-Z][A-Z0-9_]*)@", value, text)

    def log(self) -> str:
        """What the program has printed so far."""
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def rss(self) -> int:
        """The resident size in bytes, of the program and all it started."""
        return sum(resident(pid) for pid in [self.pid, *(each.pid for each in descendants(self.pid))])

    def start(self) -> None:
        """Starts it, and waits until it answers; PeerFailed with its log when it does not."""
        command = self.command()
        if self.user is not None:
            self._give_folder()
        with (self.folder / "log").open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env={**os.environ, **self.environment},
                start_new_session=True,  # so that a Ctrl-C for the tests is not one for it
                user=self.user,
                group=self.user,
                extra_groups=None if self.user is None else [],
            )
        deadline = time.monotonic() + self.ready_within
        while not self.is_ready():
            code = self._process.poll()
            if code is not None or time.monotonic() > deadline:
                why = (
                    f"did not answer within {self.ready_within:g} s" if code is None else f"ended with {code}"
                )
                self._kill()
                raise PeerFailed(f"{self.program} {why}; its log:\n{self.log()}")
            time.sleep(0.01)
        if self._process.poll() is not None:
            raise PeerFailed(f"{self.program} ended, and another answers in its place:\n{self.log()}")

    def _give_folder(self) -> None:
        assert self.user is not None
        for path in [self.folder, *self.folder.rglob("*")]:
            shutil.chown(path, self.user)

    def wait(self, timeout: float = 10.0) -> int:
        """The exit code of a program that ends by itself; AssertionError when it does not."""
        assert self._process is not None
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.program} still runs after {timeout:g} s:\n{self.log()}") from None

    def kill(self, signum: int) -> None:
        """Sends a signal to the program alone."""
        assert self._process is not None
        self._process.send_signal(signum)

    def stop(self, signum: int | None = None, timeout: float | None = None) -> int:
        """Asks it to stop, and returns its exit code (negative: the signal that ended it).

        AssertionError when it has not stopped after `timeout` seconds: it is killed then. What it
        started and left behind is in `survivors`, and killed too. A second call changes nothing.
        """
        assert self._process is not None
        family = descendants(self.pid)
        try:
            if self._process.poll() is None:
                self._process.send_signal(self.stop_signal if signum is None else signum)
            return self.wait(self.stop_within if timeout is None else timeout)
        finally:
            self._kill(family)

    def _kill(self, family: list[Process] | None = None) -> None:
        assert self._process is not None
        family = descendants(self.pid) if family is None else family
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        _wait_for(family, 1.0)  # orphans that notice by themselves may do so
        for survivor in filter(is_alive, family):
            self.survivors.append(survivor)
            with contextlib.suppress(ProcessLookupError):
                os.kill(survivor.pid, signal.SIGKILL)
        _wait_for(family, 5.0)

    def close(self) -> None:
        """Stops it if it runs, and removes its folder."""
        try:
            if self._process is not None and self._process.poll() is None:
                self.stop()
        finally:
            _open.discard(self)
            shutil.rmtree(self.folder, ignore_errors=True)


@atexit.register
def _sweep() -> None:
    for peer in list(_open):
        with contextlib.suppress(Exception):
            peer.stop_within = 1.0
            peer.close()
