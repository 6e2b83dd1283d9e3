"""A QUIC endpoint without a network: a socket that is two lists, a clock, and clients of another library."""

from __future__ import annotations

import datetime
import socket
import ssl
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from tests.net.turns import Turns
from toron.core.refusal import Refusal
from toron.net.certificate_source import Source
from toron.net.certificates import Certificates
from toron.net.connection import Connection
from toron.net.key_pair import self_signed
from toron.net.quic_accept import accept_quic
from toron.net.quic_endpoint import QuicEndpoint
from toron.net.quic_identities import Identities
from toron.net.quic_session import QuicSession
from toron.observe.stats import ListenerStats

NOW = datetime.datetime.now(datetime.UTC)
PAIRS = [self_signed(["a.test"], NOW), self_signed(["b.test", "*.wild.test"], NOW)]
IDENTITIES = Identities(Certificates([Source(pair) for pair in PAIRS], "intermediate", (), strict=True))
GATEWAY = ("192.0.2.1", 443)

Address = tuple[str, int]


class Socket:
    """What a test puts into `came` is received, what is sent is in `sent`."""

    family = socket.AF_INET

    def __init__(self) -> None:
        self.came: deque[tuple[bytes, Address, list[tuple[int, int, bytes]]]] = deque()
        self.sent: list[tuple[bytes, Address]] = []
        self.errors: list[OSError] = []
        """Raised by what is sent next, one after the other."""
        self.closed = False
        self.options: list[tuple[int, int]] = []

    def getsockname(self) -> Address:
        return GATEWAY

    def setsockopt(self, level: int, option: int, value: int) -> None:
        self.options.append((level, option))

    def fileno(self) -> int:
        return -1 if self.closed else 7

    def recvmsg(self, size: int, ancillary: int) -> tuple[bytes, list[Any], int, Address]:
        if not self.came:
            raise BlockingIOError
        data, address, more = self.came.popleft()
        return data, more, 0, address

    def sendmsg(self, data: Sequence[bytes], ancillary: Any, flags: int, address: Address) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.sent += [(each, address) for each in data]

    def sendto(self, data: bytes, address: Address) -> None:
        self.sendmsg([data], [], 0, address)

    def close(self) -> None:
        self.closed = True


class Taker:
    """Stands on a session, and keeps what it is told."""

    def __init__(self) -> None:
        self.data: dict[int, bytes] = {}
        self.told: list[tuple[Any, ...]] = []
        self.settled = 0
        self.wants_more = 0
        self.lost: Refusal | None = None

    def stream_data(self, stream: int, data: bytes, fin: bool) -> None:
        self.data[stream] = self.data.get(stream, b"") + data
        if fin:
            self.told.append(("end", stream))

    def stream_reset(self, stream: int, code: int) -> None:
        self.told.append(("reset", stream, code))

    def stream_refused(self, stream: int, code: int) -> None:
        self.told.append(("refused", stream, code))

    def finished(self) -> None:
        self.told.append(("finished",))

    def settle(self) -> None:
        self.settled += 1

    def sent(self) -> bool:
        self.wants_more -= 1
        return self.wants_more >= 0

    def connection_lost(self, refusal: Refusal) -> None:
        self.lost = refusal


