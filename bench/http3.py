"""Asks for a small response over HTTP/3, again and again, with the QUIC that toron[http3] brings."""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import time

CLIENTS, STREAMS = 8, 10
"""Connections, and requests under way on each."""

PATIENCE = 10.0
"""Seconds in which something has to come."""


class Client:
    """One connection, with its socket; `done` counts the responses that were 200 and whole."""

    def __init__(self, port: int) -> None:
        from qh3.h3.connection import H3Connection
        from qh3.quic.configuration import QuicConfiguration
        from qh3.quic.connection import QuicConnection

        configuration = QuicConfiguration(
            is_client=True, alpn_protocols=["h3"], server_name="localhost", max_datagram_frame_size=65536
        )
        configuration.verify_mode = ssl.CERT_NONE
        self._quic = QuicConnection(configuration=configuration)
        self._http = H3Connection(self._quic)
        self._address = ("127.0.0.1", port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(self._address)
        self.socket.setblocking(False)
        self._head = [
            (b":method", b"GET"), (b":scheme", b"https"),
            (b":authority", b"localhost:%d" % port), (b":path", b"/"),
        ]  # fmt: skip
        self._good: set[int] = set()
        self.done = 0
        self.failed = 0
        self.open = False
        self._quic.connect(self._address, now=time.monotonic())
        self.send()

    def ask(self) -> None:
        """One request."""
        self._http.send_headers(self._quic.get_next_available_stream_id(), self._head, end_stream=True)

    def send(self) -> None:
        """What the connection owes."""
        for data, _ in self._quic.datagrams_to_send(now=time.monotonic()):
            with contextlib.suppress(BlockingIOError):
                self.socket.send(data)

    def receive(self) -> None:
        """What has come; each whole response is followed by another request."""
        from qh3.quic.events import ConnectionTerminated, HandshakeCompleted

        now = time.monotonic()
        with contextlib.suppress(BlockingIOError):
            while True:
                self._quic.receive_datagram(self.socket.recv(65536), self._address, now=now)
        while (event := self._quic.next_event()) is not None:
            if isinstance(event, HandshakeCompleted):
                self.open = True
                for _ in range(STREAMS):
                    self.ask()
            elif isinstance(event, ConnectionTerminated):
                raise ConnectionError(event.reason_phrase or f"error {event.error_code}")
            for each in self._http.handle_event(event):
                self._hear(each)
        self.send()

    def _hear(self, event: object) -> None:
        headers = getattr(event, "headers", None)
        stream = getattr(event, "stream_id", -1)
        if headers is not None and (b":status", b"200") in headers:
            self._good.add(stream)
        if getattr(event, "stream_ended", False):
            if stream in self._good:
                self._good.discard(stream)
                self.done += 1
            else:
                self.failed += 1
            self.ask()

    def late(self) -> None:
        """Do what is due by the clock."""
        timer, now = self._quic.get_timer(), time.monotonic()
        if timer is not None and timer <= now:
            self._quic.handle_timer(now=now)
            self.send()

    def close(self) -> None:
        """Say goodbye."""
        self._quic.close()
        self.send()
        self.socket.close()


def requests(port: int, seconds: float) -> tuple[int, int]:
    """Responses that were good, and others, within `seconds` of the handshakes' end; ConnectionError."""
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        clients = [Client(port) for _ in range(CLIENTS)]
        for client in clients:
            stack.callback(client.close)
            selector.register(client.socket, selectors.EVENT_READ, client)
        end = 0.0
        heard = time.monotonic()
        while True:
            ready = selector.select(0.005)
            now = time.monotonic()
            for key, _ in ready:
                key.data.receive()
                heard = now
            for client in clients:
                client.late()
            if not end and all(client.open for client in clients):
                end = now + seconds
            if (end and now >= end) or now > heard + PATIENCE:
                return sum(client.done for client in clients), sum(client.failed for client in clients)
