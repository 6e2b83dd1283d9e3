"""Stand-ins for what is around an HTTP connection: a transport, a site, the clock."""

from __future__ import annotations

import socket
import struct
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from toron.core.forwarding import Forwarding
from toron.core.message import Request, Response
from toron.core.networks import Networks
from toron.core.refusal import Reason
from toron.core.server import Server
from toron.core.wait import Task
from toron.net.connection import Connection
from toron.net.http_site import HttpSite
from toron.net.sweep import Sweep
from toron.observe.stats import ListenerStats

DATE = b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"


class Handle:
    """A socket, with the kernel's numbers as the test sets them."""

    def __init__(self) -> None:
        self.taken = 0
        self.ours, self.peers = socket.socketpair()

    def fileno(self) -> int:
        return self.ours.fileno()

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        assert (level, option) == (socket.IPPROTO_TCP, socket.TCP_INFO)
        return struct.pack("=120xQ", self.taken)[:size]

    def close(self) -> None:
        self.ours.close()
        self.peers.close()


class Transport:
    """Remembers what was written and asked for; the test says when it is full or lost."""

    def __init__(self) -> None:
        self.handle = Handle()
        self.protocol: Any = None
        self.producer: Any = None
        self.written = b""
        self.reading = True
        self.ending = ""
        """`half`, `close` or `abort`, as it was asked for last."""
        self.connected = True

    def write(self, data: bytes) -> None:
        assert self.ending in ("", "half"), "written after the end"
        self.written += data

    def said(self) -> bytes:
        """What was written since the last time."""
        written, self.written = self.written, b""
        return written

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert streaming
        assert self.producer is None
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        self.reading = True

    def loseWriteConnection(self) -> None:
        self.ending = "half"

    def loseConnection(self) -> None:
        self.ending = "close"

    close = loseConnection

    def abortConnection(self) -> None:
        self.ending = "abort"

    def getHandle(self) -> Handle:
        return self.handle

    def lose(self, orderly: bool = True) -> None:
        """The connection is gone."""
        self.connected = False
        self.protocol.connectionLost(Failure(ConnectionDone() if orderly else ConnectionLost()))


class World:
    """A clock with its sweep, a site, and what became of every exchange."""

    def __init__(self, service: Callable[[Request], Awaitable[Response]], **limits: Any) -> None:
        self.clock = Clock()
        self.sweep = Sweep(self.clock)
        self.server = Server("http://10.0.0.1:80")
        self.finished: list[tuple[bytes, int, int, str]] = []
        """Path, status, body bytes sent, reason word."""
        self.stats = ListenerStats("web")
        self.site = HttpSite(
            reactor=self.clock, sweep=self.sweep, listener="web", scheme=b"http", service=service,
            forwarding=Forwarding(Networks(())), finished=self._finished, new_id=lambda: "id-1",
            wall=lambda: 0.0, stats=self.stats, random=Random(0),
        )  # fmt: skip
        for name, value in limits.items():
            setattr(self.site, name, value)

    def _finished(
        self, connection: Any, request: Request, status: int, sent: int, reason: Reason | None, detail: str
    ) -> None:
        self.finished.append((request.path, status, sent, "" if reason is None else reason.word))

    def connection(self, transport: Transport) -> Connection:
        """An accepted connection on that transport."""
        return Connection(self.clock, "web", transport, ("192.0.2.1", 1234), ("127.0.0.1", 80))

    def pass_time(self, seconds: float) -> None:
        """Time passes, and every deadline is looked at once."""
        self.clock.advance(seconds)
        self.sweep.look()


class Source:
    """Where a body comes from; remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pause(self) -> None:
        self.told.append("pause")

    def resume(self) -> None:
        self.told.append("resume")

    def stop(self) -> None:
        self.told.append("stop")


async def nobody(request: Request) -> Response:
    """The service of a test in which no client asks anything."""
    raise AssertionError("nobody is served here")


def outcome(awaitable: Awaitable[Any]) -> list[Any]:
    """What an awaitable gives, or the error it raises, once it has."""
    got: list[Any] = []

    async def wait() -> Any:
        return await awaitable

    Task(wait(), lambda result, error: got.append(result if error is None else error)).start()
    return got