class Client:
    """A client at an address of its own."""

    def __init__(self, world: QuicWorld, name: str | None = "a.test", **options: Any) -> None:
        options = {"alpn_protocols": ["h3"], "verify_mode": ssl.CERT_NONE, **options}
        configuration = QuicConfiguration(is_client=True, server_name=name, **options)
        self.quic = QuicConnection(configuration=configuration)
        self.world = world
        world.clients.append(self)
        self.address: Address = ("198.51.100.1", 1000 + len(world.clients))
        self.told: list[Any] = []
        self.data: dict[int, bytes] = {}
        self.sent: list[bytes] = []
        """Every datagram."""
        self.got: list[bytes] = []
        self.quic.connect(GATEWAY, world.reactor.seconds())

    def speak(self) -> bool:
        """Send what is owed; whether there was something."""
        datagrams = [data for data, _ in self.quic.datagrams_to_send(self.world.reactor.seconds())]
        for data in datagrams:
            self.world.socket.came.append((data, self.address, []))
        self.sent += datagrams
        return bool(datagrams)

    def hear(self, data: bytes) -> None:
        self.got.append(data)
        self.quic.receive_datagram(data, GATEWAY, self.world.reactor.seconds())
        self.listen()

    def listen(self) -> None:
        while (event := self.quic.next_event()) is not None:
            self.told.append(event)
            if isinstance(event, events.StreamDataReceived):
                self.data[event.stream_id] = self.data.get(event.stream_id, b"") + event.data

    def look_at_the_clock(self) -> None:
        timer = self.quic.get_timer()
        if timer is not None and timer <= self.world.reactor.seconds():
            self.quic.handle_timer(self.world.reactor.seconds())
            self.listen()

    def say(self, data: bytes, end: bool = False, stream: int = 0) -> None:
        self.quic.send_stream_data(stream, data, end)

    @property
    def close_code(self) -> int | None:
        """With which the connection was closed."""
        event = self.quic._close_event
        return None if event is None else event.error_code

    def heard_of(self, kind: type) -> list[Any]:
        return [event for event in self.told if isinstance(event, kind)]


class QuicWorld:
    """An endpoint, what it accepted in `taken`, and its clients."""

    def __init__(self, serve: Callable[[Connection], Awaitable[None]] | None = None, **options: Any) -> None:
        self.reactor = Turns()
        self.socket = Socket()
        self.clients: list[Client] = []
        self.taken: list[Taker] = []
        self.sessions: list[QuicSession] = []
        self.refused: list[tuple[str, str]] = []
        """Addresses and words."""
        self.stats = ListenerStats("quic", "http3")
        self.endpoint = QuicEndpoint(
            self.reactor, "quic", options.pop("address", GATEWAY[0]), 443, serve or self.serve,
            identities=options.pop("identities", IDENTITIES), protocol="h3",
            open_socket=lambda *_, **__: self.socket,  # type: ignore[arg-type,return-value]
            refused=self._refused, stats=self.stats, **options,
        )  # fmt: skip
        self.endpoint.startService()

    def _refused(self, connection: Connection, refusal: Refusal) -> None:
        self.refused.append((connection.client_ip, refusal.reason.word))

    async def serve(self, connection: Connection) -> None:
        """Take what comes, until the end."""
        session = await accept_quic(connection, 5.0)
        self.sessions.append(session)
        taker = Taker()
        self.taken.append(taker)
        session.attach(taker)
        await connection.ended

    def deliver(self) -> bool:
        """Everything on its way arrives; whether there was something."""
        spoken = [client.speak() for client in self.clients]
        if self.socket.came:
            self.endpoint.doRead()
        sent, self.socket.sent = self.socket.sent, []
        for data, address in sent:
            for client in self.clients:
                if client.address == address:
                    client.hear(data)
        return bool(sent) or any(spoken)

    def run(self, seconds: float = 0.3, step: float = 0.01) -> None:
        """Let so much time pass, in which what is sent arrives."""
        end = self.reactor.seconds() + seconds
        while self.reactor.seconds() < end:
            while self.deliver():
                continue
            self.reactor.advance(step)
            for client in self.clients:
                client.look_at_the_clock()

    def put(self, data: bytes, address: Address = ("203.0.113.9", 9), *more: tuple[int, int, bytes]) -> None:
        """A datagram comes from somewhere."""
        self.socket.came.append((data, address, list(more)))
        self.endpoint.doRead()

    def client(self, name: str | None = "a.test", **options: Any) -> Client:
        """A client that has shaken hands."""
        made = Client(self, name, **options)
        self.run()
        return made


def first_of(client: Client) -> bytes:
    """The first datagram of a client, which is not delivered."""
    client.world.clients.remove(client)
    return client.quic.datagrams_to_send(client.world.reactor.seconds())[0][0]


def packet_info(address: str) -> tuple[int, int, bytes]:
    """What says that a datagram was sent to this address of ours (ip(7))."""
    octets = socket.inet_aton(address)
    return socket.IPPROTO_IP, 8, struct.pack("=I4s4s", 1, octets, octets)
