"""A UDP server inside the test process that counts the datagrams and the clients it sees."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable

from tests.loopback.sockets import LOOPBACK


def echo(datagram: bytes) -> list[bytes]:
    """Answers a datagram with itself."""
    return [datagram]


class UdpEcho:
    """A UDP server on 127.0.0.1 that sends what `answer` makes of each datagram back to its sender."""

    def __init__(self, answer: Callable[[bytes], Iterable[bytes]] = echo, *, port: int = 0) -> None:
        self._answer = answer
        self._port = port
        self._stopping = threading.Event()
        self.datagrams: list[bytes] = []
        self.clients: set[tuple[str, int]] = set()
        self.errors: list[Exception] = []
        self.port = 0

    def start(self) -> None:
        """Listens; `port` is known from here on."""
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind((LOOPBACK, self._port))
        self._sock.settimeout(0.1)  # closing a UDP socket wakes nobody
        self.port = self._sock.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                datagram, client = self._sock.recvfrom(65536)
            except TimeoutError:
                continue
            except ConnectionRefusedError:
                continue  # an earlier answer found nobody: says nothing about the next datagram
            self.datagrams.append(datagram)
            self.clients.add(client)
            try:
                for reply in self._answer(datagram):
                    self._sock.sendto(reply, client)
            except Exception as error:
                self.errors.append(error)

    def close(self) -> None:
        """Stops listening; AssertionError when `answer` was wrong."""
        self._stopping.set()
        self._thread.join(5)
        self._sock.close()
        if self.errors:
            raise AssertionError(f"a UDP answer failed: {self.errors}") from self.errors[0]
