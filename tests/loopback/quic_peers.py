"""QUIC servers and clients inside the test process: streams over qh3, without HTTP."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from qh3.asyncio import serve
from qh3.quic.configuration import QuicConfiguration
from qh3.quic.connection import QuicConnection
from qh3.quic.events import ConnectionTerminated, StreamDataReceived
from qh3.quic.packet import QuicProtocolVersion

from tests.loopback.authority import Authority, Pair
from tests.loopback.sockets import LOOPBACK, free_port

VERSIONS = (QuicProtocolVersion.VERSION_1, QuicProtocolVersion.VERSION_2)

_answering: set[asyncio.Task[None]] = set()


class QuicServer:
    """Answers each stream, in which a number is sent, with its name and so many bytes."""

    def __init__(self, name: bytes, pair: Pair, *, retry: bool = False, id_length: int = 8) -> None:
        self.name = name
        self.retry = retry
        self.configuration = QuicConfiguration(
            is_client=False,
            alpn_protocols=["h3", "other"],
            connection_id_length=id_length,
            supported_versions=list(VERSIONS),
        )
        self.configuration.load_cert_chain(pair.cert, pair.key)
        self.port = free_port("udp")
        self.connections = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Returns when it listens."""
        self._thread.start()
        assert self._ready.wait(5), "the QUIC server did not come up"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            serve(
                LOOPBACK,
                self.port,
                configuration=self.configuration,
                stream_handler=self._begin,
                retry=self.retry,
            )
        )
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._answer(reader, writer))
        _answering.add(task)
        task.add_done_callback(_answering.discard)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int(await reader.read())
        writer.write(self.name + bytes(size))
        writer.write_eof()

    def close(self) -> None:
        """Stops listening."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)


class QuicClient:
    """One connection of a client, driven by whoever calls it."""

    def __init__(
        self,
        port: int,
        name: str,
        authority: Authority,
        *,
        alpn: Sequence[str] = ("h3",),
        version: int = QuicProtocolVersion.VERSION_1,
        sock: socket.socket | None = None,
    ) -> None:
        configuration = QuicConfiguration(
            is_client=True,
            server_name=name,
            alpn_protocols=list(alpn),
            supported_versions=[version],
            probe_datagram_size=False,
        )
        configuration.load_verify_locations(str(authority.ca))
        self.quic = QuicConnection(configuration=configuration)
        self.peer = (LOOPBACK, port)
        self.sent: list[bytes] = []
        self.received = b""
        self.ended = ""
        """Why the connection is over."""
        self._done = False
        self.sock = sock or self.new_socket()
        self.quic.connect(self.peer, time.monotonic())

    @staticmethod
    def new_socket() -> socket.socket:
        """A socket with a port of its own."""
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        made.bind((LOOPBACK, 0))
        return made

    def rebind(self) -> None:
        """Go on from another port, as a NAT makes one do that has forgotten the old one."""
        self.sock.close()
        self.sock = self.new_socket()

    def change_id(self) -> None:
        """Use another of the ids that the server has given us."""
        self.quic.change_connection_id()

    def flush(self, transform: Callable[[list[bytes]], list[bytes]] = list) -> None:
        """Send what is to be sent."""
        datagrams = transform([data for data, _ in self.quic.datagrams_to_send(time.monotonic())])
        for data in datagrams:
            self.sent.append(data)
            self.sock.sendto(data, self.peer)

    def turn(self) -> None:
        """Send, and take what comes next."""
        self.flush()
        timer = self.quic.get_timer()
        now = time.monotonic()
        self.sock.settimeout(max(0.001, min(0.1, (timer or now + 1) - now)))
        try:
            data, _ = self.sock.recvfrom(65535)
            self.quic.receive_datagram(data, self.peer, time.monotonic())
        except TimeoutError:
            pass
        now = time.monotonic()
        if timer is not None and timer <= now:
            self.quic.handle_timer(now)
        while (event := self.quic.next_event()) is not None:
            self._see(event)

    def _see(self, event: Any) -> None:
        if isinstance(event, StreamDataReceived):
            self.received += event.data
            self._done |= event.end_stream
        elif isinstance(event, ConnectionTerminated):
            self.ended = event.reason_phrase or f"error {event.error_code}"

    def until(self, check: Callable[[], Any], seconds: float = 10.0) -> bool:
        """Take turns until `check` is true, at most for so long; whether it came true."""
        deadline = time.monotonic() + seconds
        while not check():
            if self.ended or time.monotonic() > deadline:
                return False
            self.turn()
        return True

    def request(self, size: int = 0) -> None:
        """Ask for so many bytes, on a new stream."""
        self.received = b""
        self._done = False
        stream = self.quic.get_next_available_stream_id()
        self.quic.send_stream_data(stream, b"%d" % size, end_stream=True)

    def answer(self, seconds: float = 10.0) -> bytes:
        """The name of the server that has answered; empty where none does."""
        return self.received.rstrip(b"\0") if self.until(lambda: self._done, seconds) else b""

    def ask(self, size: int = 0, seconds: float = 10.0) -> bytes:
        """As `request` and `answer`."""
        self.request(size)
        return self.answer(seconds)

    def close(self) -> None:
        """Tell the server, and be gone."""
        self.quic.close()
        self.flush()
        self.sock.close()
