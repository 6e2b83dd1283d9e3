"""What a test does with raw sockets on 127.0.0.1: free ports, one exchange, waiting until."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import socket
import tempfile
import time
from collections.abc import Callable
from functools import cache
from typing import Literal, TypeVar

T = TypeVar("T")

LOOPBACK = "127.0.0.1"

# Below the ports that Linux gives to outgoing connections, so that none of those takes ours in between.
PORTS = range(20_000, 32_000)

_SHARES = 16
"""Processes that may run tests at one time, each with ports of its own."""

_given: set[int] = set()


@cache
def _share() -> slice:
    """The part of PORTS that is this process's for as long as it lives; all of them where there are more."""
    for number in range(_SHARES):
        # It is closed, and so given back, when the process ends.
        mine = os.open(
            os.path.join(tempfile.gettempdir(), f"toron-test-ports-{os.getuid()}-{number}"),
            os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600,
        )  # fmt: skip
        try:
            fcntl.flock(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(mine)
        else:
            return slice(number, None, _SHARES)
    return slice(None)


def _can_bind(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port(kind: Literal["tcp", "udp", "both"] = "both") -> int:
    """A port on 127.0.0.1 that nobody listens on; never the same twice in one process."""
    kinds = {
        "tcp": [socket.SOCK_STREAM],
        "udp": [socket.SOCK_DGRAM],
        "both": [socket.SOCK_STREAM, socket.SOCK_DGRAM],
    }[kind]
    ports = PORTS[_share()]
    for port in random.sample(ports, min(500, len(ports))):
        if port not in _given and all(_can_bind(port, each) for each in kinds):
            _given.add(port)
            return port
    raise AssertionError(f"no free {kind} port on {LOOPBACK}")


def answers(port: int) -> bool:
    """Whether a TCP connection to the port is accepted."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


def eventually(check: Callable[[], T], timeout: float = 5.0, what: str = "it") -> T:
    """Asks until `check` gives something true, and returns that; AssertionError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (result := check()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {timeout:g} s: {result!r}")
        time.sleep(0.01)
    return result


def recv_all(sock: socket.socket, timeout: float = 5.0) -> bytes:
    """Everything until the other side ends; TimeoutError when nothing came for `timeout` seconds.

    A reset ends it too: what came before it is returned, as a client would have seen it.
    """
    sock.settimeout(timeout)
    received = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while data := sock.recv(65536):
            received += data
    return bytes(received)


def raw_exchange(
    port: int,
    data: bytes,
    timeout: float = 5.0,
    *,
    until: bytes | None = None,
    half_close: bool = False,
) -> bytes:
    """Connects, sends exactly `data`, and returns what came back until the other side closed.

    Stops early once `until` was seen. With `half_close` our end is shut for writing after `data`.
    TimeoutError when the other side neither sends nor closes for `timeout` seconds; a reset ends
    it, also while we still send.
    """
    try:
        sock = socket.create_connection((LOOPBACK, port), timeout=timeout)
    except ConnectionResetError:
        return b""
    with sock:
        received = bytearray()
        try:
            sock.sendall(data)
            if half_close:
                sock.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            return recv_all(sock, timeout)
        if until is None:
            return recv_all(sock, timeout)
        while until not in received:
            more = sock.recv(65536)
            if not more:
                break
            received += more
        return bytes(received)
