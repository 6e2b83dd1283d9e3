"""One connection that a CountingBackend accepted, as its script sees it."""

from __future__ import annotations

import re
import socket
import struct
import threading

KEPT = 1 << 20
"""How much of what came in on one connection is kept to look at, in bytes; all of it is counted."""

CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)


class Ended(Exception):
    """The other side closed before what was read for had come."""


class Conversation:
    """One connection that a CountingBackend accepted, as its script sees it."""

    def __init__(self, sock: socket.socket, stopping: threading.Event) -> None:
        self.sock = sock
        self.bytes_in = 0
        self.received = bytearray()
        self.ended = False
        self._unread = bytearray()
        self._stopping = stopping

    def _more(self) -> bytes:
        data = self.sock.recv(1 << 18)
        self.ended = not data
        self.bytes_in += len(data)
        self.received += data[: KEPT - len(self.received)]
        return data

    def read(self) -> bytes:
        """What has come, or waits for some; b"" when the other side has ended."""
        if self._unread:
            data, self._unread = bytes(self._unread), bytearray()
            return data
        return self._more()

    def read_all(self) -> None:
        """Drinks until the other side ends; counted, and kept up to KEPT."""
        while self.read():
            continue

    def read_exactly(self, size: int) -> bytes:
        """The next `size` bytes; Ended when they do not come."""
        while len(self._unread) < size:
            data = self._more()
            if not data:
                raise Ended
            self._unread += data
        data = bytes(self._unread[:size])
        del self._unread[:size]
        return data

    def read_until(self, mark: bytes) -> bytes:
        """Everything up to and with `mark`; Ended when it does not come."""
        while (at := self._unread.find(mark)) < 0:
            data = self._more()
            if not data:
                raise Ended
            self._unread += data
        return self.read_exactly(at + len(mark))

    def read_request(self) -> tuple[bytes, bytes]:
        """The head and the body (chunks joined) of one HTTP/1.1 request; Ended when there is none."""
        head = self.read_until(b"\r\n\r\n")
        if CHUNKED.search(head):
            body = bytearray()
            while size := int(self.read_until(b"\r\n").split(b";")[0], 16):
                body += self.read_exactly(size)
                self.read_until(b"\r\n")
            while self.read_until(b"\r\n") != b"\r\n":
                continue
            return head, bytes(body)
        length = CONTENT_LENGTH.search(head)
        return head, self.read_exactly(int(length[1])) if length else b""

    def send(self, data: bytes) -> None:
        """Says `data`; blocks while the other side does not read."""
        self.sock.sendall(data)

    def wait(self, seconds: float) -> None:
        """Sleeps, and wakes when the backend is stopped."""
        self._stopping.wait(seconds)

    def finish(self) -> None:
        """Ends our direction only."""
        self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Ends both directions."""
        self.sock.close()

    def reset(self) -> None:
        """Drops the connection with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()
