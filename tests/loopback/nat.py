"""A NAT for UDP inside the test process, which can forget who its client was."""

from __future__ import annotations

import select
import socket
import threading

from tests.loopback.sockets import LOOPBACK


class Nat:
    """Relays one client's datagrams to a port, from ports of its own; `rebind` gives the client another."""

    def __init__(self, port: int) -> None:
        self._to = (LOOPBACK, port)
        self._stopping = threading.Event()
        self._rebind = threading.Event()
        self.moved = 0
        """Bytes that went to the client."""
        self.ports: list[int] = []
        """Those it has spoken from, the newest last."""

    def start(self) -> None:
        """Listens; `port` is known from here on."""
        self._inside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._inside.bind((LOOPBACK, 0))
        self.port = self._inside.getsockname()[1]
        self._outside = self._new()
        self._thread = threading.Thread(target=self._relay, daemon=True)
        self._thread.start()

    def _new(self) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        made.bind((LOOPBACK, 0))
        self.ports.append(made.getsockname()[1])
        return made

    def rebind(self) -> None:
        """Speak from another port from the next datagram on."""
        self._rebind.set()

    def _relay(self) -> None:
        client = None
        while not self._stopping.is_set():
            ready, _, _ = select.select([self._inside, self._outside], [], [], 0.05)
            if self._inside in ready:
                data, client = self._inside.recvfrom(65535)
                if self._rebind.is_set():
                    self._rebind.clear()
                    self._outside.close()
                    self._outside = self._new()
                    ready = []
                self._outside.sendto(data, self._to)
            if self._outside in ready and client is not None:
                data = self._outside.recv(65535)
                self.moved += len(data)
                self._inside.sendto(data, client)

    def close(self) -> None:
        """Stops."""
        self._stopping.set()
        self._thread.join(5)
        self._inside.close()
        self._outside.close()
